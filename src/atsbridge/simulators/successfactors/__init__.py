"""SuccessFactors Recruiting's OData API in memory."""

from .simulator import SuccessFactorsSimulator

__all__ = ["SuccessFactorsSimulator"]
