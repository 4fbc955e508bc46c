"""Workday Recruiting in memory: SOAP, one custom report, and the token endpoint."""

from .simulator import WorkdaySimulator

__all__ = ["WorkdaySimulator"]
