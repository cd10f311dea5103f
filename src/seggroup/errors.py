"""The one error that a user can mend: it names the file, what is wrong and the remedy."""


class InputError(Exception):
    """Bad input. The command line prints the message alone and exits with status 2."""


class TooLargeError(InputError):
    """A scan, with its clicks, that memory does not hold as a whole."""
