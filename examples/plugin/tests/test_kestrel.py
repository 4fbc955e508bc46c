import pytest

from atsbridge.registry import Group, load
from atsbridge.testing import Account, AtsContract
from atsbridge.testing.histories import never_miss


class TestKestrel(AtsContract):
    vendor = "kestrel"


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_missed(seed):
    outcome = never_miss(lambda seed: Account.open("kestrel", seed=seed), seed=seed)
    assert outcome.flawless, outcome


def test_the_registry_finds_what_this_package_brings():
    for group in (Group.ATS, Group.SIMULATOR):
        assert load(group, "kestrel").__module__.startswith("atsbridge_kestrel.")
