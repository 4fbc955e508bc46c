"""Recruitee's ATS API in memory."""

from .simulator import RecruiteeSimulator

__all__ = ["RecruiteeSimulator"]
