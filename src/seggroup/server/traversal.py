"""The order in which a mesh's faces are sent: gate by gate, each face beside an earlier one.

What gates, corners, steps and names are stands in `seggroup.server.geometry`.
"""

import typing

import numpy as np
from jaxtyping import Int32, UInt8
from numba import njit

END, NAMED, LEFT, RIGHT = range(4)  # the steps


def traverse(
    n: int, faces: Int32[np.ndarray, "f 3"]
) -> tuple[UInt8[np.ndarray, " t"], Int32[np.ndarray, "c 4"]]:
    """The steps, and the names that the faces of n vertices need: rows of c, a, b, o.

    A row has the named vertex and its parents. The time is linear in the faces but for a logarithm
    of the most faces about one vertex, however they lie.
    """
    return _traverse(n, faces)


@njit(cache=True)
@typing.no_type_check
def _sorted_by(vertex, corners, n):
    """Corners sorted by their `vertex`, those of one in the given order, and where each begins."""
    start = np.zeros(n + 2, np.int64)
    for i in range(len(vertex)):
        start[vertex[i] + 2] += 1
    for v in range(n):
        start[v + 2] += start[v + 1]
    result = np.empty_like(corners)
    for i in corners:
        result[start[vertex[i] + 1]] = i
        start[vertex[i] + 1] += 1
    return result, start


@njit(cache=True)
@typing.no_type_check
def _turn(i, by):
    """The corner `by` places on in corner i's face, cyclically."""
    face = i // 3
    return 3 * face + (i - 3 * face + by) % 3


@njit(cache=True)
@typing.no_type_check
def _corner_behind(a, b, start, corners, ends, skip, done):
    """Corner c of a face (a, b, c) that is not done, or -1.

    The corners at a are sorted by their edges' ends and searched by halves, and `skip` counts the
    done ones among equals: a fan or a book of many faces would else take quadratic time.
    """
    first, stop = start[a], start[a + 1]
    while first < stop:
        middle = (first + stop) // 2
        if ends[corners[middle]] < b:
            first = middle + 1
        else:
            stop = middle
    k = first + skip[first]
    while k < start[a + 1] and ends[corners[k]] == b:
        if not done[corners[k] // 3]:
            return _turn(corners[k], 2)
        skip[first] += 1
        k += 1
    return -1


@njit(cache=True)
@typing.no_type_check
def _open(i, sent, is_open, before, after):
    """Open the gate of corner i of the sent faces."""
    is_open[i] = True
    after[sent[_turn(i, 2)]] = i
    before[sent[_turn(i, 1)]] = i


@njit(cache=True)
@typing.no_type_check
def _attach(t, a, b, c, sent, is_open, before, after):
    """Send face t = (a, b, c) through a gate from a to b, and return the step that tells c."""
    p, q = before[a], after[b]
    left = p >= 0 and is_open[p] and sent[_turn(p, 2)] == c
    right = q >= 0 and is_open[q] and sent[_turn(q, 1)] == c
    sent[3 * t], sent[3 * t + 1], sent[3 * t + 2] = a, b, c
    if right:
        is_open[q] = False
    else:
        _open(3 * t, sent, is_open, before, after)
    if left:
        is_open[p] = False
    else:
        _open(3 * t + 1, sent, is_open, before, after)
    return LEFT if left else RIGHT if right else NAMED


@njit(cache=True)
@typing.no_type_check
def _name(names, k, c, a, b, o):
    """Write name k, that of c, with its parents; the next k."""
    names[k, 0], names[k, 1], names[k, 2], names[k, 3] = c, a, b, o
    return k + 1


@njit(cache=True)
@typing.no_type_check
def _traverse(n, faces):
    """The steps, and the names that the faces need, with their parents: rows (c, a, b, o)."""
    m, flat, ends = len(faces), faces.ravel(), faces[:, np.array([1, 2, 0])].copy().ravel()
    corners, _ = _sorted_by(ends, np.arange(3 * m), n)
    corners, start = _sorted_by(flat, corners, n)
    skip = np.zeros(3 * m + 1, np.int32)
    done, is_open = np.zeros(m, np.bool_), np.zeros(3 * m, np.bool_)
    before, after = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
    sent, steps = np.empty(3 * m, np.int32), np.empty(3 * m, np.uint8)
    names = np.empty((3 * m, 4), np.int32)
    i, t, step, name = 0, 0, 0, 0  # the next gate, face, step and name
    for seed in range(m):
        if done[seed]:
            continue
        done[seed] = True
        x, y, z = faces[seed]
        last = names[name - 1, 0] if name else np.int32(n)
        name = _name(names, name, x, last, last, last)
        name = _name(names, name, y, x, x, x)
        name = _name(names, name, z, x, y, x)
        sent[3 * t], sent[3 * t + 1], sent[3 * t + 2] = x, y, z
        for j in range(3):
            _open(3 * t + j, sent, is_open, before, after)
        t += 1
        while i < 3 * t and t < m:
            if is_open[i]:
                is_open[i] = False
                a, b = sent[_turn(i, 2)], sent[_turn(i, 1)]
                behind = _corner_behind(a, b, start, corners, ends, skip, done)
                steps[step] = END
                if behind >= 0:
                    c = flat[behind]
                    done[behind // 3] = True
                    steps[step] = _attach(t, a, b, c, sent, is_open, before, after)
                    if steps[step] == NAMED:
                        name = _name(names, name, c, a, b, sent[i])
                    t += 1
                step += 1
            i += 1
    return steps[:step], names[:name]
