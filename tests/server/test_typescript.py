"""The page's types are those of the messages."""

from pathlib import Path

import pytest

from seggroup.server.typescript import _form, typescript

COMMITTED = Path(__file__).parents[2] / "web/src/protocol.ts"


def test_the_committed_types_are_current():
    assert COMMITTED.read_text(encoding="utf-8") == typescript(), "run `make protocol`"


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (int, "number"),
        (list[int], "number[]"),
        (list[int | None], "(number | null)[]"),
        (tuple[float, str], "[number, string]"),
    ],
)
def test_forms(hint, expected):
    assert _form(hint) == expected


def test_a_type_without_a_form_is_refused():
    with pytest.raises(TypeError, match="no TypeScript form"):
        _form(dict[str, int])
