"""The kit's fixtures, and its watch for credentials and people that get out."""

pytest_plugins = ["atsbridge.testing.plugin"]
