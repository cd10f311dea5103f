"""How often units and axes are recognised: real scans and synthetic rooms, turned and rescaled.

    python benchmarks/placing.py [--rooms 50] [--data FOLDER]

Every scan (metres, z up) is read as it is, in millimetres and centimetres, and with each other
axis pointing up, all of that for several turns about the vertical; as a mesh and, where it has
faces, as a cloud of its vertices too. A line for each scan; then the shares that were read
rightly.
"""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from seggroup.io.placing import AXES, METRES, placed, told
from seggroup.io.reading import AS_FOUND
from seggroup.io.scan import read_scan
from seggroup.types import Frame, Scan

TURNS = (0, 17, 45, 90, 133)  # degrees about the vertical
NOWHERE = (0.0, 0.0, 0.0)


def main() -> None:
    """Print the table and the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=50, help="synthetic rooms")
    parser.add_argument("--data", type=Path, default=os.environ.get("SEGGROUP_REAL_DATA"))
    options = parser.parse_args()
    total: dict[str, list[bool]] = {}
    seconds: list[float] = []
    for kind, scan in scans(options.data, options.rooms):
        for faces in [scan.faces, scan.faces[:0]] if scan.is_mesh else [scan.faces]:
            rows = tried(scan, faces, seconds)
            for name, right in rows.items():
                total.setdefault(f"{kind}: {name}", []).extend(right)
            words = "  ".join(f"{name} {np.mean(right):.2f}" for name, right in rows.items())
            print(f"{scan.name:20} {'mesh' if len(faces) else 'cloud':6} {words}", flush=True)
    print()
    for name, right in total.items():
        print(f"{name:30} {sum(right)} of {len(right)} ({np.mean(right):.3f})")
    print(f"{1000 * np.median(seconds):.1f} ms a scan (median), {1000 * max(seconds):.1f} at most")


def scans(data: Path | None, rooms: int) -> Iterator[tuple[str, Scan]]:
    """Real scans that are upright and in metres, and synthetic rooms."""
    if data:
        data = Path(data)
        for path in sorted(data.glob("*/*.ply")) + sorted(data.glob("*/*/*/*_clean_2.ply")):
            yield ("real" if path.parent.name != "unlabelled" else "without truth"), read_scan(path)
    if rooms:
        from seggroup.synth import make_room

        for number in range(rooms):
            yield "synthetic", make_room(1000 + number, f"room {number}")[0]


def tried(scan: Scan, faces: np.ndarray, seconds: list[float]) -> dict[str, list[bool]]:
    """Whether each changed copy was recognised, by what was changed."""
    result: dict[str, list[bool]] = {"as it is": [], "mm": [], "cm": [], "y up": [], "other up": []}
    for degrees in TURNS:
        angle = np.radians(degrees)
        turn = np.array(
            [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
        )
        points = scan.vertices.astype(np.float64) @ turn.T
        for unit in ("m", "mm", "cm"):
            copy = (points / METRES[unit]).astype(np.float32)
            right = recognised(copy, faces, seconds) == {"unit": unit, "up": "z"}
            result["as it is" if unit == "m" else unit].append(right)
        for up, axes in AXES.items():
            if up != "z":
                copy = Frame(axes=axes).to_file(points).astype(np.float32)
                right = recognised(copy, faces, seconds) == {"unit": "m", "up": up}
                result["y up" if up == "y" else "other up"].append(right)
    return result


def recognised(points: np.ndarray, faces: np.ndarray, seconds: list[float]) -> dict[str, str]:
    """What the file's unit and upward axis are taken for."""
    start = time.perf_counter()
    frame, _ = placed(points, faces, NOWHERE, False, None, None, AS_FOUND)
    seconds.append(time.perf_counter() - start)
    return told(frame)


if __name__ == "__main__":
    main()
