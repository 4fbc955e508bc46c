"""Oracle Recruiting Cloud's REST API in memory."""

from .simulator import OracleRecruitingSimulator

__all__ = ["OracleRecruitingSimulator"]
