"""What the commands of the campaigns are told in words."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """A whole number above 0, for `argparse`."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def span(text: str) -> range:
    """``A:B``, from A up to and without B, for `argparse`; ``B`` alone begins at 0."""
    start, _, stop = text.rpartition(":")
    try:
        found = range(int(start or 0), int(stop))
    except ValueError:
        found = range(0)
    if not found or found.start < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no A:B with at least one number from A up to B")
    return found
