"""How SuccessFactors says no, and how it writes values."""

from __future__ import annotations

from typing import Any

from attrs import frozen

Row = dict[str, Any]


@frozen
class Code:
    """A refusal as the pages list it: the number in brackets, the name, the HTTP status."""

    number: str
    name: str
    status: int


ENDPOINT = Code("LGN0001", "CATEGORY_DENIED", 404)
NO_ADMIN = Code("LGN0002", "ODATA_ADMIN_PERM_REQUIRED", 403)
MISSING_CREDENTIALS = Code("LGN0003", "CREDENTIALS_MISSING", 403)
WRONG_HOST = Code("LGN0004", "AUTHENTICATION_DENIED", 403)
TOKEN_FORMAT = Code("LGN0005", "OAUTH_TOKEN_FORMAT_INVALID", 403)
INTERNAL_EXPIRED = Code("LGN0006", "INTERNAL_TOKEN_EXPIRED", 403)
TOKEN_INVALID = Code("LGN0007", "TOKEN_INVALID", 403)
ODATA_OFF = Code("LGN0009", "ODATA_API_FEATURE_NOT_ENABLE", 403)
BASIC = Code("LGN0010", "BASIC_AUTH_OR_IP_DISABLED", 403)
# The name was not captured; nor was the status for certain, see the simulator's settings.
TOKEN_EXPIRED = Code("LGN0022", "ACCESS_TOKEN_EXPIRED", 401)
ENTITY = Code("COE0007", "COE_ENTITY_NOT_FOUND", 400)
PROPERTY = Code("COE0021", "COE_PROPERTY_NOT_FOUND", 400)
REQUIRED = Code("COE0018", "COE_MISSING_REQUIRED_PROPERTIES", 400)
TOO_LONG = Code("COE0023", "COE_PROPERTY_EXCEED_MAX_LENGTH", 400)
NO_SUCH_KEY = Code("COE0011", "COE_RECORD_NOT_FOUND", 404)
# What no page names.
MALFORMED = Code("COE0005", "COE_GENERAL_BAD_REQUEST", 400)
SKIPTOKEN = Code("COE0044", "COE_INVALID_SKIPTOKEN", 400)
FORBIDDEN = Code("COE0020", "COE_UPSERT_FORBIDDEN", 403)
URL_LENGTH = Code("COE0045", "COE_URL_TOO_LONG", 414)


class Refusal(Exception):
    """The whole request is refused, in the OData shape."""

    def __init__(self, code: Code, message: str, *, status: int | None = None) -> None:
        super().__init__(code.name)
        self.code, self.message, self.status = code, message, status or code.status

    def body(self) -> Row:
        value = f"[{self.code.number}]{self.message}"
        return {"error": {"code": self.code.name, "message": {"lang": "en-US", "value": value}}}


class TokenRefusal(Exception):
    """The token endpoint's own shape: the code is a string."""

    def __init__(self, message: str, *, status: int = 401) -> None:
        super().__init__(message)
        self.message, self.status = message, status

    def body(self) -> Row:
        return {"errorHttpCode": str(self.status), "errorMessage": self.message}


def malformed(message: str) -> Refusal:
    return Refusal(MALFORMED, message)


def encode(type: str, value: Any) -> Any:
    """A value as JSON shows it: whole and decimal numbers as strings, times as ``/Date(ms)/``."""
    if value is None:
        return None
    if type == "Int64":
        return str(value)
    if type == "Decimal":
        return f"{value:g}"
    if type == "DateTimeOffset":
        return f"/Date({round(value * 1000)}+0000)/"
    if type == "DateTime":
        return f"/Date({round(value * 1000)})/"
    return value


def decode(type: str, value: Any) -> Any:
    """The way back, from recorded answers."""
    if value is None:
        return None
    if type == "Int64":
        return int(value)
    if type == "Decimal":
        return float(value)
    if type in ("DateTimeOffset", "DateTime"):
        digits = str(value).removeprefix("/Date(").partition(")")[0].partition("+")[0]
        return int(digits) / 1000
    return value
