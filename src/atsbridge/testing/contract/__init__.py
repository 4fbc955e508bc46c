"""`AtsContract`: what every adapter has to do, as tests that a plugin inherits.

::

    from atsbridge.testing import AtsContract

    class TestTeamflow(AtsContract):
        vendor = "teamflow"

The vendor's adapter and simulator are found by their entry points. Which tests
run follows from what the adapter declares and the simulator can play; one that
does not apply is skipped and says why.
"""

from __future__ import annotations

from .absences import Absences
from .access import Access
from .drivers import BothDrivers
from .hooks import Hooks
from .mutated import Mutated
from .payloads import Payloads
from .reading import Reading
from .resuming import Resuming
from .secrets import Secrecy
from .surface import Surface
from .writing import Writing

__all__ = ["AtsContract"]


class AtsContract(
    Reading,
    Absences,
    Resuming,
    Payloads,
    Mutated,
    Writing,
    Surface,
    Access,
    Hooks,
    Secrecy,
    BothDrivers,
):
    """See the module. ``vendor`` is the registered name; ``applications`` the size of the accounts.

    ``otherwise`` names the declared writes that only other settings lead to than those of the account.
    """
