"""What of a vendor's own words may be shown: those of the trade, and none that could name a person."""

from __future__ import annotations

import re

_COMMON = frozenset(
    """
    a access account action active admin administrator after all allowed already an and another any api
    application applications archive archived are argument as at attribute authenticate authentication
    authorised authorization authorized bad be because been before body business by call can candidate
    candidates cannot change changed chosen client closed code company configured conflict content could
    create created credential credentials current cursor data date deactivated deleted denied did disabled
    disposition do does draft during edit empty enabled entity error errors exceeded exist exists expired
    failed feature field fields filled filter first for forbidden format found from full function get greater
    had has have header hire hired id ids if in inactive include incorrect input insufficient interview
    internal into invalid is it item its job jobs key lacking later length limit list locked long lower
    malformed many match matching maximum may message method missing more move moved must needs next no not
    null number object of offer on once one only open opening openings operation or order other page param
    parameter parameters parsing pass passing path pending permission permissions permitted phase please
    position post posting previous process processing progress prohibited property prospect provided put
    query quota range rate reached read reason record reference refused rejected rejection request requests
    required requires requisition reserved resource restricted retry right rights role same scope security
    sent server service set should signature since site size stage stages state states status step steps
    string submitted supported syntax system target task template than that the their there they this time
    to token too transition try type unable unauthorized unavailable unexpected unique unknown unsupported
    until update updated url use used user users valid validation value values version was when where which
    while with within without workflow write wrong you your
    """.split()  # noqa: SIM905 - as a list it would be a page long
)
_WORDS, _LETTERS = 40, 300
_CODE = re.compile(r"(?=.*[0-9_])[A-Za-z0-9_.:-]{2,60}")


def shown(words: str, *, also: frozenset[str] = frozenset()) -> str:
    """A vendor's message as one short line; what is not of the trade is left out.

    Args:
        also: this vendor's own terms, in lower case.
    """
    kept: list[str] = []
    for word in words.split()[:_WORDS]:
        bare = word.strip(".,;:!?()[]'\"")
        known = bare.lower() in _COMMON or bare.lower() in also
        if known:
            kept.append(bare)
        elif not kept or kept[-1] != "…":
            kept.append("…")
    line = " ".join(kept)
    return line[:_LETTERS] if line != "…" else ""


def is_code(text: str) -> bool:
    """Whether a text is a code and cannot be a name: it has a digit or an underscore, and no space."""
    return _CODE.fullmatch(text) is not None
