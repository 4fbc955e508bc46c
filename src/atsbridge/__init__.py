"""Keeps a recruiting CRM and an applicant tracking system in step."""

from .ats.interface import Ats
from .bridge import AsyncBridge, Bridge
from .crm.interface import Crm
from .crm.local import AsyncLocalCrm, LocalCrm
from .mapping import load_mapping, suggest_mapping
from .registry import Group, load
from .sync.context import Progress, Tuning
from .wire.secrets import Secret

__all__ = [
    "AsyncBridge",
    "AsyncLocalCrm",
    "Ats",
    "Bridge",
    "Crm",
    "Group",
    "LocalCrm",
    "Progress",
    "Secret",
    "Tuning",
    "load",
    "load_mapping",
    "suggest_mapping",
]
