"""The test kit, for us and for whoever writes an adapter, a CRM connector or a ledger."""

try:
    import hypothesis  # noqa: F401 - wanted by the contract of ledgers
    import pytest
except ImportError as error:
    message = f"the test kit needs {error.name}: pip install 'atsbridge[testing]'"
    raise ImportError(message, name=error.name) from error

pytest.register_assert_rewrite("atsbridge.testing.contract")

from .account import Account  # noqa: E402 - after the rewriting is asked for
from .contract import AtsContract  # noqa: E402
from .contract.crm import CrmContract  # noqa: E402
from .contract.ledger import LedgerContract  # noqa: E402
from .direct import DirectDriver, VirtualTime  # noqa: E402

__all__ = ["Account", "AtsContract", "CrmContract", "DirectDriver", "LedgerContract", "VirtualTime"]
