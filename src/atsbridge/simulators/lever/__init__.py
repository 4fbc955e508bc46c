"""Lever's Data API v1 in memory."""

from .simulator import LeverSimulator

__all__ = ["LeverSimulator"]
