"""SmartRecruiters' Customer API in memory."""

from .simulator import SmartRecruitersSimulator

__all__ = ["SmartRecruitersSimulator"]
