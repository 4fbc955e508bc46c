from atsbridge.registry import Group, load
from atsbridge.testing import AtsContract


class TestKestrel(AtsContract):
    vendor = "kestrel"


def test_the_registry_finds_what_this_package_brings():
    for group in (Group.ATS, Group.SIMULATOR):
        assert load(group, "kestrel").__module__.startswith("atsbridge_kestrel.")
