"""What the benchmarks share: seconds, the peak of a fresh process, things to measure on, tables."""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

REAL_DATA = "SEGGROUP_REAL_DATA"  # the folder of real scans that are not in the repository
SCENE = "scannet/scans/scene0000_00"  # in it
MIB = 1 << 20
GIB = 1 << 30

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # for the slow twins in reference.py


@dataclass(frozen=True)
class Table:
    """A table of results; a cell is a number, a text, or None for what was not measured."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]


def options(doc: str | None, **more: dict) -> argparse.Namespace:
    """The options of a script: --json and the script's own."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=doc, formatter_class=formatter)
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    for name, settings in more.items():
        parser.add_argument(f"--{name}", **settings)
    return parser.parse_args()


def output(tables: Sequence[Table], as_json: bool) -> None:
    """Print tables as Markdown, or as JSON with the same heads."""
    if as_json:
        named = {t.title: [dict(zip(t.header, r, strict=True)) for r in t.rows] for t in tables}
        print(json.dumps(named, indent=1))
        return
    for table in tables:
        print(f"\n**{table.title}**\n")
        print("| " + " | ".join(table.header) + " |\n|" + "---|" * len(table.header))
        for row in table.rows:
            print("| " + " | ".join(map(_cell, row)) + " |")


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "–"
    if isinstance(value, float):
        digits = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
        return f"{value:.{digits}f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def best(
    function: Callable[[], object],
    repeats: int = 5,
    warm_up: bool = True,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Seconds of the fastest of some runs, after one to warm up.

    With ``clock=processor_time`` what other programs on the machine do hardly matters.
    """
    if warm_up:
        function()
    times = []
    for _ in range(repeats):
        start = clock()
        function()
        times.append(clock() - start)
    return min(times)


def processor_time() -> float:
    """Processor seconds of this process and of the programs that it ran and waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in used)


def fresh(function: Callable[..., Any], *arguments: Any, threads: int | None = None) -> Any:
    """`function(*arguments)` in a new process, so that no cache and no peak leaks into it.

    threads : of numba and torch; by default all
    """
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = dict(os.environ)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the program does
    if threads:
        os.environ.update(dict.fromkeys(names, str(threads)))
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(function, *arguments).result()
    finally:
        os.environ.clear()
        os.environ.update(before)


def memory(field: str) -> int:
    """Bytes of this process: VmHWM, the most it ever had in memory, or VmRSS, what it has now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system does not tell a process's memory")


def real_data() -> Path | None:
    """The folder of real scans, where the environment names one."""
    return Path(os.environ[REAL_DATA]) if os.environ.get(REAL_DATA) else None


def scannet_folder(temporary: Path, number: int = 0) -> Path:
    """A scan in ScanNet's layout: scene0000_00 where there is real data, else a synthetic room."""
    data = real_data()
    return data / SCENE if data and number == 0 else synthetic_folder(temporary, number)


def synthetic_folder(temporary: Path, number: int) -> Path:
    """A synthetic room written in ScanNet's layout."""
    from seggroup.pipeline import synthesize

    scene = fresh(synthesize, number, temporary, 0)["scene"]
    return temporary / "scans" / scene


def bumpy_mesh(vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """A height field of about so many vertices and twice the faces, in rows: vertices, faces.

    Bumps of 10 % of an edge and steps every 40 edges: segments of about 180 vertices.
    """
    side, rng = round(vertices**0.5), np.random.default_rng(0)
    x, y = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    steps = rng.integers(0, 3, (side // 40 + 1, side // 40 + 1)).repeat(40, 0).repeat(40, 1)
    z = 2.0 * steps[:side, :side] + rng.normal(0, 0.1, (side, side))
    points = 0.02 * np.stack([x, y, z], -1).reshape(-1, 3)
    i = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    upper, lower = [i, i + 1, i + side], [i + 1, i + side + 1, i + side]
    faces = np.stack([np.stack(upper, 1), np.stack(lower, 1)], 1).reshape(-1, 3)
    return points.astype(np.float32), faces.astype(np.int32)
