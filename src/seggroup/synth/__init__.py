"""Synthetic scanned rooms: furnished rooms with known instances, seen by a simulated camera."""

import numpy as np

from seggroup.synth.config import ScannerConfig
from seggroup.synth.rooms import furnish
from seggroup.synth.scan import scan_room
from seggroup.types import Labels, Scan

__all__ = ["ScannerConfig", "make_room"]


def make_room(seed: int, name: str, config: ScannerConfig | None = None) -> tuple[Scan, Labels]:
    """A furnished and scanned room with dense truth; the same seed gives the same bytes.

    The scan is in metres, z up, the floor near z = 0; labels hold NYU40 ids and instances
    from 0, `NONE` where unannotated.
    """
    rng = np.random.default_rng(seed)
    return scan_room(furnish(rng), rng, name, config)
