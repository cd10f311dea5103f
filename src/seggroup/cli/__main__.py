"""`python -m seggroup.cli`."""

from seggroup.cli import main

main()
