"""The one error that a user can mend: it names the file, what is wrong and the remedy."""

from collections.abc import Iterable


class InputError(Exception):
    """Bad input. The command line prints the message alone and exits with status 2."""


class TooLargeError(InputError):
    """A scan, with its clicks, that memory does not hold as a whole."""


def first_few(values: Iterable[object], most: int = 5) -> str:
    """Values for a message: the first of them, and a sign where there are more."""
    words = [str(value) for value in values]
    return ", ".join(words[:most]) + (" …" if len(words) > most else "")
