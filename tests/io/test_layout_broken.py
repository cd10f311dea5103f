"""Every file of every layout, cut short and with bytes changed: a scene or a clear refusal."""

import warnings
import zipfile

import numpy as np
import pytest
from layout_files import WRITERS

from seggroup.errors import InputError
from seggroup.io.scenes import find_scenes, read_source

BYTES = np.frombuffer(b'\0\n -.,0123456789eE[]{}"tnu\xff\x10', np.uint8)


@pytest.mark.parametrize("layout", WRITERS)
def test_changed_bytes(tmp_path, layout):
    rng = np.random.default_rng(7)
    refusals: list[str] = []
    WRITERS[layout](tmp_path)
    sources = find_scenes([tmp_path])
    for path in [p for p in sorted(tmp_path.rglob("*")) if p.is_file()]:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        for turn in range(25):
            changed = data.copy()[: rng.integers(len(data)) if turn % 3 == 0 else None]
            at = rng.integers(0, max(len(changed), 1), 1 + turn % 4)
            changed[at[at < len(changed)]] = rng.choice(BYTES, np.sum(at < len(changed)))
            path.write_bytes(changed.tobytes())
            for source in sources:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # torch's, on files that only look like its own
                    try:
                        scan, _, truth = read_source(source)
                    except InputError as error:
                        refusals.append(str(error))
                    else:
                        assert truth is None or len(truth) == len(scan.vertices)
        path.write_bytes(data.tobytes())
    assert refusals
    assert all(str(tmp_path) in message for message in refusals)
    assert all(read_source(source)[2] is not None for source in sources)


def test_a_bomb_in_a_pth(tmp_path):
    path = tmp_path / "a_inst_nostuff.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(50_000_000))
    assert path.stat().st_size < 100_000
    (source,) = find_scenes([tmp_path])
    with pytest.raises(InputError, match="is compressed"):
        read_source(source)


def test_an_archive_that_claims_another_disk(tmp_path):
    """zipfile raises it already where it only asks whether a file is an archive."""
    path = tmp_path / "a_inst_nostuff.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", b"x")
    end = path.read_bytes()[-22:]
    locator = b"PK\x06\x07" + (1).to_bytes(4, "little") + bytes(8) + (2).to_bytes(4, "little")
    path.write_bytes(bytes(60) + locator + end)
    (source,) = find_scenes([tmp_path])
    with pytest.raises(InputError, match="broken archive"):
        read_source(source)
