"""Large scans: a LAZ of 20 million points and a mesh of 5 million vertices, from file to labels.

    python benchmarks/large_scans.py [--quick] [--keep FOLDER]

Both are a synthetic building of rooms with furniture, its surfaces sampled with noise. Each command
is a fresh process, as a user runs it; memory is its peak (VmHWM). Goals: the LAZ read and thinned
in at most 40 s on two cores, everything in at most 6 GiB. --quick: a tenth of the size.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from common import GIB, MIB, Table, fresh, memory, options, output

PROGRAM = str(Path(sys.executable).with_name("seggroup"))
ROOM = 5.0  # metres, the side of a room
HEIGHT = 2.6
NOISE = 0.003  # metres
BOXES = 8  # pieces of furniture in a room


def patches(side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The rectangles of a building of side x side rooms: origin, two edges, colour of each."""
    rng = np.random.default_rng(0)
    rows: list[tuple] = []
    for i in range(side * side):
        x, y = (i % side) * ROOM, (i // side) * ROOM
        brown, wall = rng.integers(90, 160, 3), rng.integers(170, 250, 3)
        rows.append(((x, y, 0), (ROOM, 0, 0), (0, ROOM, 0), brown))
        for start, along in (((x, y, 0), (ROOM, 0, 0)), ((x, y, 0), (0, ROOM, 0))):
            rows.append((start, along, (0, 0, HEIGHT), wall))
        for _ in range(BOXES):
            shade, size = rng.integers(20, 240, 3), rng.uniform(0.3, 1.0, 3)
            a, b = rng.uniform(0.2, ROOM - 1.3, 2)
            low, (w, d, h) = np.array([x + a, y + b, 0.0]), size
            for start, u, v in (
                ((*low[:2], low[2] + h), (w, 0, 0), (0, d, 0)),
                (low, (w, 0, 0), (0, 0, h)),
                (low, (0, d, 0), (0, 0, h)),
                ((low[0] + w, *low[1:]), (0, d, 0), (0, 0, h)),
                ((low[0], low[1] + d, low[2]), (w, 0, 0), (0, 0, h)),
            ):
                rows.append((start, u, v, shade))
    columns = zip(*rows, strict=True)
    origin, u, v, color = (np.array(column, float) for column in columns)
    return origin, u, v, color


def write_laz(path: Path, points: int, side: int) -> None:
    """A LAZ of about so many points of the building, a million at a time."""
    import laspy

    origin, u, v, color = patches(side)
    area = np.linalg.norm(np.cross(u, v), axis=1)
    header = laspy.LasHeader(point_format=2, version="1.2")
    header.scales = np.full(3, 1e-4)
    rng = np.random.default_rng(1)
    counts = np.maximum(np.rint(points * area / area.sum()), 1).astype(int)
    which = np.repeat(np.arange(len(area)), counts)
    with laspy.open(path, "w", header=header) as file:
        for start in range(0, len(which), MIB):
            one = which[start : start + MIB]
            s, t = rng.random((2, len(one), 1))
            place = origin[one] + s * u[one] + t * v[one] + rng.normal(0, NOISE, (len(one), 3))
            shade = np.clip(color[one] + rng.normal(0, 6, (len(one), 3)), 0, 255)
            record = laspy.ScaleAwarePointRecord.zeros(len(one), header=header)
            record.x, record.y, record.z = place.T
            record.red, record.green, record.blue = (256 * shade.T).astype(np.uint16)
            file.write_points(record)


def write_mesh(path: Path, vertices: int, side: int) -> None:
    """A binary PLY of about so many vertices: every patch a grid of squares."""
    from seggroup.io.ply import write_ply
    from seggroup.types import Scan

    origin, u, v, color = patches(side)
    step = float(np.sqrt(np.linalg.norm(np.cross(u, v), axis=1).sum() / vertices))
    rng = np.random.default_rng(2)
    points, shades, faces, size = [], [], [], 0
    for i in range(len(origin)):
        n, m = (max(int(np.linalg.norm(edge[i]) / step), 1) + 1 for edge in (u, v))
        a, b = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, m), indexing="ij")
        place = origin[i] + a.reshape(-1, 1) * u[i] + b.reshape(-1, 1) * v[i]
        points.append((place + rng.normal(0, NOISE / 3, place.shape)).astype(np.float32))
        shade = np.clip(color[i] + rng.normal(0, 6, place.shape), 0, 255)
        shades.append(shade.astype(np.uint8))
        corner = (np.arange(n - 1)[:, None] * m + np.arange(m - 1)).ravel() + size
        faces.append(np.stack([corner, corner + m, corner + m + 1], 1).astype(np.int32))
        faces.append(np.stack([corner, corner + m + 1, corner + 1], 1).astype(np.int32))
        size += n * m
    parts = (np.concatenate(part) for part in (points, shades, faces))
    write_ply(path, Scan(path.stem, *parts))


def read_and_thin(path: Path) -> dict:
    """Seconds and the memory peak of reading, of choosing the voxel and of thinning."""
    from seggroup.geometry.thin import thin, voxel_for
    from seggroup.io.scan import read_scan

    start = perf_counter()
    scan = read_scan(path)
    read = perf_counter()
    voxel = voxel_for(scan)
    thinned, _ = thin(scan, voxel)
    end = perf_counter()
    return {
        "points": len(scan.vertices),
        "kept": len(thinned.vertices),
        "voxel": voxel,
        "read": read - start,
        "thin": end - read,
        "memory": memory("VmHWM"),
    }


_WATCH = """
import json, sys
from time import perf_counter
start = perf_counter()
from seggroup.cli import main
sys.argv = sys.argv[1:]
try:
    main()
except SystemExit as end:
    if end.code:
        raise
finally:
    lines = open("/proc/self/status").read().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    print(json.dumps({"seconds": perf_counter() - start, "memory": peak * 1024}), file=sys.stderr)
"""


def command(*words: str) -> tuple[dict, float, int]:
    """What a command says by --json, its seconds and its peak of memory in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", _WATCH, "seggroup", *words, "--json"], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    use = json.loads(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout), use["seconds"], use["memory"]


def write_some_clicks(scan: Path, folder: Path, segments: Path, number: int) -> int:
    """Clicks on the largest segments of a scan, one instance each; their number."""
    from seggroup.io.scan import read_scan
    from seggroup.io.scannet import read_segments

    ids = read_segments(segments, len(read_scan(scan).vertices))
    found, first, counts = np.unique(ids, return_index=True, return_counts=True)
    largest = np.argsort(-counts, kind="stable")[:number]
    value = {
        str(i): {str(found[s]): {"semantic": "table", "pointIndex": int(first[s])}}
        for i, s in enumerate(largest.tolist())
    }
    (folder / f"{scan.stem}.json").write_text(json.dumps(value))
    return len(value)


def measured(path: Path, folder: Path, clicks: int) -> list[list]:
    """Rows of what happens to one file: stage, seconds, memory, disk, what came of it."""
    rows: list[list] = []
    name = path.suffix[1:].upper()

    def row(stage: str, seconds: float, peak: int, disk: int | None, said: str) -> None:
        rows.append([name, stage, seconds, peak / GIB, disk and disk / MIB, said])
        print(f"{name} {stage}: {seconds:.1f} s, {peak / GIB:.2f} GiB, {said}", file=sys.stderr)

    once = fresh(read_and_thin, path, threads=2)
    row("read", once["read"], once["memory"], path.stat().st_size, f"{once['points']:,} points")
    said = f"{once['kept']:,} kept, voxels of {100 * once['voxel']:g} cm"
    row("thin", once["thin"], once["memory"], None, said)
    segments = folder / f"{path.stem}.segs.json"
    result, seconds, peak = command("segment", str(path), "-o", str(segments))
    said = f"{result['segments']:,} segments"
    row("seggroup segment", seconds, peak, segments.stat().st_size, said)
    place = folder / f"{path.stem}-clicks"
    place.mkdir()
    number = fresh(write_some_clicks, path, place, segments, clicks)
    for method in ("walk", "assign"):
        out = folder / f"{path.stem}-{method}"
        result, seconds, peak = command(
            "propagate", str(path), "--clicks", str(place), "-o", str(out), "--method", method
        )
        disk = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
        said = f"{number} clicks, {result['scenes'][0]['labelled']:.1%} labelled"
        row(f"seggroup propagate --method {method}", seconds, peak, disk, said)
    return rows


def main() -> None:
    """Make both files, measure, print."""
    chosen = options(
        __doc__,
        quick={"action": "store_true", "help": "a tenth of the size"},
        keep={"type": Path, "help": "make the files in this folder and leave them there"},
    )
    part = 10 if chosen.quick else 1
    side = 3 if chosen.quick else 8
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        cloud, mesh = folder / "building.laz", folder / "storey.ply"
        if not cloud.exists():
            fresh(write_laz, cloud, 20_000_000 // part, side)
        if not mesh.exists():
            fresh(write_mesh, mesh, 5_000_000 // part, side)
        results = Path(temporary) / "results"
        results.mkdir()
        clicks = 20 * side * side
        rows = [row for path in (cloud, mesh) for row in measured(path, results, clicks)]
    head = ["file", "stage", "seconds", "GiB", "MiB on disk", "result"]
    output([Table("Large scans", head, rows)], chosen.json)


if __name__ == "__main__":
    main()
