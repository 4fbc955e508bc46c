"""Ashby's Developer API in memory."""

from .simulator import AshbySimulator

__all__ = ["AshbySimulator"]
