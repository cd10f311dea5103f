"""Weights of the assigner: those in the box, or a file's."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from seggroup.assign.network import Assigner
from seggroup.errors import InputError
from seggroup.model.checkpoint import read_tensors, write_tensors

BOX = Path(__file__).with_name("weights.safetensors")
SIZES = ("width", "rounds")  # of the network, kept in the file's header


def save_assigner(path: Path, network: Assigner, notes: dict[str, Any]) -> None:
    """Write the weights, and how they were made, whole or not at all; equal input, equal bytes."""
    sizes = {name: getattr(network, name) for name in SIZES}
    write_tensors(path, network.state_dict(), {"assigner": sizes, "made": notes})


def load_assigner(path: Path = BOX) -> Assigner:
    """The network of a file, ready to answer; kept. Raises InputError for any other file."""
    return _load(path, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=1)
def _load(path: Path, modified: int) -> Assigner:
    """The network of a file of that date."""
    tensors, header = read_tensors(path)
    if "assigner" not in header:
        raise InputError(
            f"{path}: holds no assigner; weights of the paper's network are for --method seggroup"
        )
    try:
        sizes = {name: int(header["assigner"][name]) for name in SIZES}
        if sizes["width"] not in range(8, 513, 8) or not 1 <= sizes["rounds"] <= 16:
            raise ValueError("sizes out of range")
        network = Assigner(**sizes)
        network.load_state_dict(tensors)
        if not all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values()):
            raise ValueError("values that are no numbers")
        if float(network.temperature) <= 0:
            raise ValueError("a temperature that is not positive")
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path}: its weights do not fit this version ({reason}); "
            "leave --weights out for those in the box"
        ) from error
    return network.eval()
