"""Whatever the bytes: every reader gives a scan or an InputError, in little time and memory.

    python benchmarks/fuzz.py [--seconds 600] [--reader ply …] [--corpus DIR] [--save DIR]

Small valid files of each format are changed at random: bytes, cuts, pieces of other files, numbers
replaced by extreme ones, counts raised; of data sets' layouts one file of a folder. Each is read
in a child process with a limit of 10 seconds and 1 GiB beyond its imports. What is neither a scan
nor an InputError is saved and shown; then the exit code is 1. Needs nothing but the package; the
writers of LAZ and E57 that are not installed are left out, visibly.
"""

import argparse
import contextlib
import hashlib
import multiprocessing
import random
import re
import resource
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # for the small folders of data sets

from fuzzseeds import seeds
from layout_files import WRITERS

SECONDS, MEMORY = 10, 1 << 30
EXTREMES = (
    *(b"0", b"-1", b"1", b"2", b"255", b"256", b"65535", b"65536", b"2147483647", b"-2147483648"),
    *(b"4294967295", b"4294967296", b"1e12", b"1e38", b"1e39", b"1e308", b"1e309", b"-1e308"),
    *(b"1e-320", b"nan", b"inf", b"-inf", b"0.5", b"99999999999999999999", b"1_0", b"0x10", b"1e"),
)
INTEGERS = (0, 1, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
MOST = 1 << 20  # bytes of a changed file


def changed(random_: random.Random, seeds_: list[bytes]) -> bytes:
    """One of the seeds with a few changes."""
    data = bytearray(random_.choice(seeds_))
    for _ in range(random_.choice((1, 1, 2, 3, 8))):
        if not data:
            break
        at = random_.randrange(len(data))
        if random_.random() < 0.3:
            at = min(at, random_.randrange(400))  # heads matter more
        match random_.randrange(9):
            case 0:
                data[at] ^= 1 << random_.randrange(8)
            case 1:
                data[at] = random_.choice((0, 1, 9, 10, 13, 32, 45, 47, 48, 57, 127, 128, 255))
            case 2:
                del data[at:]
            case 3:
                del data[at : at + random_.choice((1, 2, 4, 16, 100))]
            case 4:
                other = random_.choice(seeds_)
                start = random_.randrange(len(other))
                data[at:at] = other[start : start + random_.choice((1, 4, 50, 1000))]
            case 5 | 6:
                found = list(NUMBER.finditer(data))
                if found:
                    one = random_.choice(found)
                    data[one.start() : one.end()] = random_.choice(EXTREMES)
            case 7:
                kind = random_.choice("BHIQ")
                value = random_.choice(INTEGERS) % (1 << 8 * struct.calcsize(kind))
                packed = struct.pack(random_.choice("<>") + kind, value)
                data[at : at + len(packed)] = packed
            case 8:
                piece = data[at : at + random_.choice((1, 8, 64))]
                data[at:at] = piece * random_.choice((2, 10, 200))
    return bytes(data[:MOST])


def of_a_file(name: str, folder: Path) -> Callable[[Path], Any]:
    """What reads a changed file of a format, once its seeds are read: imports and compiles."""
    from seggroup.errors import InputError
    from seggroup.io.raw import checked
    from seggroup.io.scan import BY_KIND, read_labelled_scan

    def read(path: Path) -> Any:
        scan = checked(path, "fuzz", BY_KIND[name](path))
        with contextlib.suppress(InputError):
            read_labelled_scan(path)
        return scan

    for index, seed in enumerate(seeds(name)):
        path = folder / f"seed{index}.{name}"
        path.write_bytes(seed)
        checked(path, "seed", BY_KIND[name](path))
    return read


def of_a_layout(name: str, folder: Path) -> Callable[[Path], Any]:
    """What reads the scene of a data set's folder in which a file was changed."""
    from seggroup.errors import InputError
    from seggroup.io.scenes import find_scenes, read_source

    sources = find_scenes([folder])

    def read(path: Path) -> Any:
        with contextlib.suppress(InputError):
            find_scenes([folder])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, on files that only look like its own
            scans = [read_source(source)[0] for source in sources]
        return scans[0]

    read(folder)
    return read


def child(pipe: Connection, name: str) -> None:
    """Read files that the parent names until it stops; say how each ended."""
    import numpy as np

    from seggroup.errors import InputError

    warnings.simplefilter("error", RuntimeWarning)
    read = (of_a_layout if name in WRITERS else of_a_file)(name, Path(pipe.recv()))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    used = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    pipe.send("ready")
    while (path := pipe.recv()) is not None:
        result = "scan"
        try:
            scan = read(Path(path))
            if not np.isfinite(scan.vertices).all():
                result = "fault: coordinates that are not finite"
            elif len(scan.faces) and not 0 <= scan.faces.min() <= scan.faces.max() < len(
                scan.vertices
            ):
                result = "fault: faces out of range"
        except InputError as error:
            bad = "\n" in str(error) or len(str(error)) > 600
            result = f"fault: message {error}"[:300] if bad else "refused"
        except BaseException:
            result = "fault: " + traceback.format_exc(limit=-3)[-1500:]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        pipe.send((result, peak))


class Reader:
    """A child process that reads, started anew after it hung or fell."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.start()

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, end = context.Pipe()
        self.process = context.Process(target=child, args=(end, self.name), daemon=True)
        self.process.start()
        end.close()
        self.pipe.send(str(self.folder))
        if not self.pipe.poll(180) or self.pipe.recv() != "ready":
            raise RuntimeError(f"{self.name}: its seeds are not read")

    def read(self, path: Path) -> tuple[str, int]:
        """How reading a file ended, and the child's largest memory."""
        try:
            self.pipe.send(str(path))
            if self.pipe.poll(SECONDS):
                return self.pipe.recv()
            result = f"hang: more than {SECONDS} seconds"
        except (EOFError, BrokenPipeError, ConnectionResetError):
            result = "crash: the process ended"
        self.process.kill()
        self.process.join()
        if result.startswith("crash"):
            result += f" with {self.process.exitcode}"
        self.start()
        return result, 0


def fuzz(name: str, seconds: float, seed: int, further: list[bytes], save: Path) -> int:
    """Change and read files of one format for a while; how many went wrong."""
    start_files = further + ([] if name in WRITERS else seeds(name))
    if not start_files and name not in WRITERS:
        print(f"{name:6s} left out: nothing here writes a file to start from", flush=True)
        return 0
    random_ = random.Random(f"{name} {seed}")
    counts: dict[str, int] = {}
    shown: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        path, whole = Path(folder) / f"fuzz.{name}", {}
        if name in WRITERS:  # one file of the folder is changed, then put back
            WRITERS[name](Path(folder))
            whole = {p: p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}
            start_files = list(whole.values())
        reader = Reader(name, Path(folder))
        peak, least = 0, 0
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            if whole:
                path = random_.choice(list(whole))
            data = changed(random_, [whole[path]] if whole else start_files)
            path.write_bytes(data)
            result, memory = reader.read(path)
            least = least or memory
            peak = max(peak, memory - least)
            word = result.partition(":")[0]
            counts[word] = counts.get(word, 0) + 1
            if whole:
                path.write_bytes(whole[path])
            if word in ("fault", "hang", "crash") and result[-300:] not in shown:
                shown.add(result[-300:])
                save.mkdir(parents=True, exist_ok=True)
                case = save / f"{hashlib.sha256(data).hexdigest()[:12]}{path.suffix}"
                case.write_bytes(data)
                print(f"{name}: {result}\n  saved as {case}", flush=True)
        reader.pipe.send(None)
        reader.process.join(5)
    total, took = sum(counts.values()), time.monotonic() - start
    wrong = total - counts.get("scan", 0) - counts.get("refused", 0)
    print(
        f"{name:6s} {total:8d} files, {total / took:7.0f} a second: {counts.get('scan', 0)} scans, "
        f"{counts.get('refused', 0)} refused, {counts.get('fault', 0)} faults, "
        f"{counts.get('crash', 0)} crashes, {counts.get('hang', 0)} hangs, "
        f"{max(peak, 0) / 2**20:.0f} MiB more at most",
        flush=True,
    )
    return wrong


def main() -> None:
    """Fuzz the readers one after another."""
    from seggroup.io.scan import BY_KIND

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=600, help="for each reader")
    names = [*BY_KIND, *WRITERS]
    parser.add_argument("--reader", nargs="*", choices=names, default=names)
    parser.add_argument("--corpus", type=Path, help="a folder of further files to change")
    parser.add_argument("--save", type=Path, default=Path("build/fuzz"), help="where cases go")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wrong = 0
    for name in options.reader:
        files = sorted(options.corpus.glob(f"*.{name}")) if options.corpus else []
        wrong += fuzz(
            name, options.seconds, options.seed, [f.read_bytes() for f in files], options.save
        )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
