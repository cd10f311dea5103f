"""The program, run in this process."""

import json
import sys
from types import SimpleNamespace

import pytest

from seggroup.cli import main


@pytest.fixture
def seggroup(capsys, monkeypatch):
    """Runs the program; gives its exit code, its output and its messages."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["seggroup", *map(str, words)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return run


@pytest.fixture
def ok(seggroup):
    """Runs the program with --json; it must succeed and print one object and no more."""

    def run(*words):
        done = seggroup(*words, "--json")
        assert done.code == 0, done.err
        assert done.out.endswith("\n")
        assert done.out.count("\n") == 1
        value = json.loads(done.out)
        assert isinstance(value, dict)
        return value

    return run


@pytest.fixture
def bad(seggroup):
    """Runs the program; it must refuse with status 2, one clear message and no output."""

    def run(*words):
        done = seggroup(*words)
        assert done.code == 2, (done.code, done.err)
        assert done.out == ""
        assert "Traceback" not in done.err
        assert done.err.count("error: ") <= 1
        return " ".join(done.err.split())

    return run
