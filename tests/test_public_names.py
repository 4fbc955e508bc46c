"""The names that others build on, as literals: adding one is a decision, and taking one away a break."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import atsbridge

FRONT_DOOR = """
AsyncBridge AsyncLocalCrm Ats Bridge Crm Group LocalCrm Progress Secret Tuning load load_mapping
suggest_mapping
"""
"""What `import atsbridge` offers."""

WIRE = {
    "answers": """
        AnswerRule Complaint Complaints judge retry_after_seconds safe_time vendor_time
    """,
    "auth": """
        Basic ClientCredentials Headers KeyHeader MemoryTokens OAuthTokens RefreshToken Scheme Token
        TokenEndpoint TokenStore TokenTurn UsernameToken
    """,
    "budgets": """
        Act Budget BudgetStore OwnBudgets RateLimit take_place
    """,
    "client": """
        Client proves_nothing_happened
    """,
    "collecting": """
        uncollected
    """,
    "effects": """
        Await Done Effect Failed Flow Json Once Outcome Perform Permit Purpose Query Request Response
        Send Sleep Together all_of await_ once perform request send sleep together
    """,
    "guard": """
        Guard Permits authorise digest full_url match_host match_path match_write
    """,
    "hooks": """
        said seal sealed_by
    """,
    "operations": """
        Call Operation Routine routine
    """,
    "paging": """
        Headway Marks Span Tally linked_token mark_of next_link next_token
    """,
    "payload": """
        Raw object_in read_json read_list
    """,
    "reading": """
        from_iso from_millis link_type need_id objects opt_bool opt_id opt_int opt_object opt_text
        record texts to_millis
    """,
    "retry": """
        Retry RetryBudget
    """,
    "saml": """
        GRANT SamlBearer sign
    """,
    "secrets": """
        Secret optional_seal optional_secret secret
    """,
    "settings": """
        between meanings misfit one_of rows settable typed words
    """,
    "streams": """
        Item Page Stream StreamScope sort_out
    """,
    "vendor": """
        Read Resend Rows SEPARATOR Shape Signal Slot SlotName StatusWrite Vendor
    """,
    "words": """
        is_code shown
    """,
    "xml": """
        Element SOAP as_data document envelope every first is_plain local read_xml soap_body text_of
    """,
}
"""The kit for vendor authors: what each module of `atsbridge.wire` defines without an underscore."""

FOLDER = Path(atsbridge.__file__).parent / "wire"
TYPE_VARIABLES = {"T", "T_co", "P"}
OPTIONAL = {"msgspec"}
"""Packages that may be missing, and are None then."""


def public(path: Path) -> set[str]:
    """The public names that a module defines itself."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
    return {name for name in names if not name.startswith("_")} - TYPE_VARIABLES - OPTIONAL


def test_the_front_door() -> None:
    assert sorted(atsbridge.__all__) == FRONT_DOOR.split()
    assert list(atsbridge.__all__) == sorted(atsbridge.__all__)
    assert all(hasattr(atsbridge, name) for name in atsbridge.__all__)


def test_the_modules_of_the_kit() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} - {"__init__"} == set(WIRE)


@pytest.mark.parametrize("module", WIRE)
def test_the_names_of_the_kit(module: str) -> None:
    assert sorted(public(FOLDER / f"{module}.py")) == WIRE[module].split()
