from atsbridge.testing import AtsContract


class TestKestrel(AtsContract):
    vendor = "kestrel"
