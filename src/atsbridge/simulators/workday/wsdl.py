"""As much of a service's WSDL as integrations look up: its address, its operations, what is optional."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable

from .criteria import CANDIDATE
from .soap import BSVC

_WSDL, _SOAP = "http://schemas.xmlsoap.org/wsdl/", "http://schemas.xmlsoap.org/wsdl/soap/"
_XSD = "http://www.w3.org/2001/XMLSchema"


def described(service: str, operations: Iterable[str], location: str, *, newer: bool) -> bytes:
    """The WSDL.

    Args:
        newer: of a version after v26.1: candidates have more criteria, and attachments can be left out.
    """
    root = ElementTree.Element(f"{{{_WSDL}}}definitions", {"targetNamespace": f"{BSVC}/{service}"})
    if service == "Recruiting":
        schema = _below(_below(root, _WSDL, "types"), _XSD, "schema", targetNamespace=BSVC)
        criteria = CANDIDATE if newer else CANDIDATE[:-2]
        group = ("Include_Reference", *(("Exclude_All_Attachments",) if newer else ()))
        for name, fields in (
            ("Candidate_Request_CriteriaType", criteria), ("Candidate_Response_GroupType", group),
        ):  # fmt: skip
            sequence = _below(_below(schema, _XSD, "complexType", name=name), _XSD, "sequence")
            for field in fields:
                _below(sequence, _XSD, "element", name=field, minOccurs="0")
    port = _below(root, _WSDL, "portType", name=f"{service}Port")
    for operation in sorted(operations):
        _below(port, _WSDL, "operation", name=operation)
    place = _below(_below(root, _WSDL, "service", name=f"{service}Service"), _WSDL, "port", name=service)
    _below(place, _SOAP, "address", location=location)
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content


def _below(node: ElementTree.Element, namespace: str, kind: str, /, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(node, f"{{{namespace}}}{kind}", attributes)
