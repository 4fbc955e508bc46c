"""Requests as text, for somebody who tries the simulator by hand."""

from __future__ import annotations

from .soap import BSVC, ENVELOPE, PASSWORD_TEXT, WSSE


def asked(operation: str, content: str, *, security: str) -> str:
    """An envelope; ``security`` is the block of its header, empty beside a bearer token."""
    return (
        f'<env:Envelope xmlns:env="{ENVELOPE}" xmlns:wd="{BSVC}"><env:Header>{security}</env:Header>'
        f'<env:Body><wd:{operation} wd:version="v40.0">{content}</wd:{operation}></env:Body></env:Envelope>'
    )


def security(user: str, password: str) -> str:
    return (
        f'<wsse:Security xmlns:wsse="{WSSE}"><wsse:UsernameToken><wsse:Username>{user}</wsse:Username>'
        f'<wsse:Password Type="{PASSWORD_TEXT}">{password}</wsse:Password></wsse:UsernameToken>'
        "</wsse:Security>"
    )


def moving(application: str, step: str) -> str:
    """What moves an application (its WID) to a step (its Workflow_Step_ID)."""
    return (
        "<wd:Dynamic_Business_Process_Parameters><wd:Next_Step_Reference>"
        f'<wd:ID wd:type="Workflow_Step_ID">{step}</wd:ID>'
        "</wd:Next_Step_Reference></wd:Dynamic_Business_Process_Parameters>"
        "<wd:Move_Candidate_Data><wd:Job_Application_Reference>"
        f'<wd:ID wd:type="WID">{application}</wd:ID>'
        "</wd:Job_Application_Reference></wd:Move_Candidate_Data>"
    )
