"""The simulated SuccessFactors, asked as anybody would, against the traps of its pages."""

from __future__ import annotations

import base64
import json
import logging
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from lxml import etree
from signxml import CanonicalizationMethod, XMLSigner
from signxml.algorithms import DigestAlgorithm, SignatureMethod

from atsbridge.simulators.interface import Limits, SimRequest, SimResponse
from atsbridge.simulators.successfactors import SuccessFactorsSimulator
from atsbridge.simulators.successfactors.oauth import key_pair

NOW = 1_790_000_000.0
DAY = 86_400
GRANT = "urn:ietf:params:oauth:grant-type:saml2-bearer"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"


def iso(seconds: float) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def ms(shown: str) -> int:
    return int(shown.removeprefix("/Date(").removesuffix("+0000)/"))


class World:
    """A simulator with a clock that stands still until told, and a token of its own."""

    def __init__(self, count: int = 40, **settings: Any) -> None:
        self.now = NOW
        settings.setdefault("limits", Limits(None))
        self.sim = SuccessFactorsSimulator.generate(count, seed=2, clock=lambda: self.now, **settings)
        self.token = ""

    # -- tokens --

    def assertion(
        self,
        *,
        key: str | None = None,
        signed: bool = True,
        weak: bool = False,
        cut: str = "",
        **changes: str,
    ) -> str:
        given = self.sim.credentials
        told = {
            "issuer": given["api_key"], "name": given["user_id"], "audience": "www.successfactors.com",
            "recipient": f"https://{given['api_host']}/oauth/token", "before": iso(self.now - 600),
            "after": iso(self.now + 600), "api_key": given["api_key"], "extra": "", **changes,
        }  # fmt: skip
        attribute = '<a:Attribute Name="{}"><a:AttributeValue>{}</a:AttributeValue></a:Attribute>'.format
        attributes = attribute("api_key", told["api_key"]) if told["api_key"] else ""
        if told["extra"]:
            attributes += attribute(told["extra"], "true")
        text = f"""<a:Assertion xmlns:a="{SAML}" ID="_6f0e" Version="2.0" IssueInstant="{iso(self.now)}">
 <a:Issuer>{told["issuer"]}</a:Issuer>
 <a:Subject><a:NameID>{told["name"]}</a:NameID><a:SubjectConfirmation>
  <a:SubjectConfirmationData NotOnOrAfter="{told["after"]}" Recipient="{told["recipient"]}"/>
 </a:SubjectConfirmation></a:Subject>
 <a:Conditions NotBefore="{told["before"]}" NotOnOrAfter="{told["after"]}"><a:AudienceRestriction>
  <a:Audience>{told["audience"]}</a:Audience></a:AudienceRestriction></a:Conditions>
 <a:AttributeStatement>{attributes}</a:AttributeStatement>
</a:Assertion>"""
        root = etree.fromstring(re.sub(cut, "", text, flags=re.DOTALL) if cut else text)
        if signed:
            kind = _WeakSigner if weak else XMLSigner
            signer = kind(
                signature_algorithm=SignatureMethod.RSA_SHA1 if weak else SignatureMethod.RSA_SHA256,
                digest_algorithm=DigestAlgorithm.SHA1 if weak else DigestAlgorithm.SHA256,
                c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
            )
            logging.disable(logging.DEBUG)  # signxml shows all that it signs, the API key among it
            try:
                root = signer.sign(root, key=(key or key_pair()[0]).encode(), reference_uri="_6f0e")
            finally:
                logging.disable(logging.NOTSET)
        return base64.b64encode(etree.tostring(root)).decode()

    def ask_token(self, **changes: str) -> SimResponse:
        given = self.sim.credentials
        form = {"company_id": given["company_id"], "client_id": given["api_key"], "grant_type": GRANT}
        form |= changes
        form.setdefault("assertion", self.assertion())
        body = "&".join(f"{name}={quote(value, safe='')}" for name, value in form.items()).encode()
        return self.sim.respond(SimRequest("POST", "/oauth/token", {}, body))

    def granted(self, **changes: str) -> Any:
        answer = self.ask_token(**changes)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def not_granted(self, **changes: str) -> tuple[int, str]:
        answer = self.ask_token(**changes)
        told = json.loads(answer.body)
        assert set(told) == {"errorHttpCode", "errorMessage"}
        assert told["errorHttpCode"] == str(answer.status)
        return answer.status, told["errorMessage"]

    # -- requests --

    def ask(
        self, path: str, *, method: str = "GET", body: Any = None, headers: Any = None, **options: str
    ) -> SimResponse:
        if not self.token:
            self.token = self.granted()["access_token"]
        named = {"authorization": f"Bearer {self.token}", "accept": "application/json", **(headers or {})}
        named = {name: value for name, value in named.items() if value}
        query = "&".join(f"{quote(k.replace('_', '$', 1))}={quote(v)}" for k, v in options.items())
        target = path if path.startswith("/") else f"/odata/v2/{path}"
        content = b"" if body is None else json.dumps(body).encode()
        return self.sim.respond(SimRequest(method, f"{target}?{query}" if query else target, named, content))

    def call(self, path: str, **options: Any) -> Any:
        answer = self.ask(path, **options)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)["d"]

    def rows(self, path: str, **options: Any) -> list[Any]:
        return list(self.call(path, **options)["results"])

    def refused(self, path: str, **options: Any) -> tuple[int, str, str]:
        """Status, code and the number in brackets."""
        answer = self.ask(path, **options)
        error = json.loads(answer.body)["error"]
        assert error["message"]["lang"] == "en-US"
        return answer.status, error["code"], error["message"]["value"].partition("]")[0][1:]

    def upsert(self, *records: Any, **options: Any) -> list[Any]:
        body = list(records) if len(records) > 1 else records[0]
        return list(self.call("upsert", method="POST", body=body, **options))

    def one(self, status: str = "active", meant: str = "") -> str:
        truth = self.sim.truth()
        return next(
            id for id in sorted(truth)
            if truth[id].status == status and (not meant or self.status_of(id)["meant"] == meant)
        )  # fmt: skip

    def status_of(self, id: str) -> Any:
        stage = self.sim.truth()[id].stage
        return self.sim.account.status(int(stage or 0))

    def item(self, id: str, name: str) -> str:
        """The id of a status by name, of the application's own set."""
        account = self.sim.account
        row = account["JobApplication"][int(id)]
        return str(account.item(account.named(account.set_of(row), name)))


class _WeakSigner(XMLSigner):
    """RSA-SHA1, which SuccessFactors takes too."""

    def check_deprecated_methods(self) -> None:
        pass


def write(id: str, item: str, **more: Any) -> Any:
    about = {"uri": f"JobApplication({id}L)", "type": "SFOData.JobApplication"}
    return {"__metadata": about, "appStatusSetItemId": item, **more}


@pytest.fixture
def world() -> World:
    return World()


# -- section 2: tokens --


def test_a_signed_assertion_gives_a_token_for_a_day(world: World) -> None:
    told = world.granted()
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 86_399)
    world.token = told["access_token"]
    assert world.ask("/oauth/validate").status == 200
    assert world.rows("JobRequisition", _top="1")


def test_the_same_assertion_gives_the_same_token_with_what_is_left_of_it(world: World) -> None:
    text = world.assertion(after=iso(NOW + DAY))
    first = world.granted(assertion=text)
    world.now += 3600
    again = world.granted(assertion=text)
    assert again["access_token"] == first["access_token"]
    assert again["expires_in"] == first["expires_in"] - 3600
    forced = world.granted(assertion=text, new_token="true")
    assert forced["access_token"] != first["access_token"]
    assert forced["expires_in"] == 86_399


def test_a_refused_token_is_given_again_unless_a_new_one_is_asked_for(world: World) -> None:
    world.token = first = world.granted()["access_token"]
    assert world.sim.expire_tokens()
    world.token = world.granted()["access_token"]
    assert world.token == first
    assert world.refused("JobRequisition")[2] == "LGN0022"
    world.token = world.granted(new_token="true")["access_token"]
    assert world.rows("JobRequisition")


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "www.successfactors.com"},
        {"recipient": "https://api4.successfactors.com/odata/v2"},
        {"api_key": ""},
        {"name": "sfapi@example.com", "extra": "use_email"},
        {"name": "sfapi@example.com", "extra": "use_username"},
        {"before": iso(NOW - 3600)},
    ],
)
def test_variants_of_the_assertion_that_the_field_has_seen(world: World, changes: dict[str, str]) -> None:
    assert world.granted(assertion=world.assertion(**changes))


def test_sha1_is_taken_too(world: World) -> None:
    assert world.granted(assertion=world.assertion(weak=True))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"signed": False}, "Unable to verify the signature"),
        ({"key": "other"}, "key pairs match the client ID"),
        ({"name": "nobody"}, "Login failed - invalid user"),
        ({"name": "sfapi@example.com"}, "Login failed - invalid user"),
        ({"issuer": "somebody"}, "issuer"),
        ({"api_key": "another"}, "issuer"),
        ({"audience": "www.example.com"}, "not meant"),
        ({"recipient": "https://api8.successfactors.com/oauth/token"}, "not meant"),
        ({"after": iso(NOW)}, "expired"),
        ({"before": iso(NOW + 60)}, "not valid yet"),
    ],
)
def test_trap_15_an_assertion_that_is_not_good_is_told_in_the_endpoints_own_shape(
    world: World, changes: dict[str, Any], words: str
) -> None:
    if changes.get("key") == "other":
        changes = {"key": key_pair(1)[0]}
    status, told = world.not_granted(assertion=world.assertion(**changes))
    assert status == 401 and words in told


def test_an_assertion_that_was_changed_after_signing_is_refused(world: World) -> None:
    content = base64.b64decode(world.assertion()).replace(b"sfapi_user", b"root_admin")
    status, told = world.not_granted(assertion=base64.b64encode(content).decode())
    assert status == 401 and "signature" in told


@pytest.mark.parametrize(
    "changes",
    [
        {"company_id": "ACMECORPT1"},
        {"client_id": "another"},
        {"grant_type": "client_credentials"},
        {"assertion": "%%%"},
        {"assertion": base64.b64encode(b"<a/>").decode()},
    ],
)
def test_what_else_can_be_wrong_with_a_token_request(world: World, changes: dict[str, str]) -> None:
    assert world.not_granted(**changes)[0] in (400, 401)


def test_sap_makes_no_assertions_any_more(world: World) -> None:
    answer = world.sim.respond(SimRequest("POST", "/oauth/idp", {}, b"client_id=x&private_key=y"))
    assert answer.status == 404


def test_trap_3_basic_is_gone(world: World) -> None:
    basic = "Basic " + base64.b64encode(b"sfapi_user@acmeCorpT1:secret").decode()
    told = world.refused("JobRequisition", headers={"authorization": basic})
    assert told == (403, "BASIC_AUTH_OR_IP_DISABLED", "LGN0010")


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"authorization": ""}, (403, "CREDENTIALS_MISSING", "LGN0003")),
        ({"authorization": "Bearer \x01"}, (403, "OAUTH_TOKEN_FORMAT_INVALID", "LGN0005")),
        ({"authorization": "Bearer bm9uZQ=="}, (403, "TOKEN_INVALID", "LGN0007")),
        (
            {"host": "performancemanager4.successfactors.com"},
            (403, "AUTHENTICATION_DENIED", "LGN0004"),
        ),
    ],
)
def test_refused_at_the_door(world: World, headers: dict[str, str], told: Any) -> None:
    assert world.refused("JobRequisition", headers=headers) == told


@pytest.mark.parametrize("status", [401, 403])
def test_trap_15_an_expired_token_answers_401_or_403(status: int) -> None:
    world = World(expired_status=status)
    _ = world.rows("JobRequisition")
    world.now += DAY
    assert world.refused("JobRequisition")[::2] == (status, "LGN0022")


def test_odata_can_be_off(world: World) -> None:
    world.sim.odata = False
    assert world.refused("JobRequisition") == (403, "ODATA_API_FEATURE_NOT_ENABLE", "LGN0009")


def test_trap_10_a_missing_export_permission_is_partial_data_and_no_error(world: World) -> None:
    whole = len(world.rows("JobRequisition"))
    assert whole > 3
    for permission in ("OData API Job Requisition Export", "OData API Application Export"):
        world.sim.revoke(permission)
    assert world.rows("JobRequisition") == world.rows("JobApplication") == []
    some = str(next(iter(world.sim.account["JobRequisition"])))
    world.sim.operate(some)
    assert [row["jobReqId"] for row in world.rows("JobRequisition")] == [some]
    assert {row["jobReqId"] for row in world.rows("JobApplication")} <= {some}
    hidden = next(id for id in world.sim.account["JobRequisition"] if str(id) != some)
    assert world.refused(f"JobRequisition({hidden}L)")[0] == 404
    world.sim.revoke("OData API Candidate Export")
    seen = {row["candidateId"] for row in world.rows("Candidate")}
    assert seen == {row["candidateId"] for row in world.rows("JobApplication")}


# -- section 3: errors --


def test_errors_have_the_odata_shape(world: World) -> None:
    answer = world.ask("JobApplications")
    assert json.loads(answer.body) == {
        "error": {
            "code": "COE_ENTITY_NOT_FOUND",
            "message": {
                "lang": "en-US",
                "value": "[COE0007]invalid entity (or function) name: JobApplications",
            },
        }
    }
    assert world.refused("JobApplication%20")[1] == "COE_ENTITY_NOT_FOUND"


@pytest.mark.parametrize(
    "options",
    [
        {"_select": "applicationId,foo"},
        {"_filter": "foo eq 1"},
        {"_filter": "jobAppStatus/foo eq 1"},
        {"_expand": "foo"},
        {"_orderby": "foo"},
    ],
)
def test_trap_8_one_name_that_is_not_there_fails_the_whole_query(world: World, options: Any) -> None:
    told = world.refused("JobApplication", **options)
    assert told == (400, "COE_PROPERTY_NOT_FOUND", "COE0021")


def test_trap_8_a_template_takes_a_field_away(world: World) -> None:
    assert world.rows("JobApplication", _select="applicationId,source")
    world.sim.remove_field("JobApplication", "source")
    assert world.refused("JobApplication", _select="applicationId,source")[1] == "COE_PROPERTY_NOT_FOUND"
    root = ElementTree.fromstring(world.ask("JobApplication/$metadata").body)
    names = {e.get("Name") for e in root.iter("{http://schemas.microsoft.com/ado/2008/09/edm}Property")}
    assert "source" not in names and "applicationId" in names


def test_metadata_says_what_can_be_upserted(world: World) -> None:
    answer = world.ask("JobApplication/$metadata")
    assert (answer.header("content-type") or "").startswith("application/xml")
    found = {
        e.get("Name"): e.get("{http://www.successfactors.com/edm/sap}upsertable")
        for e in ElementTree.fromstring(answer.body).iter()
        if e.tag.endswith("}Property")
    }
    assert (found["appStatusSetItemId"], found["status"]) == ("true", "false")
    assert b"JobRequisition" in world.ask("$metadata").body


def test_maintenance_is_plain_text_and_generating_metadata_passes(world: World) -> None:
    _ = world.rows("JobRequisition")
    world.sim.generating = True
    answer = world.ask("JobRequisition")
    assert answer.status == 500 and b"another thread" in answer.body
    world.sim.maintenance = True
    answer = world.ask("JobRequisition")
    assert (answer.status, answer.header("content-type")) == (503, "text/plain;charset=utf-8")


def test_a_url_can_be_too_long(world: World) -> None:
    assert world.ask("JobRequisition", _select=",".join(["jobReqId"] * 2000)).status == 414


def test_without_an_accept_header_the_answer_is_atom(world: World) -> None:
    answer = world.ask("JobRequisition", headers={"accept": ""})
    assert (answer.header("content-type") or "").startswith("application/atom+xml")
    assert world.ask("JobRequisition", headers={"accept": ""}, _format="json").body.startswith(b"{")


def test_over_the_limit_is_a_429(world: World) -> None:
    answer = world.sim.throttled()
    assert answer.status == 429 and answer.header("retry-after")


# -- section 4: pages, filters, types --


def test_trap_7_whole_numbers_are_strings_and_times_are_milliseconds(world: World) -> None:
    row = world.rows("JobApplication", _top="1")[0]
    assert isinstance(row["applicationId"], str) and row["applicationId"].isdigit()
    assert ms(row["applicationDate"]) > 0
    job = world.rows("JobRequisition", _top="1", _expand="jobReqPostings")[0]
    assert (job["numberOpenings"], job["salaryMax"], job["isDraft"]) == ("2", "60000.5", False)
    posting = job["jobReqPostings"]["results"][0]
    assert posting["postStartDate"].endswith(")/") and "+" not in posting["postStartDate"]
    assert posting["postStartDateOffset"].endswith("+0000)/")


def test_what_is_not_expanded_is_deferred(world: World) -> None:
    row = world.rows("JobApplication", _top="1")[0]
    id = row["applicationId"]
    assert row["__metadata"] == {
        "uri": f"https://api4.successfactors.com/odata/v2/JobApplication({id}L)",
        "type": "SFOData.JobApplication",
    }
    assert row["jobAppStatus"]["__deferred"]["uri"].endswith(f"JobApplication({id}L)/jobAppStatus")
    narrow = world.rows("JobApplication", _top="1", _select="applicationId")[0]
    assert set(narrow) == {"__metadata", "applicationId"}


def test_expanding_shows_one_or_a_list(world: World) -> None:
    id = world.one()
    wanted = "jobAppStatus,jobApplicationStatusAuditTrail,jobApplicationStatusAuditTrail/jobAppStatus"
    row = world.call(f"JobApplication({id}L)", _select="applicationId", _expand=wanted)
    assert row["jobAppStatus"]["appStatusId"] == world.sim.truth()[id].stage
    trail = row["jobApplicationStatusAuditTrail"]["results"]
    assert [entry["jobAppStatus"]["appStatusId"] for entry in trail] == list(world.sim.truth()[id].history)
    walked = world.rows(
        "JobApplication", _top="1", _select="applicationId,jobAppStatus/appStatusName", _expand="jobAppStatus"
    )[0]
    assert set(walked["jobAppStatus"]) == {"__metadata", "appStatusName"}


@pytest.mark.parametrize(
    "form", ["JobApplication({})", "JobApplication({}L)", "JobApplication(applicationId={}L)"]
)
def test_keys_have_several_forms(world: World, form: str) -> None:
    id = world.one()
    assert world.call(form.format(id))["applicationId"] == id


def test_an_unknown_key_is_a_404(world: World) -> None:
    assert world.refused("JobApplication(999999L)")[0] == 404
    assert world.call("User('" + next(iter(world.sim.account["User"])) + "')")["status"]


def test_pages_follow_the_next_link_until_there_is_none(world: World) -> None:
    whole = [row["applicationId"] for row in world.rows("JobApplication")]
    found: list[str] = []
    options = {"customPageSize": "7", "_select": "applicationId"}
    pages = 0
    while True:
        told = world.call("JobApplication", **options)
        pages += 1
        found += [row["applicationId"] for row in told["results"]]
        if "__next" not in told:
            break
        assert told["__next"].startswith("https://api4.successfactors.com/odata/v2/JobApplication?")
        options = {k.replace("$", "_", 1): v for k, v in parse_qsl(urlsplit(told["__next"]).query)}
    assert found == whole and pages == -(-len(whole) // 7)


def test_a_page_is_at_most_a_thousand(world: World) -> None:
    some = dict(next(iter(world.sim.account["User"].values())))
    for number in range(1100):
        world.sim.account["User"][f"u{number}"] = {**some, "userId": f"u{number}"}
    told = world.call("User", _top="5000", customPageSize="4000")
    assert len(told["results"]) == 1000 and "__next" in told
    assert world.call("User", _inlinecount="allpages", _top="1")["__count"] == "1105"


def test_skip_paging_loses_rows_while_data_change(world: World) -> None:
    first = world.rows("JobApplication", _top="5", _skip="0")
    following = world.rows("JobApplication", _top="1", _skip="5")[0]["applicationId"]
    world.sim.account.delete(int(first[0]["applicationId"]))
    shifted = world.rows("JobApplication", _top="5", _skip="5")
    assert following not in [row["applicationId"] for row in (*first, *shifted)]


def _snapshot(world: World) -> tuple[list[str], dict[str, str], str]:
    answer = world.ask("JobApplication", paging="snapshot", customPageSize="5")
    told = json.loads(answer.body)["d"]
    following = {k.replace("$", "_", 1): v for k, v in parse_qsl(urlsplit(told["__next"]).query)}
    cookie = (answer.header("set-cookie") or "").partition(";")[0]
    assert answer.header("x-csrf-token")
    return [row["applicationId"] for row in told["results"]], following, cookie


def test_a_snapshot_is_stable(world: World) -> None:
    whole = [row["applicationId"] for row in world.rows("JobApplication")]
    first, following, cookie = _snapshot(world)
    world.sim.account.delete(int(first[0]))
    second = world.rows("JobApplication", headers={"cookie": cookie}, **following)
    assert [*first, *(row["applicationId"] for row in second)] == whole[:10]


def test_trap_13_a_snapshot_dies_with_its_session(world: World) -> None:
    _, following, cookie = _snapshot(world)
    assert world.refused("JobApplication", **following)[0] == 400
    assert world.ask("JobApplication", headers={"cookie": cookie}, **following).status == 200
    assert world.sim.expire_cursors()
    assert world.refused("JobApplication", headers={"cookie": cookie}, **following)[0] == 400
    for text in ("nonsense", base64.b64encode(b"[]").decode()):
        assert world.refused("JobApplication", _skiptoken=text)[1] == "COE_INVALID_SKIPTOKEN"


def test_cursor_paging_is_for_other_entities(world: World) -> None:
    assert world.ask("JobApplication", paging="cursor").status == 400


def test_filters(world: World) -> None:
    every = world.rows("JobApplication")
    id = every[3]["applicationId"]

    def ids(text: str) -> list[str]:
        return [row["applicationId"] for row in world.rows("JobApplication", _filter=text)]

    assert ids(f"applicationId eq {id}L") == ids(f"applicationId eq {id}") == [id]
    assert ids(f"applicationId gt {id}L and applicationId le {int(id) + 2}L") == [
        str(int(id) + 1), str(int(id) + 2),
    ]  # fmt: skip
    wanted = {id for id in world.sim.truth() if "Interview" in world.status_of(id)["appStatusName"]}
    assert set(ids("substringof('Interview', jobAppStatus/appStatusName)")) == wanted
    assert ids("not (applicationId gt 0)") == []
    assert set(ids("hiredOn ne null")) == {i for i, t in world.sim.truth().items() if t.status == "hired"}
    either = ids(f"(applicationId eq {id}L or applicationId eq {int(id) + 1}L) and candidateId ne null")
    assert len(either) == 2
    for broken in ("applicationId", "applicationId is 1", "(applicationId eq 1", "applicationId eq 1 ("):
        assert world.ask("JobApplication", _filter=broken).status == 400


def test_times_are_filtered_by_the_second(world: World) -> None:
    id = world.one()
    world.now += 1000.9
    world.sim.edit(id)
    literal = f"datetimeoffset'{iso(world.now)}'"
    found = world.rows("JobApplication", _filter=f"lastModifiedDateTime ge {literal}")
    assert [row["applicationId"] for row in found] == [id]
    assert world.rows("JobApplication", _filter=f"lastModifiedDateTime gt {literal}") == []
    naive = literal.replace("datetimeoffset", "datetime").replace("Z", "")
    assert len(world.rows("JobApplication", _filter=f"lastModifiedDateTime ge {naive}")) == 1
    ordered = world.rows("JobApplication", _orderby="lastModifiedDateTime desc", _top="1")
    assert ordered[0]["applicationId"] == id


# -- section 5 --


def test_trap_9_titles_are_in_locales_and_the_first_is_not_the_default(world: World) -> None:
    job = world.rows("JobRequisition", _top="1", _expand="jobReqLocale,recruiter")[0]
    locales = job["jobReqLocale"]["results"]
    assert [one["locale"] for one in locales] == ["de_DE", "en_US"]
    assert job["defaultLanguage"] == "en_US" and "jobTitle" not in job
    person = job["recruiter"]["results"][0]
    assert person["operatorRole"] == "R" and person["usersSysId"] and person["email"]


def test_a_posting_changes_without_its_requisition(world: World) -> None:
    posting = next(iter(world.sim.account["JobRequisitionPosting"].values()))
    world.now += 60
    posting["postingStatus"] = 7
    world.sim.account.touch(posting)
    job = world.call(f"JobRequisition({posting['jobReqId']}L)", _expand="jobReqPostings")
    shown = job["jobReqPostings"]["results"][0]
    assert shown["postingStatus"] == "Expired"
    assert ms(shown["lastModifiedDateTime"]) > ms(job["lastModifiedDateTime"])


def test_trap_4_states_read_as_text_and_filter_as_numbers(world: World) -> None:
    assert {row["status"] for row in world.rows("JobApplication", _filter="status eq 1")} == {"Disqualified"}
    assert world.rows("JobApplication", _filter="status eq '1'")
    assert world.rows("JobApplication", _filter="status eq 'Disqualified'") == []
    assert {row["internalStatus"] for row in world.rows("JobRequisition", _filter="internalStatus eq 2")} == {
        "Closed"
    }
    assert world.rows("JobRequisitionPosting", _filter="postingStatus eq 1")
    assert world.rows("JobRequisitionPosting", _filter="postingStatus eq 'Success'") == []
    assert World(text_states=False).rows("JobRequisition", _top="1")[0]["internalStatus"] in ("0", "1", "2")


def test_trap_6_drafts_and_saved_jobs_are_returned_unless_left_out(world: World) -> None:
    shown = {row["status"] for row in world.rows("JobApplication")}
    assert {"Saved", "Draft Application"} <= shown
    kept = world.rows("JobApplication", _filter="status ne 4 and status ne 6")
    assert {row["applicationId"] for row in kept} == set(world.sim.truth())
    assert not {"Saved", "Draft Application"} & {row["status"] for row in kept}


def test_trap_16_two_sets_have_statuses_of_the_same_name(world: World) -> None:
    rows = world.rows("JobApplicationStatus", _expand="jobAppStatusLabel")
    hired = [row for row in rows if row["appStatusName"] == "Hired"]
    assert {row["appStatusSetId"] for row in hired} == {"21", "521"}
    assert len({row["appStatusId"] for row in rows}) == len(rows)
    default = next(row for row in rows if row["appStatusName"] == "Default")
    assert default["jobAppStatusLabel"]["results"][0]["statusLabel"] == "New Application"
    only = world.rows("JobApplicationStatus", _filter="appStatusSetId eq 21")
    assert {row["appStatusSetId"] for row in only} == {"21"}


def test_the_item_id_need_not_be_the_status_id() -> None:
    world = World(item_offset=300)
    row = world.rows("JobApplication", _filter="appStatusSetItemId ne null", _expand="jobAppStatus")[0]
    assert int(row["appStatusSetItemId"]) == int(row["jobAppStatus"]["appStatusId"]) + 300


def test_the_password_shows_unless_a_selection_leaves_it_out(world: World) -> None:
    assert world.rows("Candidate", _top="1")[0]["password"]
    assert "password" not in world.rows("Candidate", _top="1", _select="candidateId,lastName")[0]


# -- section 6 --


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Interview One", "Open"),
        ("Not Selected", "Disqualified"),
        ("Withdrawn (recruiter)", "Disqualified"),
        ("Auto Disqualified", "Disqualified"),
        ("Withdrawn By Candidate", "Withdraw"),
        ("Requisition Closed", "Closed"),
        ("Hired On Other Requisition", "Closed"),
        ("Forwarded", "Non Applied"),
    ],
)
def test_the_derived_status_follows_the_pipeline(world: World, name: str, shown: str) -> None:
    id = world.one()
    world.sim.end_by_system(id, name)
    assert world.call(f"JobApplication({id}L)")["status"] == shown


@pytest.mark.parametrize("reads", ["Open", "Closed"])
def test_a_hired_application_has_a_date_and_whatever_status(reads: str) -> None:
    world = World(hired_reads=reads)
    id = world.one()
    world.sim.hire(id)
    row = world.call(f"JobApplication({id}L)")
    assert row["hiredOn"] and row["status"] == reads
    assert world.sim.truth()[id].status == "hired"


def test_trap_11_a_move_need_not_be_a_modification_and_the_trail_shows_it() -> None:
    world = World(moves_bump=False)
    id = world.one()
    before = world.call(f"JobApplication({id}L)")["lastModifiedDateTime"]
    world.now += 3600
    world.sim.move(id, world.sim.stages_for(id)[0])
    assert world.call(f"JobApplication({id}L)")["lastModifiedDateTime"] == before
    since = f"createdDateTime ge datetimeoffset'{iso(world.now)}'"
    (entry,) = world.rows(
        "JobApplicationStatusAuditTrail", _filter=since, _expand="jobApplication,jobAppStatus"
    )
    assert entry["jobApplication"]["applicationId"] == id
    assert entry["jobAppStatus"]["appStatusId"] == world.sim.truth()[id].stage
    for name in ("skippedStatus eq 0", "statusComments eq 'x'"):
        assert world.ask("JobApplicationStatusAuditTrail", _filter=name).status == 400


def test_trap_12_somebody_processed_before_applying_stands_where_they_were_put(world: World) -> None:
    truth = world.sim.truth()
    early = next(i for i in sorted(truth) if world.status_of(i)["appStatusName"] == "Forwarded")
    assert world.call(f"JobApplication({early}L)")["status"] == "Non Applied"
    world.sim.move(early, world.sim.stages_for(early)[1])
    assert world.call(f"JobApplication({early}L)")["status"] == "Open"
    assert len(world.sim.truth()[early].history) == 2


# -- section 7 --


def test_a_move_by_upsert(world: World) -> None:
    id = world.one()
    target = world.sim.stages_for(id)[0]
    (told,) = world.upsert(write(id, target))
    assert told == {
        "key": f"JobApplication/applicationId={id}", "status": "OK", "editStatus": "UPSERTED",
        "message": None, "index": 0, "httpCode": 200, "inlineResults": None,
    }  # fmt: skip
    assert world.sim.truth()[id].stage == target
    (accepted,) = world.sim.accepted
    assert accepted.application == id and accepted.before != accepted.after
    entry = world.sim.account.trail(int(id))[-1]
    assert entry["createdBy"] == "sfapi_user"


def test_the_key_has_two_forms_and_comments_come_along(world: World) -> None:
    id = world.one()
    record = write(id, world.sim.stages_for(id)[0], statusComments="by phone")
    record["__metadata"]["uri"] = f"JobApplication(applicationId={id})"
    assert world.upsert(record)[0]["status"] == "OK"
    assert world.call(f"JobApplication({id}L)")["statusComments"] == "by phone"
    shut = World(comments_writable=False)
    id = shut.one()
    assert shut.upsert(write(id, shut.sim.stages_for(id)[0], statusComments="x"))[0]["status"] == "ERROR"


def test_trap_1_an_upsert_that_failed_is_a_200(world: World) -> None:
    id = world.one()
    before = world.sim.truth()
    for system in ("Withdrawn By Candidate", "Default", "Auto Disqualified"):
        (told,) = world.upsert(write(id, world.item(id, system)))
        assert (told["status"], told["key"], told["httpCode"]) == ("ERROR", None, 500)
        assert told["message"] == (
            "You are not allowed to change the candidate application status. with the index 0"
        )
    assert world.upsert(write(id, "99999"))[0]["status"] == "ERROR"
    assert (world.sim.truth(), world.sim.accepted) == (before, [])


def test_trap_2_an_id_of_another_set_is_taken_and_corrupts_the_application(world: World) -> None:
    id = world.one()
    account = world.sim.account
    own = account.set_of(account["JobApplication"][int(id)])
    other = 21 if own == 521 else 521
    stranger = str(account.named(other, "Interview One")["appStatusId"])
    assert world.upsert(write(id, stranger))[0]["status"] == "OK"
    row = world.call(f"JobApplication({id}L)", _expand="jobAppStatus")
    assert row["jobAppStatus"]["appStatusSetId"] == str(other)
    assert stranger not in world.sim.stages_for(id)


def test_trap_5_the_picklist_called_statusid_is_not_the_pipeline(world: World) -> None:
    id = world.one()
    target = world.sim.stages_for(id)[0]
    (told,) = world.upsert({**write(id, target), "statusId": target})
    assert told["status"] == "ERROR" and world.sim.truth()[id].stage != target
    row = world.call(f"JobApplication({id}L)", _expand="statusId")
    assert row["statusId"] == {"results": []}


def test_an_unknown_application_is_inserted_where_enough_is_given(world: World) -> None:
    (told,) = world.upsert(write("999999", "10"))
    assert told["status"] == "ERROR" and "Required fields" in told["message"]
    row = world.rows("JobApplication", _top="1")[0]
    more = {key: row[key] for key in ("candidateId", "jobReqId")}
    count = len(world.sim.truth())
    (told,) = world.upsert(write("999999", "10", **more))
    assert (told["status"], told["editStatus"]) == ("OK", "INSERTED")
    assert len(world.sim.truth()) == count + 1


def test_some_templates_demand_more_in_the_body() -> None:
    world = World(demands=True)
    id, target = world.one(), None
    target = world.sim.stages_for(id)[0]
    (told,) = world.upsert(write(id, target))
    assert (told["status"], told["httpCode"]) == ("ERROR", 400)
    row = world.call(f"JobApplication({id}L)")
    more = {key: row[key] for key in ("candidateId", "jobReqId")}
    assert world.upsert(write(id, target, **more))[0]["status"] == "OK"
    other = {**more, "jobReqId": "1"}
    assert world.upsert(write(id, world.sim.stages_for(id)[0], **other))[0]["status"] == "ERROR"


def test_one_value_that_is_not_taken_fails_the_whole_record(world: World) -> None:
    id = world.one()
    before = world.sim.truth()[id]
    (told,) = world.upsert(write(id, world.sim.stages_for(id)[0], country="Atlantis"))
    assert told["status"] == "ERROR" and world.sim.truth()[id] == before


def test_several_records_each_have_a_result(world: World) -> None:
    one, other = sorted(i for i, t in world.sim.truth().items() if t.status == "active")[:2]
    good, bad = write(one, world.sim.stages_for(one)[0]), write(other, "99999")
    told = world.upsert(bad, good)
    assert [(r["index"], r["status"]) for r in told] == [(0, "ERROR"), (1, "OK")]
    assert told[0]["message"].endswith("with the index 0")


def test_in_a_full_purge_one_bad_record_leaves_the_others_accepted_and_undone(world: World) -> None:
    one, other = sorted(i for i, t in world.sim.truth().items() if t.status == "active")[:2]
    before = world.sim.truth()
    records = (write(one, world.sim.stages_for(one)[0]), {**write(other, "1"), "statusId": "1"})
    told = world.upsert(*records, purgeType="full")
    assert [(r["status"], r["editStatus"], r["httpCode"]) for r in told] == [
        ("OK", "ACCEPTED", 200), ("ERROR", None, 400),
    ]  # fmt: skip
    assert world.sim.truth() == before
    fine = world.upsert(records[0], write(other, world.sim.stages_for(other)[0]), purgeType="full")
    assert [r["editStatus"] for r in fine] == ["UPSERTED", "UPSERTED"]


@pytest.mark.parametrize(
    "body",
    [
        {"appStatusSetItemId": "1"},
        {"__metadata": {"uri": "Nothing(1L)"}},
        {"__metadata": {"uri": "JobRequisition(1L)"}},
        {"__metadata": {"uri": "JobApplication(x)"}},
        {"__metadata": {"uri": "JobApplication(1L)"}, "foo": 1},
        [],
        [1],
        "x",
    ],
)
def test_a_request_that_is_malformed_as_a_whole_answers_with_an_error(world: World, body: Any) -> None:
    assert world.refused("upsert", method="POST", body=body)[0] == 400


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff"])
def test_a_body_that_is_no_json_is_refused(world: World, body: bytes) -> None:
    _ = world.rows("User")
    headers = {"authorization": f"Bearer {world.token}", "accept": "application/json"}
    answer = world.sim.respond(SimRequest("POST", "/odata/v2/upsert", headers, body))
    assert answer.status == 400 and b"COE_" in answer.body


def test_the_status_it_is_in_is_ok_and_adds_no_history_unless_told(world: World) -> None:
    id = world.one()
    truth = world.sim.truth()[id]
    own = world.sim.stages_for(id)[0]
    assert world.upsert(write(id, own))[0]["status"] == "OK"
    assert world.upsert(write(id, own))[0]["status"] == "OK"
    assert len(world.sim.truth()[id].history) == len(truth.history) + 1
    again = World(repeats_add_history=True)
    id = again.one()
    own = again.sim.stages_for(id)[0]
    _ = again.upsert(write(id, own)), again.upsert(write(id, own))
    assert again.sim.truth()[id].history[-2:] == (own, own)


def test_a_closed_requisition(world: World) -> None:
    id = world.one()
    world.sim.close_requisition(id)
    target = world.sim.stages_for(id)[0]
    assert world.upsert(write(id, target))[0]["status"] == "ERROR"
    lenient = World(closed_writes=True)
    id = lenient.one()
    lenient.sim.close_requisition(id)
    assert lenient.upsert(write(id, lenient.sim.stages_for(id)[0]))[0]["status"] == "OK"


def test_who_may_not_write_is_refused(world: World) -> None:
    id = world.one()
    world.sim.revoke("OData API Application Update")
    assert world.ask("upsert", method="POST", body=write(id, world.sim.stages_for(id)[0])).status == 403
    with pytest.raises(ValueError, match="no permission"):
        world.sim.revoke("x")


def test_an_upsert_without_an_accept_header_answers_atom(world: World) -> None:
    id = world.one()
    told = world.ask(
        "upsert", method="POST", body=write(id, world.sim.stages_for(id)[0]), headers={"accept": ""}
    )
    assert told.body.startswith(b"<?xml") and len(world.sim.accepted) == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE", "MERGE", "POST"])
def test_nothing_else_is_written(world: World, method: str) -> None:
    assert world.ask(f"JobApplication({world.one()}L)", method=method, body={}).status == 400


# -- section 8 --


def test_a_trigger_posts_what_changed_and_nothing_of_new_applications() -> None:
    world = World(hook_minutes=15)
    id = world.one()
    _ = world.sim.apply(name="Newly Applied", email="new@example.com")
    world.sim.move(id, world.sim.stages_for(id)[0])
    assert world.sim.deliveries() == ()
    world.now += 900
    (sent,) = world.sim.deliveries()
    told = json.loads(sent.body)["job_application"]
    assert (
        told["application_id"] == int(id)
        and str(told["application_status_id"]) == world.sim.truth()[id].stage
    )
    assert set(told) == {
        "application_id", "job_application_status_id", "candidate_id", "application_status_id",
    }  # fmt: skip
    assert sent.headers["authorization"].startswith("Basic ")
    world.sim.edit(id)
    world.now += 900
    assert len(world.sim.deliveries()) == 2


# -- section 9 --


def test_anonymised(world: World) -> None:
    id = world.one()
    person = world.sim.truth()[id].candidate
    world.now += 60
    world.sim.anonymise(id)
    row = world.call(f"Candidate({person}L)")
    assert (row["anonymized"], row["firstName"], row["primaryEmail"]) == ("Y", None, None)
    assert ms(row["anonymizedDateTime"]) == ms(row["lastModifiedDateTime"])
    application = world.call(f"JobApplication({id}L)")
    assert (application["anonymizedFlag"], application["lastName"]) == ("Y", None)


def test_deleted_for_good_and_deleted_by_a_flag(world: World) -> None:
    id = world.one()
    world.sim.delete(id)
    assert world.refused(f"JobApplication({id}L)")[0] == 404
    assert id in world.sim.deleted() and id not in world.sim.truth()
    job = world.rows("JobRequisition", _top="1")[0]
    assert job["deleted"] == "Not Deleted"
    world.sim.delete_requisition(job["jobReqId"])
    assert world.call(f"JobRequisition({job['jobReqId']}L)")["deleted"] == "Deleted"


@pytest.mark.parametrize("status", ["Declined DPCS", "Deleted On Demand By Candidate"])
def test_withdrawn_consent_is_a_system_status(world: World, status: str) -> None:
    id = world.one()
    world.sim.end_by_system(id, status)
    assert world.call(f"JobApplication({id}L)")["status"] == "Withdraw"
    assert world.sim.truth()[id].status == "withdrawn"


# -- what people cannot do --


def test_what_the_pages_do_not_let_people_do(world: World) -> None:
    id = world.one()
    sim = world.sim
    for act in (
        lambda: sim.move(id, "99999"),
        lambda: sim.move(id, world.item(id, "Hired")),
        lambda: sim.move("0", "1"),
        lambda: sim.reactivate(id),
        lambda: sim.merge(id, id),
        lambda: sim.deactivate_stage(world.item(id, "Default")),
        lambda: sim.stage_name("99999"),
    ):
        with pytest.raises(ValueError):
            act()
    sim.reject(id, sim.reasons("rejected")[0])
    assert world.status_of(id)["appStatusSetId"] == sim.account.set_of(sim.account["JobApplication"][int(id)])
    with pytest.raises(ValueError, match="ended"):
        sim.move(id, sim.stages_for(id)[0])
    sim.reactivate(id)
    sim.close_requisition(id)
    sim.reject(id, sim.reasons("withdrawn")[0])
    with pytest.raises(ValueError, match="closed"):
        sim.reactivate(id)


# -- seeding --


# -- what a client of the pages finds --


def _path(uri: str) -> str:
    return uri.partition("/odata/v2/")[2]


def test_a_deferred_address_leads_to_what_it_is_of(world: World) -> None:
    id = world.one()
    row = world.call(f"JobApplication({id}L)")
    job = world.call(_path(row["jobRequisition"]["__deferred"]["uri"]))
    assert job["jobReqId"] == row["jobReqId"]
    status = world.call(_path(row["jobAppStatus"]["__deferred"]["uri"]), _select="appStatusName")
    assert status.keys() == {"__metadata", "appStatusName"}
    locales = world.rows(_path(job["jobReqLocale"]["__deferred"]["uri"]))
    assert {row["jobReqId"] for row in locales} == {job["jobReqId"]}
    trail = _path(row["jobApplicationStatusAuditTrail"]["__deferred"]["uri"])
    assert len(world.rows(trail, _expand="jobAppStatus")) == len(world.sim.truth()[id].history)
    assert world.rows(_path(row["jobOffer"]["__deferred"]["uri"])) == []
    assert world.refused(_path(row["resume"]["__deferred"]["uri"]))[0] == 404
    assert world.refused(f"JobApplication({id}L)/nothing")[1] == "COE_PROPERTY_NOT_FOUND"
    assert world.refused(f"JobApplication({id}L)/jobAppStatus", _select="foo")[0] == 400
    assert world.refused(trail, _filter="revNumber gt 0")[0] == 400
    assert world.refused("JobApplication(1L)/jobAppStatus")[0] == 404


@pytest.mark.parametrize(
    ("entity", "names"),
    [
        (
            "JobApplication",
            "resume coverLetter jobOffer jobApplicationInterview jobApplicationComments jobApplicationAudit",
        ),
        ("JobRequisition", "division_obj businessUnit_obj legalEntity_obj costCenter_obj location_objlist"),
        ("Candidate", "resume education outsideWorkExperience tags user"),
    ],
)
def test_every_navigation_of_the_pages_can_be_expanded(world: World, entity: str, names: str) -> None:
    row = world.rows(entity, _top="1", _expand=names.replace(" ", ","))[0]
    assert all(row[name] is None or row[name] == {"results": []} for name in names.split())


def test_a_requisition_has_the_customers_own_status(world: World) -> None:
    rows = world.rows("JobRequisition", _expand="status/picklistLabels,status")
    labels = {
        row["internalStatus"]: row["status"]["results"][0]["picklistLabels"]["results"][0]["label"]
        for row in rows
    }
    assert labels == {"Pre-Approved": "Waiting for approval", "Approved": "Recruiting", "Closed": "Done"}


def test_what_is_no_option_is_refused(world: World) -> None:
    assert world.refused("JobApplication", _orderby="applicationId sideways")[0] == 400
    assert world.refused("JobApplication", paging="numbered")[0] == 400
    record = write(world.one(), "1")
    assert world.refused("upsert", method="POST", body=record, purgeType="some")[0] == 400
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert world.refused("upsert", method="POST", body=record, headers=form)[0] == 400
    assert world.sim.accepted == []


def test_a_blank_in_a_query_may_be_a_plus(world: World) -> None:
    id = world.one()
    plain = world.ask(f"/odata/v2/JobApplication?$filter=applicationId+eq+{id}L&$select=applicationId")
    assert [row["applicationId"] for row in json.loads(plain.body)["d"]["results"]] == [id]


def test_in_a_full_purge_a_status_that_nobody_may_write_is_a_bad_record(world: World) -> None:
    one, other = sorted(i for i, t in world.sim.truth().items() if t.status == "active")[:2]
    before = world.sim.truth()
    for bad in (world.item(other, "Withdrawn By Candidate"), "99999"):
        told = world.upsert(write(one, world.sim.stages_for(one)[0]), write(other, bad), purgeType="full")
        assert [(r["status"], r["editStatus"]) for r in told] == [("OK", "ACCEPTED"), ("ERROR", None)]
    assert (world.sim.truth(), world.sim.accepted) == (before, [])


def test_whatever_is_written_is_shown_and_in_the_log(world: World) -> None:
    id = world.one()
    target = world.sim.stages_for(id)[0]
    for record in (
        write(id, target, city="Porto"), {**write(id, target), "appStatusSetItemId": None},
    ):  # fmt: skip
        _ = world.upsert(record)
    row = world.call(f"JobApplication({id}L)")
    assert (row["city"], row["appStatusSetItemId"]) == ("Porto", target)
    comment = {"__metadata": write(id, target)["__metadata"], "statusComments": "later"}
    assert world.upsert(comment)[0]["status"] == "OK"
    assert world.call(f"JobApplication({id}L)")["statusComments"] == "later"
    more = {key: row[key] for key in ("candidateId", "jobReqId")}
    _ = world.upsert(write("999999", "10", **more))
    assert [a.application == id for a in world.sim.accepted] == [True, True, False]
    assert world.sim.accepted[-1].before is None


def test_a_value_that_is_too_long_or_missing_is_told_by_its_code(world: World) -> None:
    id = world.one()
    target = world.sim.stages_for(id)[0]
    (told,) = world.upsert(write(id, target, statusComments="x" * 4001))
    assert (told["httpCode"], told["message"][:9]) == (400, "[COE0023]")
    (told,) = world.upsert(write("999999", target))
    assert (told["httpCode"], told["message"][:9]) == (400, "[COE0018]")
    assert world.upsert(write(id, target, statusComments="x" * 4000))[0]["status"] == "OK"


def test_without_the_admin_permission_nothing_is_read() -> None:
    world = World()
    world.sim.admin = False
    assert world.refused("JobRequisition") == (403, "ODATA_ADMIN_PERM_REQUIRED", "LGN0002")


def test_an_expired_token_may_be_told_by_the_older_code() -> None:
    world = World(expired_code="LGN0006")
    _ = world.rows("JobRequisition")
    world.now += DAY
    assert world.refused("JobRequisition") == (403, "INTERNAL_TOKEN_EXPIRED", "LGN0006")


@pytest.mark.parametrize(
    "cut", [r"<a:Conditions.*</a:Conditions>", r"<a:SubjectConfirmationData[^>]*>", r' NotOnOrAfter="[^"]*"']
)
def test_an_assertion_that_was_signed_without_a_part_is_refused(world: World, cut: str) -> None:
    status, _ = world.not_granted(assertion=world.assertion(cut=cut))
    assert status in (400, 401)


@pytest.mark.parametrize(
    "part", ["SignatureMethod", "SignatureValue", "DigestMethod", "Reference", "Transform"]
)
def test_an_assertion_whose_signature_lacks_a_part_is_refused(world: World, part: str) -> None:
    root = etree.fromstring(base64.b64decode(world.assertion()))
    for element in list(root.iter(f"{{http://www.w3.org/2000/09/xmldsig#}}{part}")):
        element.getparent().remove(element)
    status, _ = world.not_granted(assertion=base64.b64encode(etree.tostring(root)).decode())
    assert status in (400, 401)


def test_events_are_posted_to_a_receiver_on_loopback_once_they_are_due() -> None:
    world = World(hook_url="http://127.0.0.1:9000/sf?x=1", hook_minutes=15)
    id = world.one()
    world.sim.move(id, world.sim.stages_for(id)[0])
    assert world.sim.posts_hooks and world.sim.hooks_due() == []
    world.now += 900
    (post,) = world.sim.hooks_due()
    assert post.url == "http://127.0.0.1:9000/sf?x=1" and b"job_application" in post.body
    post.answered(500)
    assert world.sim.hooks_due() == []
    assert not World().sim.posts_hooks


def test_the_same_seed_gives_the_same_account() -> None:
    assert World().sim.truth() == World().sim.truth()


def test_an_account_from_recorded_pages(world: World, tmp_path: Path) -> None:
    for entity, expand in (
        ("JobApplicationStatus", "jobAppStatusLabel"),
        ("JobRequisition", "jobReqLocale,recruiter"),
        ("Candidate", ""),
        (
            "JobApplication",
            "jobAppStatus,jobApplicationStatusAuditTrail,jobApplicationStatusAuditTrail/jobAppStatus",
        ),
    ):
        options = {"_expand": expand} if expand else {}
        (tmp_path / f"{entity}.json").write_bytes(world.ask(entity, **options).body)
    sim = SuccessFactorsSimulator.from_folder(tmp_path, clock=lambda: world.now)
    told, real = sim.truth(), world.sim.truth()
    assert told == real
