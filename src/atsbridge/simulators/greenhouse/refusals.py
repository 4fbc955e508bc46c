"""What the vendor says no with."""

from __future__ import annotations


class Refused(ValueError):
    """A request that Greenhouse turns down, with the status and the texts of its answer."""

    def __init__(self, status: int, *texts: str) -> None:
        super().__init__("; ".join(texts))
        self.status = status
        self.texts = texts


def invalid(text: str) -> Refused:
    return Refused(422, text)
