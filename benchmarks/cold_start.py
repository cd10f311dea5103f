"""Cold start: the whole command `seggroup segment` on a mesh of 81k vertices, as a user runs it.

    python benchmarks/cold_start.py

Target: under 2.5 s in all with the compilation cached. Also with an empty compilation cache (the
first run after an installation), on scene0000_00 where SEGGROUP_REAL_DATA is set, and beside what
a Python program pays for its imports alone.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from common import SCENE, Table, best, bumpy_mesh, options, output, processor_time, real_data

from seggroup.io.ply import write_columns

PROGRAM = str(Path(sys.executable).with_name("seggroup"))


def run(command: list[str], **environment: str) -> None:
    """Run a command without its output."""
    subprocess.run(command, check=True, capture_output=True, env=os.environ | environment)


def timed(command: list[str], repeats: int = 3, **environment: str) -> tuple[float, float]:
    """Seconds by the clock and of processor time: the best of some runs after a first one."""
    clocks = (perf_counter, processor_time)
    wall, processor = (
        best(lambda: run(command, **environment), repeats, clock=clock) for clock in clocks
    )
    return wall, processor


def first_run(command: list[str]) -> tuple[float, float]:
    """The same of one run with an empty compilation cache."""
    with tempfile.TemporaryDirectory() as cache:
        wall, processor = perf_counter(), processor_time()
        run(command, NUMBA_CACHE_DIR=cache)
        return perf_counter() - wall, processor_time() - processor


def main() -> None:
    """Measure and print."""
    given = options(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        mesh, out = Path(folder) / "mesh.ply", str(Path(folder) / "out.segs.json")
        vertices, faces = bumpy_mesh(81_225)
        columns = {axis: ("float", vertices[:, i]) for i, axis in enumerate("xyz")}
        write_columns(mesh, columns, faces)
        command = [PROGRAM, "segment", str(mesh), "-o", out, "--json"]
        name = f"seggroup segment, {len(vertices):,} vertices"
        rows = [
            (f"{name}, compilation cached", *timed(command), 2.5),
            (f"{name}, the very first run", *first_run(command), None),
        ]
        if data := real_data():
            scene = data / f"{SCENE}/{Path(SCENE).name}_vh_clean_2.ply"
            # --recompute, as this scan brings its segments
            real = [PROGRAM, "segment", str(scene), "-o", out, "--recompute", "--json"]
            rows.append(("seggroup segment scene0000_00, cached", *timed(real), 2.5))
        rows.append(("seggroup --version", *timed([PROGRAM, "--version"]), None))
        for modules in ("numpy", "numba", "scipy.sparse.csgraph", "torch"):
            command = [sys.executable, "-c", f"import {modules}"]
            rows.append((f"python -c 'import {modules}'", *timed(command), None))
    header = ("", "seconds by the clock", "processor seconds", "target")
    output([Table("Cold start", header, rows)], given.json)


if __name__ == "__main__":
    main()
