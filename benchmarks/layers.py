"""Where the time goes, by layer: samples of the main thread, weighted with the time since the last one.

A profiler that hooks every call makes small functions look slow. Here a timer
interrupts every millisecond, and the time that has passed is put down to the
innermost frame that belongs to a layer; time inside C code counts for the
Python code which called it. The waits (network, fsync) are in it too.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

LAYERS = (
    ("/wire/payload.py", "JSON"),
    ("/wire/reading.py", "reading"),
    ("/ats/", "reading"),
    ("/mapping/", "mapping"),
    ("/sync/reality.py", "mapping"),
    ("/crm/", "CRM"),
    ("/ledgers/", "ledger"),
    ("/sync/", "engine"),
    ("/drivers/_httpx.py", "HTTP"),
    ("/drivers/body.py", "HTTP"),
    ("/drivers/", "driver"),
    ("/wire/", "HTTP"),
)
"""The first that fits a file of atsbridge names its layer; others belong to their caller."""


def _layer(file: str) -> str | None:
    if "atsbridge" not in file or file.startswith("<"):
        return None
    return next((name for part, name in LAYERS if part in file), None)


class Samples:
    """Seconds by layer, and by function within it."""

    def __init__(self) -> None:
        self.layers: Counter[str] = Counter()
        self.functions: Counter[tuple[str, str]] = Counter()
        self._last = time.perf_counter()

    def take(self, _signal: int, frame: FrameType | None) -> None:
        now = time.perf_counter()
        spent, self._last = now - self._last, now
        while frame is not None:
            layer = _layer(frame.f_code.co_filename)
            if layer is not None:
                file = frame.f_code.co_filename.rpartition("/")[2]
                self.layers[layer] += spent
                self.functions[layer, f"{file}:{frame.f_code.co_qualname}"] += spent
                return
            frame = frame.f_back
        self.layers["rest"] += spent

    def as_dict(self) -> dict[str, object]:
        """Shares of the whole; functions below half a hundredth are left out."""
        total = sum(self.layers.values()) or 1.0
        return {
            layer: {
                "share": round(spent / total, 3),
                "functions": {
                    name: round(seconds / total, 3)
                    for (of, name), seconds in self.functions.most_common()
                    if of == layer and seconds / total >= 0.005
                },
            }
            for layer, spent in self.layers.most_common()
        }


@contextmanager
def sampling(wanted: bool = True) -> Iterator[Samples]:
    """Sample what the block does, if wanted."""
    samples = Samples()
    if not wanted:
        yield samples
        return
    before = signal.signal(signal.SIGALRM, samples.take)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        yield samples
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
