"""Weights come back as they were saved; any other file is named with what is wrong."""

import pytest
import torch
from safetensors.torch import save_file

from seggroup.assign.network import Assigner
from seggroup.assign.weights import load_assigner, save_assigner
from seggroup.errors import InputError
from seggroup.model.checkpoint import write_tensors


def test_weights_come_back(tmp_path):
    network = Assigner(16, 1)
    network.temperature.fill_(1.5)
    save_assigner(tmp_path / "w.safetensors", network, {"made": "by a test"})
    other = load_assigner(tmp_path / "w.safetensors")
    assert (other.width, other.rounds, other.training) == (16, 1, False)
    for name, value in network.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def test_the_weights_in_the_box_are_there():
    assert not load_assigner().training


@pytest.fixture
def whole(tmp_path):
    save_assigner(tmp_path / "whole.safetensors", Assigner(16, 1), {})
    return (tmp_path / "whole.safetensors").read_bytes()


@pytest.mark.parametrize("kept", [0, 4, 100, 20_000, -1])
def test_a_file_cut_short_is_refused(tmp_path, whole, kept):
    (tmp_path / "cut.safetensors").write_bytes(whole[:kept])
    with pytest.raises(InputError, match=r"cut\.safetensors"):
        load_assigner(tmp_path / "cut.safetensors")


def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("a text " * 99)
    with pytest.raises(InputError, match=r"notes\.txt"):
        load_assigner(tmp_path / "notes.txt")
    with pytest.raises(InputError, match=r"nowhere"):
        load_assigner(tmp_path / "nowhere")
    with pytest.raises(InputError, match=str(tmp_path)):
        load_assigner(tmp_path)


def test_other_networks_weights_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(3)}, path)  # without a header
    with pytest.raises(InputError, match=r"other\.safetensors"):
        load_assigner(path)
    torch.save({"model": {}}, tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match=r"checkpoint\.pt"):
        load_assigner(tmp_path / "checkpoint.pt")
    write_tensors(path, {"a": torch.zeros(3)}, {"classes": 40})  # as the paper's network
    with pytest.raises(InputError, match=r"other\.safetensors: holds no assigner"):
        load_assigner(path)


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"width": 16, "rounds": 2},
        {"width": 90, "rounds": 1},
        {"width": "wide"},
        3,
        {"width": 16, "rounds": 10**9},
        {"width": float("inf"), "rounds": 1},
    ],
)
def test_weights_of_another_version_are_refused(tmp_path, sizes):
    write_tensors(tmp_path / "new.safetensors", {"a": torch.zeros(3)}, {"assigner": sizes})
    with pytest.raises(InputError, match=r"new\.safetensors: its weights do not fit"):
        load_assigner(tmp_path / "new.safetensors")
