"""The annotation page in headless Chromium with software WebGL, beside the authors' way.

    python benchmarks/annotator.py [--sizes 81000 150000 300000 580000] [--picks 100000]

Every size is a generated scan (synthetic rooms side by side), served by `seggroup annotate`. A
time ends when a pixel of the picture that shows the change has been read back. The peer is an
imitation of the authors' tool (benchmarks/browser/peer.mjs): the same three.js, no index for the
rays, and the colours of all vertices sent again for a hover or click. Needs `make setup`, and
Chromium (SEGGROUP_CHROMIUM, else /usr/bin/chromium).
"""

import json
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median, quantiles

import numpy as np
from common import Table, options, output
from scans import big_scan
from serving import BROWSER, serving

from seggroup.io.ply import write_ply
from seggroup.types import Scan

THREE = Path(__file__).parents[1] / "web/node_modules/three"
# Targets by size: first picture s, transfer MB, heap MB, hover ready s, spread picture ms.
TARGETS = {
    81_000: (None, None, None, None, 100),
    150_000: (1.5, 1.5, 80, 0.8, None),
    300_000: (2.5, 2.9, 130, 1.5, 250),
    580_000: (4, 5.3, 230, 2.5, None),
}


def measure(what: str, address: str, *more: str) -> dict:
    """One run of the browser."""
    command = ["node", str(BROWSER / "measure.mjs"), what, address, *more]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=540)
    return json.loads(done.stdout)


class _Peer(SimpleHTTPRequestHandler):
    """The imitated tool's files: its page, three.js, and the scan as raw arrays."""

    def __init__(self, *args, arrays: dict[str, bytes], **more) -> None:  # type: ignore[no-untyped-def]
        self.arrays = arrays
        super().__init__(*args, **more)

    def translate_path(self, path: str) -> str:
        root = THREE if path.startswith("/three/") else BROWSER
        return str(root / path.removeprefix("/three/").lstrip("/"))

    def do_GET(self) -> None:
        name = self.path.removeprefix("/scan/")
        if name not in self.arrays:
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.arrays[name])))
        self.end_headers()
        self.wfile.write(self.arrays[name])

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def authors_tool(scan: Scan, segments: np.ndarray) -> Iterator[str]:
    """The imitated tool on a scan: its address."""
    arrays = {
        "positions": scan.vertices.tobytes(),
        "colors": (scan.colors / np.float32(255)).astype(np.float32).tobytes(),
        "faces": scan.faces.astype(np.uint32).tobytes(),
        "segments": segments.astype(np.int32).tobytes(),
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Peer, arrays=arrays))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/peer.html"
    finally:
        server.shutdown()


def of_size(size: int, picks: int) -> tuple[dict, dict, dict]:
    """The page's figures, the picks' and the peer's, of one scan."""
    scene = big_scan(size)
    with tempfile.TemporaryDirectory() as place:
        folder, scans = Path(place), Path(place) / "scans"
        write_ply(scans / "first.ply", scene.scan)
        write_ply(scans / "second.ply", scene.scan)
        with serving(scans, folder) as address:
            page = measure("page", address, "first", "second")
        with serving(scans, folder) as address:
            picked = measure("picks", address, "first", str(picks))
    with authors_tool(scene.scan, scene.segments) as address:
        return page, picked, measure("peer", address)


def p95(times: list[float]) -> float:
    """The 95th percentile."""
    return quantiles(times, n=20)[-1] if len(times) > 1 else times[0]


def rows(size: int, page: dict, picked: dict, peer: dict) -> list[list]:
    """The figures of one scan beside their targets and the peer's."""
    drawn, moved, heap, ready, spread = TARGETS.get(size, (None,) * 5)
    both = (page["heap"]["script"] + page["heap"]["buffers"]) / 1e6
    hover, orbit = median(peer["hover"]), median(peer["orbit"])
    return [
        ["navigation to first picture, s", page["drawn"] / 1e3, drawn, None],
        ["the same, of a server just started, s", page["cold"]["drawn"] / 1e3, drawn, None],
        ["navigation to hover ready, s", page["indexed"] / 1e3, None, None],
        ["ray index in the worker, s", page["index"] / 1e3, None, None],
        ["transferred, MB", page["transferred"] / 1e6, moved, None],
        ["JavaScript heap, MB", page["heap"]["script"] / 1e6, heap, None],
        ["the same with its array buffers, MB", both, None, None],
        ["heap's growth over 20 scene switches, %", 100 * page["growth"], 10, None],
        ["pointer move to red, median ms", median(page["hover"]), 16, hover],
        ["pointer move to red, p95 ms", p95(page["hover"]), 33, None],
        ["click to colour, median ms", median(page["click"]), 33, hover],
        ["click to acknowledgement, median ms", median(page["acknowledged"]), 100, None],
        ["click to acknowledgement, p95 ms", p95(page["acknowledged"]), 100, None],
        ["click to spread picture, median ms", median(page["spread"]), spread, None],
        ["click to spread picture, p95 ms", p95(page["spread"]), None, None],
        ["orbit frame, median ms", median(page["orbit"]), 125, orbit],
        ["orbit frame, p95 ms", p95(page["orbit"]), None, None],
        ["hover ready after the camera stops, s", page["hovered"] / 1e3, ready, None],
        ["frames drawn in 10 s of rest", page["idle"], 0, None],
        ["bytes of the mesh sent by hovers and clicks", page["sent"], 0, None],
        ["random picks", picked["picks"], None, None],
        ["of these on the scan", picked["hits"], None, None],
        ["of these with a segment that is not their vertex's", picked["wrong"], 0, None],
        ["picks compared with an exhaustive search", picked["searched"], None, None],
        ["of these with another vertex", picked["differ"], 0, None],
    ]


def main() -> None:
    """Print one table a size."""
    sizes = {"type": int, "nargs": "+", "default": list(TARGETS)}
    arguments = options(__doc__, sizes=sizes, picks={"type": int, "default": 100_000})
    tables = []
    for size in arguments.sizes:
        figures = rows(size, *of_size(size, arguments.picks))
        tables.append(
            Table(f"{size:,} vertices", ["", "ours", "target", "the authors' way"], figures)
        )
    output(tables, arguments.json)


if __name__ == "__main__":
    main()
