"""The one error that a user can mend: it names the file, what is wrong and the remedy."""

from collections.abc import Iterable

_LONGEST = 600  # characters of a message: what a broken file holds may be quoted in it


class InputError(Exception):
    """Bad input. The command line prints the message alone and exits with status 2.

    A message is one printable line; of a long one the middle is left out, not the remedy.
    """

    def __init__(self, message: str) -> None:
        line = "".join(c if c.isprintable() else " " for c in message)
        if len(line) > _LONGEST:
            line = f"{line[: _LONGEST - 203]} … {line[-200:]}"
        super().__init__(line)


class TooLargeError(InputError):
    """A scan, with its clicks, that memory does not hold as a whole."""


def first_few(values: Iterable[object], most: int = 5) -> str:
    """Values for a message: the first of them, and a sign where there are more."""
    words = [str(value) for value in values]
    return ", ".join(words[:most]) + (" …" if len(words) > most else "")
