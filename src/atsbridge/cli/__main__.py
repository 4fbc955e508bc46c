"""``python -m atsbridge.cli``."""

from . import main

main()
