"""Where to click next, when the network spreads the clicks: what is most and most surely wrong.

The doubt d(t) of a piece is 1 less the share of its label: it is high where no clicked object
explains the piece ("none"), and where several do. A click on s is expected to settle

    gain(s) = d(s)  sum over t of  size(t) d(t) h(t, s)

vertices: h(t, s), the probability that a walker on the learned links comes from t by s before he
gives up, stands for the chance that both are of one object. Before the first click all is in
doubt, and the gain is the size of the object that the links alone show. The rule is that of
`suggest`, and so is the walker; the doubt and the links are the network's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from seggroup.assign.labels import Known, Shares
from seggroup.suggest import Guide, inverse_diagonal

NOTHING = 1e-9  # share of the scan: a gain below it is rounding


@dataclass(frozen=True)
class Spot:
    """A piece to click.

    vertex : in its middle
    gain   : expected share of the scan's vertices that the click settles
    reach  : the share that clicked instances have of the piece, all together; 0 before any click
    """

    piece: int
    vertex: int
    gain: float
    reach: float


def make_links_guide(known: Known) -> Guide:
    """The far walker on a scan's learned links: what no click changes."""
    far = known.walks[0]
    return Guide(known.around.size, far, inverse_diagonal(far))


def next_spots(
    known: Known,
    guide: Guide,
    found: Shares | None,
    clicked: Sequence[int] | np.ndarray,
    declined: Sequence[int] | np.ndarray,
    count: int,
) -> list[Spot]:
    """The best pieces to click, at most `count`, by gain; none is clicked or declined.

    found    : the shares given the clicks; None before the first
    clicked  : pieces with a click, which settle themselves alone: the rest is in `found`
    declined : pieces that the annotator would not click, whose surroundings count as settled

    Each spot is chosen as though the ones before it were clicked, so that they are apart.
    """
    size = guide.size / guide.size.sum()
    doubt, reach = np.ones(len(size)), np.zeros(len(size))
    if found is not None:
        doubt -= found.share.max(axis=1)
        reach = 1 - found.none.astype(np.float64)
    free = np.ones(len(size), bool)
    free[np.asarray(clicked, int)] = free[np.asarray(declined, int)] = False
    doubt = np.where(free, doubt.clip(0, 1), 0)
    doubt = settled(guide, doubt, np.asarray(declined, int))
    spots: list[Spot] = []
    while len(spots) < count:
        gain = np.where(free, doubt * guide.factor.solve(size * doubt) / guide.diagonal, 0)
        best = int(gain.argmax())
        if gain[best] < NOTHING:
            break
        spots.append(Spot(best, middle(known, best), float(gain[best]), float(reach[best])))
        free[best] = False
        doubt = settled(guide, doubt, np.array([best]))
    return spots


def settled(
    guide: Guide, doubt: Float64[np.ndarray, " p"], pieces: Int[np.ndarray, " n"]
) -> Float64[np.ndarray, " p"]:
    """The doubt that is left where walkers come by none of the pieces."""
    for first in range(0, len(pieces), 256):  # a block at a time, to bound memory
        some = pieces[first : first + 256]
        start = np.zeros((len(doubt), len(some)), order="F")
        start[some, np.arange(len(some))] = 1
        hit = guide.factor.solve(start) / guide.diagonal[some]
        doubt = doubt * (1 - hit.clip(0, 1)).prod(axis=1)
    return doubt


def middle(known: Known, piece: int) -> int:
    """The vertex of a piece that is nearest to its centroid."""
    inside = np.flatnonzero(known.pieces.piece == piece)
    place = known.scene.scan.vertices[inside].astype(np.float64)
    return int(inside[np.linalg.norm(place - place.mean(axis=0), axis=1).argmin()])
