"""The command line: one subcommand per stage; `--help` is the documentation."""

import os
import sys


def main() -> None:
    """Run the program: exit 0 on success, 2 on wrong usage or bad input with one message."""
    # Threads that wait for work must sleep: by default they spin, and take the processor from
    # the convolutions' own threads. It is read when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from seggroup.cli.app import app
    from seggroup.errors import InputError

    try:
        app()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as stop:
        if stop.code == 130:  # typer's answer to Ctrl-C
            print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("SEGGROUP_TRACEBACK"):
            raise
        kind = type(error).__name__
        print(
            f"error: {kind}: {error}\n"
            "This is a fault of the program; SEGGROUP_TRACEBACK=1 shows where.",
            file=sys.stderr,
        )
        sys.exit(1)
