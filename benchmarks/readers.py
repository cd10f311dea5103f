"""How fast each reader is beside every library that reads the format, and what it survives.

A wavy mesh of 150,000 vertices (and its cloud) is written in every format to a temporary folder.
Each library reads it in a process of its own: seconds of the best of five after one to warm up,
beside the most memory above that of the imports. "Broken" are seven files made from the good one
(cut in half, cut to its head, a promise of 4 billion, noise …): each must be answered by an
exception. Silence is a partial or wrong cloud without one; a crash ends the process, a hang lasts
longer than 20 s, memory is more than 1 GiB. Libraries that are not installed are named below.

`--large` reads and thins a cloud of 20 million points in LAZ instead.
"""

import contextlib
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import GIB, MIB, Table, bumpy_mesh, memory, options, output

VERTICES = 150_000
LIMIT_S = 20
OWN = ("seggroup", "seggroup, whole")  # the file's arrays; the checked scan
MESHES = ("ply", "big.ply", "ascii.ply", "obj", "off", "stl", "ascii.stl", "glb")
CLOUDS = (
    "las", "laz", "e57", "ascii.pcd", "binary.pcd", "packed.pcd", "xyz", "csv", "npy", "npz",
)  # fmt: skip


def _by_seggroup(path: Path) -> Any:
    from seggroup.io.kinds import kind_of
    from seggroup.io.scan import BY_KIND

    return BY_KIND[kind_of(path)[0]](path).vertices


def _by_whole(path: Path) -> Any:
    from seggroup.io.scan import read_scan

    return read_scan(path).vertices


def _by_plyfile(path: Path) -> Any:
    from plyfile import PlyData

    data = PlyData.read(str(path), known_list_len={"face": {"vertex_indices": 3}})
    vertex = data["vertex"].data
    np.ascontiguousarray(data["face"].data["vertex_indices"])
    return np.stack([vertex[axis] for axis in "xyz"], axis=1)


def _by_trimesh(path: Path) -> Any:
    import trimesh

    return trimesh.load(str(path), process=False, force="mesh").vertices


def _by_open3d(path: Path) -> Any:
    import open3d

    if path.suffix in (".pcd", ".xyz"):
        return np.asarray(open3d.io.read_point_cloud(str(path)).points)
    return np.asarray(open3d.io.read_triangle_mesh(str(path)).vertices)


def _by_meshio(path: Path) -> Any:
    import meshio

    return meshio.read(path).points


def _by_pymeshlab(path: Path) -> Any:
    import pymeshlab

    meshes = pymeshlab.MeshSet()
    meshes.load_new_mesh(str(path))
    return meshes.current_mesh().vertex_matrix()


def _by_laspy(path: Path) -> Any:
    import laspy

    return np.asarray(laspy.read(str(path)).xyz)


def _by_pye57(path: Path) -> Any:
    import pye57

    with pye57.E57(str(path)) as file:
        data = file.read_scan(0, colors=True, ignore_missing_fields=True)
    return np.stack([data[f"cartesian{axis}"] for axis in "XYZ"], axis=1)


def _by_pypcd4(path: Path) -> Any:
    import pypcd4

    return pypcd4.PointCloud.from_path(path).numpy(("x", "y", "z"))


def _by_pandas(path: Path) -> Any:
    import pandas

    separator, head = ("," if path.suffix == ".csv" else " "), None
    head = 0 if path.suffix == ".csv" else None
    return pandas.read_csv(path, sep=separator, header=head).to_numpy()[:, :3]


def _by_polars(path: Path) -> Any:
    import polars

    separator = "," if path.suffix == ".csv" else " "
    frame = polars.read_csv(path, separator=separator, has_header=path.suffix == ".csv")
    return frame.to_numpy()[:, :3]


def _by_numpy(path: Path) -> Any:
    if path.suffix == ".npy":
        return np.load(path)[:, :3]
    if path.suffix == ".npz":
        with np.load(path) as archive:
            return {name: archive[name] for name in archive.files}["points"]
    delimiter = "," if path.suffix == ".csv" else None
    return np.loadtxt(path, delimiter=delimiter, skiprows=int(path.suffix == ".csv"))[:, :3]


LIBRARIES: dict[str, tuple[str, Callable[[Path], Any], tuple[str, ...]]] = {
    OWN[0]: ("seggroup", _by_seggroup, MESHES + CLOUDS),
    OWN[1]: ("seggroup", _by_whole, MESHES + CLOUDS),
    "plyfile": ("plyfile", _by_plyfile, ("ply", "big.ply", "ascii.ply")),
    "trimesh": ("trimesh", _by_trimesh, MESHES),
    "Open3D": ("open3d", _by_open3d,
               (*MESHES[:6], "glb", "ascii.pcd", "binary.pcd", "packed.pcd", "xyz")),
    "meshio": ("meshio", _by_meshio, MESHES[:7]),
    "PyMeshLab": ("pymeshlab", _by_pymeshlab, (*MESHES, "e57", "xyz")),
    "laspy": ("laspy", _by_laspy, ("las", "laz")),
    "pye57": ("pye57", _by_pye57, ("e57",)),
    "pypcd4": ("pypcd4", _by_pypcd4, ("ascii.pcd", "binary.pcd", "packed.pcd")),
    "pandas": ("pandas", _by_pandas, ("xyz", "csv")),
    "polars": ("polars", _by_polars, ("xyz", "csv")),
    "numpy": ("numpy", _by_numpy, ("xyz", "csv", "npy", "npz")),
}  # fmt: skip


def make(folder: Path, vertices: int) -> None:
    """The same mesh, or its vertices, in every format."""
    from seggroup.io.ply import write_ply
    from seggroup.types import Scan

    points, faces = bumpy_mesh(vertices)
    colors = np.random.default_rng(1).integers(0, 256, points.shape).astype(np.uint8)
    scan = Scan("mesh", points, colors, faces)
    write_ply(folder / "mesh.ply", scan)
    _write_plys(folder, points, colors, faces)
    _write_texts(folder, points, colors, faces)
    corners = points[faces]
    row = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("count", "<u2")])
    triangles = np.zeros(len(faces), row)
    triangles["corners"] = corners
    head = bytes(80) + len(faces).to_bytes(4, "little")
    (folder / "mesh.stl").write_bytes(head + triangles.tobytes())
    import trimesh

    mesh = trimesh.Trimesh(points, faces, vertex_colors=colors, process=False)
    (folder / "mesh.glb").write_bytes(trimesh.exchange.gltf.export_glb(trimesh.Scene(mesh)))
    np.save(folder / "mesh.npy", np.hstack([points, colors]).astype(np.float32))
    np.savez(folder / "mesh.npz", points=points, colors=colors)
    write_las(folder / "mesh.las", [(points, colors)])
    write_las(folder / "mesh.laz", [(points, colors)])
    import pye57

    data = {f"cartesian{axis}": points[:, i].astype(float) for i, axis in enumerate("XYZ")}
    data |= {f"color{n}": colors[:, i].copy() for i, n in enumerate(("Red", "Green", "Blue"))}
    with pye57.E57(str(folder / "mesh.e57"), mode="w") as file:
        file.write_scan_raw(data)


def _write_plys(folder: Path, points: np.ndarray, colors: np.ndarray, faces: np.ndarray) -> None:
    names = [f"property float {axis}" for axis in "xyz"]
    names += [f"property uchar {color}" for color in ("red", "green", "blue")]
    head = [f"element vertex {len(points)}", *names, f"element face {len(faces)}"]
    head += ["property list uchar int vertex_indices", "end_header\n"]
    rows = np.empty(len(points), [("p", ">f4", 3), ("c", "u1", 3)])
    rows["p"], rows["c"] = points, colors
    lists = np.empty(len(faces), [("n", "u1"), ("f", ">i4", 3)])
    lists["n"], lists["f"] = 3, faces
    big = "\n".join(["ply", "format binary_big_endian 1.0", *head]).encode()
    (folder / "mesh.big.ply").write_bytes(big + rows.tobytes() + lists.tobytes())
    text = "\n".join(["ply", "format ascii 1.0", *head])
    body = _lines("%.6g %.6g %.6g %d %d %d\n", points, colors) + _lines("3 %d %d %d\n", faces)
    (folder / "mesh.ascii.ply").write_text(text + body)


def _write_texts(folder: Path, points: np.ndarray, colors: np.ndarray, faces: np.ndarray) -> None:
    rows = _lines("%.6g %.6g %.6g %d %d %d\n", points, colors)
    (folder / "mesh.xyz").write_text(rows)
    (folder / "mesh.csv").write_text("x,y,z,r,g,b\n" + rows.replace(" ", ","))
    bare, index = _lines("%.6g %.6g %.6g\n", points), _lines("3 %d %d %d\n", faces)
    (folder / "mesh.off").write_text(f"OFF\n{len(points)} {len(faces)} 0\n{bare}{index}")
    lines = _lines("v %.6g %.6g %.6g\n", points) + _lines("f %d %d %d\n", faces + 1)
    (folder / "mesh.obj").write_text(lines)
    facet = "facet normal 0 0 1\nouter loop\n" + 3 * "vertex %.6g %.6g %.6g\n" + "endloop\nendfacet"
    corners = _lines(facet + "\n", points[faces].reshape(-1, 9))
    (folder / "mesh.ascii.stl").write_text(f"solid mesh\n{corners}endsolid mesh\n")
    packed = colors.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    head = (
        "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z rgb\nSIZE 4 4 4 4\n"
        f"TYPE F F F U\nCOUNT 1 1 1 1\nWIDTH {len(points)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\n"
        f"POINTS {len(points)}\nDATA "
    )
    ascii_rows = _lines("%.6g %.6g %.6g %d\n", points, packed[:, None])
    (folder / "mesh.ascii.pcd").write_text(f"{head}ascii\n{ascii_rows}")
    row = np.empty(len(points), [("p", "<f4", 3), ("c", "<u4")])
    row["p"], row["c"] = points, packed
    (folder / "mesh.binary.pcd").write_bytes(f"{head}binary\n".encode() + row.tobytes())
    plain = points.T.tobytes() + packed.tobytes()
    bits = _lzf(plain)
    sizes = len(bits).to_bytes(4, "little") + len(plain).to_bytes(4, "little")
    (folder / "mesh.packed.pcd").write_bytes(f"{head}binary_compressed\n".encode() + sizes + bits)


def _lines(form: str, *columns: np.ndarray) -> str:
    return "".join(form % (*row,) for row in np.hstack(columns).tolist())


def _lzf(plain: bytes) -> bytes:
    """Packed by the library where there is one, else by LZF's literal runs alone."""
    if importlib.util.find_spec("lzf"):
        import lzf

        return lzf.compress(plain, len(plain) * 2)
    parts = (plain[at : at + 32] for at in range(0, len(plain), 32))
    return b"".join(bytes([len(part) - 1]) + part for part in parts)


def write_las(path: Path, chunks: Any) -> None:
    """Chunks of points and colours, one after another."""
    import laspy

    header = laspy.LasHeader(point_format=2, version="1.2")
    header.scales = [1e-4] * 3
    with laspy.open(str(path), mode="w", header=header) as file:
        for points, colors in chunks:
            record = laspy.ScaleAwarePointRecord.zeros(len(points), header=header)
            record.x, record.y, record.z = points.T
            record.red, record.green, record.blue = colors.T.astype(np.uint16) * 257
            file.write_points(record)


def broken(path: Path, folder: Path) -> list[Path]:
    """Seven files that are not whole, made from a good one."""
    data = path.read_bytes()
    many = (2**32 - 1).to_bytes(4, "little")
    noise = np.random.default_rng(0).integers(0, 256, 4000).astype(np.uint8).tobytes()
    half = len(data) // 2
    files = {
        "empty": b"",
        "half": data[:half],
        "head": data[:60],
        "tail": data[: -len(data) // 100],
        "start": data[:16] + noise + data[4016:],
        "middle": data[:half] + noise + data[half + len(noise) :],
        "promise": _promising(path, data, many),
    }
    made = []
    for name, content in files.items():
        made.append(folder / f"{name}.{path.name.removeprefix('mesh.')}")
        made[-1].write_bytes(content)
    return made


def _promising(path: Path, data: bytes, many: bytes) -> bytes:
    """A head that promises four billion points, in the format's own way."""
    size = str(len(np.load(path.parent / "mesh.npy", mmap_mode="r"))).encode()
    match path.suffix:
        case ".las" | ".laz":
            return data[:107] + many + data[111:]
        case ".stl" if data[:5] != b"solid":
            return data[:80] + many + data[84:]
        case ".xyz" | ".csv" | ".obj" | ".stl":
            return data[:-40] + b"9" * 400 + b"e" + b"9" * 400
        case ".e57" | ".npz":
            return data[:16] + many + data[20:]
        case _:
            return data.replace(size, b"4294967295").replace(b'"count":' + size, b'"count":' + many)


def child(job: str) -> None:
    """What a measured process does: read one file, or broken ones; a line of JSON each."""
    order = json.loads(job)
    _, read, _ = LIBRARIES[order["library"]]
    paths = [Path(p) for p in order["paths"]]
    if not order["broken"]:
        read(Path(order["warm"]))  # imports, and what is compiled on first use
        before, times = memory("VmRSS"), []
        for _ in range(5):
            start = time.perf_counter()
            count = len(read(paths[0]))
            times.append(time.perf_counter() - start)
        print(json.dumps([min(times), max(memory("VmHWM") - before, 0), count]), flush=True)
        return
    with contextlib.suppress(Exception):
        read(Path(order["warm"]))
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + GIB,) * 2)
    for path in paths:
        try:
            count = len(read(path))
            verdict = "right" if count == order["count"] and "middle" in path.name else "silence"
        except MemoryError:
            verdict = "memory"
        except BaseException:  # the libraries raise anything
            verdict = "error"
        print(json.dumps(verdict), flush=True)


def run(order: dict, limit: float) -> tuple[list[Any], int | None]:
    """The lines of one measured process, and its exit status (None: past the limit)."""
    command = [sys.executable, __file__, "--child", json.dumps(order)]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=limit, env={**os.environ, "OMP_NUM_THREADS": "2"}
        )
        text, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as error:
        text, status = error.stdout or b"", None
    lines = []
    for line in text.decode(errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            lines.append(json.loads(line))
    return lines, status


def survival(library: str, warm: Path, files: list[Path], count: int) -> str:
    """What became of the broken files, in words."""
    verdicts: Counter = Counter()
    while files:
        paths = [str(p) for p in files]
        order = {
            "library": library,
            "paths": paths,
            "warm": str(warm),
            "broken": True,
            "count": count,
        }
        lines, status = run(order, LIMIT_S + 5.0)
        verdicts.update(lines)
        files = files[len(lines) :]
        if files and (status is None or status != 0):
            verdicts["hang" if status is None else "crash"] += 1
            files = files[1:]
        elif files:
            break
    order = ("right", "error", "silence", "memory", "hang", "crash")
    return ", ".join(f"{verdicts[v]} {v}" for v in order if verdicts[v])


def measured(folder: Path, formats: tuple[str, ...], vertices: int) -> Table:
    """The table of all libraries that are installed and all formats."""
    rows: list[list[Any]] = []
    bad = folder / "broken"
    bad.mkdir()
    small = folder / "small"
    small.mkdir()
    make(small, 400)
    for ending in formats:
        path, first = folder / f"mesh.{ending}", len(rows)
        print(f"{ending} …", file=sys.stderr, flush=True)
        files = broken(path, bad)
        for library, (module, _, endings) in LIBRARIES.items():
            if ending not in endings or importlib.util.find_spec(module) is None:
                continue
            warm = small / path.name
            order = {"library": library, "paths": [str(path)], "warm": str(warm), "broken": False}
            lines, _ = run(order, 120)
            seconds, peak, count = lines[0] if lines else (None, None, 0)
            words = "" if library == OWN[0] else survival(library, warm, files, count)
            note = "" if count == vertices else f"{count:,} vertices" if lines else "did not run"
            size = path.stat().st_size / MIB
            rows.append([ending, size, library, seconds, None, peak and peak / MIB, words, note])
        fastest = min(r[3] for r in rows[first:] if r[3] and r[2] not in OWN) if any(
            r[3] and r[2] not in OWN for r in rows[first:]
        ) else None  # fmt: skip
        for row in rows[first:]:
            row[4] = row[3] / fastest if row[3] and fastest else None
    head = ["format", "MiB", "read by", "s", "× fastest library", "peak MiB", "broken files", ""]
    return Table(f"{vertices:,} vertices, best of 5", head, rows)


def large(count: int) -> Table:
    """A LAZ of many points: written, read, thinned; each with its seconds and the peak so far."""
    rng, per, rows = np.random.default_rng(0), 1_000_000, []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "large.laz"

        def chunks() -> Any:
            for first in range(0, count, per):
                size = min(per, count - first)
                points = rng.uniform((0, 0, 0), (40, 30, 3), (size, 3))
                points[np.arange(size), rng.integers(0, 3, size)] = rng.integers(0, 4, size)
                points += rng.normal(0, 0.003, points.shape)
                yield points, rng.integers(0, 256, (size, 3))

        start = time.perf_counter()
        write_las(path, chunks())
        rows.append(["written", count, time.perf_counter() - start, None])
        order = {"library": "large", "path": str(path)}
        done = subprocess.run(
            [sys.executable, __file__, "--child", json.dumps(order)], capture_output=True
        )
        rows += [json.loads(line) for line in done.stdout.splitlines()]
        rows.append([f"{path.stat().st_size / MIB:.0f} MiB of LAZ", None, None, None])
    return Table(f"{count:,} points of LAZ", ["step", "points", "s", "peak GiB"], rows)


def large_child(path: Path) -> None:
    """Read and thin; a line for each."""
    from seggroup.geometry.thin import thin, voxel_for
    from seggroup.io.scan import read_scan

    start = time.perf_counter()
    scan = read_scan(path)
    read = time.perf_counter()
    print(json.dumps(["read", len(scan.vertices), read - start, memory("VmHWM") / GIB]))
    thinned, _ = thin(scan, voxel_for(scan))
    seconds = time.perf_counter()
    print(json.dumps(["thinned", len(thinned.vertices), seconds - read, memory("VmHWM") / GIB]))
    print(json.dumps(["read and thinned", None, seconds - start, memory("VmHWM") / GIB]))


def main() -> None:
    """Measure and print."""
    chosen = options(
        __doc__,
        child={"help": "what a measured process is to do"},
        large={"action": "store_true", "help": "the LAZ of 20 million points instead"},
        points={"type": int, "default": 20_000_000, "help": "of --large"},
        vertices={"type": int, "default": VERTICES},
        formats={"default": ",".join(MESHES + CLOUDS), "help": "some, with commas between"},
    )
    if chosen.child:
        order = json.loads(chosen.child)
        if order["library"] == "large":
            large_child(Path(order["path"]))
        else:
            child(chosen.child)
        return
    if chosen.large:
        output([large(chosen.points)], chosen.json)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, chosen.vertices)
        size = len(np.load(folder / "mesh.npy", mmap_mode="r"))
        table = measured(folder, tuple(chosen.formats.split(",")), size)
    output([table], chosen.json)
    missing = [n for n, (m, _, _) in LIBRARIES.items() if importlib.util.find_spec(m) is None]
    if not chosen.json:
        print(f"\nNot installed, so not measured: {', '.join(missing) or 'none'}.")


if __name__ == "__main__":
    main()
