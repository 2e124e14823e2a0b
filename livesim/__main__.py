"""`python -m livesim`: the command line."""

from livesim.cli import main

main()
