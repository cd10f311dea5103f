"""Networks on disk: round trip, equal bytes, and files that are none."""

import json
import struct

import pytest
import torch

from seggroup.config import NetworkConfig
from seggroup.errors import InputError
from seggroup.model.checkpoint import load_network, read_tensors, save_network
from seggroup.model.network import build

CPU = torch.device("cpu")
SMALL = NetworkConfig(width=8, hidden=8, thresholds=(5.0, 1.5, 0.25))
CLASSES = (2, 5, 39)


@pytest.fixture
def path(tmp_path):
    save_network(tmp_path / "new" / "model.safetensors", build(CLASSES, SMALL, 0), CLASSES)
    return tmp_path / "new" / "model.safetensors"


def test_round_trip(path):
    network, classes = load_network(path, CPU)
    assert classes == CLASSES
    assert network.config == SMALL
    assert not network.training
    saved = build(CLASSES, SMALL, 0).state_dict()
    assert saved.keys() == network.state_dict().keys()
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, saved[name]), name


def test_equal_networks_give_equal_bytes(path, tmp_path):
    save_network(tmp_path / "again", build(CLASSES, SMALL, 0), CLASSES)
    save_network(tmp_path / "other", build(CLASSES, SMALL, 1), CLASSES)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
    assert (tmp_path / "other").read_bytes() != path.read_bytes()


def foreign(header):
    """A safetensors file of one tensor with the header's metadata."""
    text = json.dumps(
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}} | header
    ).encode()
    return struct.pack("<Q", len(text)) + text + bytes(4)


CORPUS = {
    "empty": b"",
    "garbage": b"\xff" * 500,
    "text": b"hello, this is no checkpoint",
    "another program's": foreign({}),
    "no JSON": foreign({"__metadata__": {"seggroup": "{"}}),
    "no object": foreign({"__metadata__": {"seggroup": "[]"}}),
    "no network": foreign({"__metadata__": {"seggroup": "{}"}}),
    "odd network": foreign(
        {"__metadata__": {"seggroup": '{"network": {"thresholds": 1}, "classes": []}'}}
    ),
    "other option": foreign(
        {"__metadata__": {"seggroup": '{"network": {"thresholds": [], "new": 1}, "classes": [1]}'}}
    ),
    "no classes": foreign(
        {"__metadata__": {"seggroup": '{"network": {"thresholds": [1, 1, 1]}, "classes": 3}'}}
    ),
}


@pytest.mark.parametrize("name", CORPUS)
def test_files_that_are_no_checkpoint(tmp_path, name):
    (tmp_path / "bad.safetensors").write_bytes(CORPUS[name])
    with pytest.raises(InputError, match=r"bad\.safetensors"):
        load_network(tmp_path / "bad.safetensors", CPU)


@pytest.mark.parametrize("keep", [5, 100, 0.5, 0.99])
def test_truncated(path, keep):
    data = path.read_bytes()
    path.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    with pytest.raises(InputError, match="cannot be read as safetensors"):
        load_network(path, CPU)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_network(tmp_path / "none.safetensors", CPU)
    with pytest.raises(InputError, match=str(tmp_path)):
        load_network(tmp_path, CPU)


def test_weights_of_other_sizes(path, tmp_path):
    tensors, header = read_tensors(path)
    header["network"]["hidden"] = 16
    from seggroup.model.checkpoint import write_tensors

    write_tensors(tmp_path / "wide.safetensors", tensors, header)
    with pytest.raises(InputError, match="do not fit"):
        load_network(tmp_path / "wide.safetensors", CPU)
