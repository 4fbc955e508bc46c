"""Recordings of an ATS, to replay and to hold a simulator against; they keep no person and no credential.

`recorder` is vcrpy with settings: it stands below our wire, and writes vcrpy's own
cassettes. What a cassette may keep is a list of names, `conforms_to` says where a
simulator answers otherwise.

::

    vcr = recorder(Lever.VENDOR, keep=("text", "?limit", "hasNext"))
    with vcr.use_cassette("lever.yaml"), Bridge(...) as bridge:
        bridge.pull()
"""

from __future__ import annotations

from .cassettes import NotRecorded, recorder
from .conforming import conforms_to

__all__ = ["NotRecorded", "conforms_to", "recorder"]
