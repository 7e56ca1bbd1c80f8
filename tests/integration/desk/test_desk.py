"""An agency's round at its desk, on a real broker with a real registrar."""

import uuid
from datetime import date
from pathlib import Path

import pytest

from sharebus import InvalidInput, Refused, Unavailable
from sharebus.infra.private_key import new_key, save_key
from sharebus.producers.desk import CaseVersion

from ..registrar.hall import Hall
from .office import Office

pytestmark = pytest.mark.integration

ASKED = (
    "--field", "code", "--field", "name", "--basis", "税收征收管理法6", "--scenario", "开业登记",
    "--scope", "宁波市", "--until", "2099-12-31",
)  # fmt: skip


@pytest.fixture
def request_id() -> str:
    return f"r-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def entry(hall: Hall) -> str:
    """An entry of the provider that is shared on conditions."""
    document = hall.entry()
    hall.world.apply(document)
    return str(document.id)


def test_request_goes_from_the_subscriber_over_the_providers_inbox_to_a_grant(
    office: Office, entry: str, request_id: str
) -> None:
    hall = office.hall
    answer = office.run(hall.subscriber, "request", "submit", entry, *ASKED, "--id", request_id)
    assert (answer["state"], answer["version"]) == ("submitted", 1)
    waiting = office.run(hall.provider, "inbox")
    (task,) = [task for task in waiting if task["case"] == request_id]
    assert task["verbs"] == ["list-missing", "accept", "refuse"]
    assert task["due_ms"] > 0
    assert task["basis"]
    assert office.run(hall.provider, "request", "accept", request_id)["outcome"] == "accepted"
    shown = office.run(hall.subscriber, "request", "show", request_id)
    assert shown["state"] == "supplied"
    assert [version["verb"] for version in shown["history"]] == ["submit", "accept", "supply"]
    assert shown["history"][0]["clocks"]
    grants = office.run(hall.subscriber, "grant", "list")
    assert (request_id, "in_force") in [(grant["id"], grant["state"]) for grant in grants]
    grant = hall.world.facts_now().grants[request_id]
    assert (grant.entry, grant.fields, grant.revoked) == (entry, ("code", "name"), False)


def test_name_of_an_officer_is_sealed_and_erased_when_the_case_is_closed(
    office: Office, entry: str, request_id: str
) -> None:
    hall, name, case = office.hall, "欧阳某某", f"request/{request_id}"
    named = ("--officer", f"{name},科长")
    submitted = ("request", "submit", entry, *ASKED, "--id", request_id)
    office.run(hall.subscriber, *submitted, *named)
    with pytest.raises(Refused, match="until it is closed"):
        office.run(hall.subscriber, "audit", "erase", "--case", case, "--basis", "示例法 47")
    office.run(hall.subscriber, "request", "withdraw", request_id, *named)
    shown = office.run(hall.subscriber, "request", "show", request_id)
    assert [version["officer"]["name"] for version in shown["history"]] == [name, name]
    with office.desk(hall.subscriber) as desk:
        told = desk.latest("request", request_id)
    assert told is not None
    assert told.case.officer is not None
    assert told.case.officer.name.startswith("sealed:1:")
    erased = office.run(hall.subscriber, "audit", "erase", "--case", case, "--basis", "示例法 47")
    assert erased["outcome"] == "accepted"
    shown = office.run(hall.subscriber, "request", "show", request_id)
    assert {version["officer"]["name"] for version in shown["history"]} == {"(sealed)"}
    with pytest.raises(InvalidInput, match="no key"):
        office.run(hall.subscriber, "audit", "erase", "--case", case, "--basis", "示例法 47")


def test_unconditional_data_is_granted_while_its_subscriber_waits(
    office: Office, request_id: str
) -> None:
    hall = office.hall
    provider = hall.entry().provider
    document = hall.world.unconditional(provider=provider.model_dump())
    hall.world.apply(document)
    shown = office.run(
        hall.subscriber, "catalog", "show", document.id
    )  # what to expect, before it is asked for
    assert shown["expected_reply"]["fields_without_a_mark"]["at_once"]
    asked = [*ASKED[4:], "--field", document.field_names[0], "--id", request_id, "--wait"]
    case = office.run(hall.subscriber, "request", "submit", document.id, *asked)
    assert case["state"] == "supplied"
    assert [version["verb"] for version in case["history"]][-1] == "supply"


def test_use_is_recorded_by_the_recipient_and_inspected_by_the_provider(
    office: Office, entry: str, request_id: str
) -> None:
    hall = office.hall
    office.run(hall.subscriber, "request", "submit", entry, *ASKED, "--id", request_id)
    office.run(hall.provider, "request", "accept", request_id)
    with office.desk(hall.subscriber) as desk:
        days = {"first_day": date(2026, 1, 1), "last_day": date(2026, 1, 31)}
        answer = desk.record_usage(request_id, purpose="核验", used_by="征管处", events=7, **days)
        assert (answer.outcome, answer.basis) == ("accepted", "S Art 29")
        assert desk.dispose(request_id, means="删除", day=date(2026, 2, 1)).outcome == "accepted"
    told = office.run(hall.provider, "usage", entry)
    (holder,) = [each for each in told if each["grant"]["id"] == request_id]
    assert (holder["uses"], holder["events"], holder["last_used"]) == (1, 7, "2026-01-31")
    assert holder["disposed"] == {"day": "2026-02-01", "means": "删除", "is_whole": True}
    assert holder["holds"]
    with office.desk(hall.provider) as desk:
        (seen,) = [each for each in desk.inspect(entry).holders if each.grant.id == request_id]
        assert (seen.uses, seen.last_used, seen.holds) == (1, date(2026, 1, 31), True)
        with pytest.raises(Refused, match="inspects the use of its own entries"):
            desk.inspect("nobodys-entry")
    with pytest.raises(Refused, match="inspects the use of its own entries"):
        office.run(hall.subscriber, "usage", entry)


def test_refusal_is_reviewed_and_overruled_by_the_coordinator(
    office: Office, entry: str, request_id: str
) -> None:
    hall = office.hall
    office.run(hall.subscriber, "request", "submit", entry, *ASKED, "--id", request_id)
    office.run(hall.provider, "request", "refuse", request_id, "--basis", "统计法9")
    office.run(hall.subscriber, "request", "ask-review", request_id, "--reason", "依法应当共享")
    waiting = office.run(hall.coordinator, "inbox")
    (task,) = [task for task in waiting if task["case"] == request_id]
    assert task["verbs"] == ["overrule", "uphold"]
    office.run(hall.coordinator, "request", "overrule", request_id, "--reason", "依据不足")
    with office.desk(hall.subscriber) as desk:
        latest = desk.latest("request", request_id)
    assert latest is not None
    assert latest.case.state == "supplied"


def test_command_signed_with_another_key_is_refused(
    office: Office, entry: str, request_id: str, tmp_path: Path
) -> None:
    hall = office.hall
    forged = tmp_path / "forged.toml"
    save_key(forged, new_key("ed25519", "office"))
    with pytest.raises(Refused, match="the signature is not of this command"):
        office.run(hall.subscriber, "request", "submit", entry, *ASKED, "--key", str(forged))
    unknown = tmp_path / "unknown.toml"
    save_key(unknown, new_key("sm2"))
    with pytest.raises(Refused, match="a key that is not the agency's"):
        office.run(hall.subscriber, "request", "submit", entry, *ASKED, "--key", str(unknown))


def test_command_about_an_older_version_is_refused(
    office: Office, entry: str, request_id: str
) -> None:
    hall = office.hall
    office.run(hall.subscriber, "request", "submit", entry, *ASKED, "--id", request_id)
    office.run(hall.provider, "request", "list-missing", request_id, "--missing", "使用场景不明")
    with office.desk(hall.provider) as desk:
        body = {"accepted_fields": ["code"]}
        answer = desk.file("request", request_id, "accept", body, seen_version=1)
    assert (answer.outcome, answer.version) == ("refused", 2)
    assert "has changed since" in answer.problem
    with pytest.raises(InvalidInput, match="knows no request of this id"):
        office.run(hall.provider, "request", "show", "r-nowhere")


def test_command_that_was_not_waited_for_is_gone_on_with_and_decided_once(
    office: Office, entry: str, request_id: str
) -> None:
    hall = office.hall
    office.run(hall.subscriber, "request", "submit", entry, *ASKED, "--id", request_id)
    command_id = str(uuid.uuid4())
    with office.desk(hall.provider) as desk:
        body = {"accepted_fields": ["code"]}
        with pytest.raises(Unavailable, match="has not answered yet"):
            desk.file("request", request_id, "accept", body, command_id=command_id, wait_seconds=0)
    with office.desk(hall.provider) as desk:
        first = desk.file("request", request_id, "accept", body, command_id=command_id)
        again = desk.file("request", request_id, "accept", body, command_id=command_id)
    assert first.outcome == "accepted"
    assert again == first
    verbs = [version.verb for version in desk_history(office, request_id)]
    assert verbs.count("accept") == 1


def desk_history(office: Office, request_id: str) -> list[CaseVersion]:
    with office.desk(office.hall.provider) as desk:
        return desk.history("request", request_id)
