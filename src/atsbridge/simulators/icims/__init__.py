"""The iCIMS API in memory."""

from .simulator import IcimsSimulator

__all__ = ["IcimsSimulator"]
