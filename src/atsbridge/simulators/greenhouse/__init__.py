"""A Greenhouse account in memory, for tests, demonstrations and trying out.

Product: Greenhouse Recruiting, Harvest API v3 and Recruiting web hooks.
Vendor's pages: https://harvestdocs.greenhouse.io and
https://developers.greenhouse.io/webhooks.html, read in autumn 2026.
What those leave open is a switch in `Settings`.
"""

from .hooks import HookDelivery, Webhook
from .settings import Settings
from .simulator import GreenhouseSimulator

__all__ = ["GreenhouseSimulator", "HookDelivery", "Settings", "Webhook"]
