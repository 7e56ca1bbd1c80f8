"""Commands become facts, once; what may not be changed is not, and every command is answered."""

import dataclasses
import uuid
from typing import Any

import pytest

from sharebus.consumers.oversight.reconciliation import Discrepancy
from sharebus.consumers.oversight.replay import read_written, replay
from sharebus.governance.facts import fact_to_json
from sharebus.schemas import topic as topics
from sharebus.schemas.command import command_record
from sharebus.schemas.record import command
from sharebus.stream_apps.enforcer.apply import apply_catalog

from ...unit.stream_apps.gate import case
from ..app_process import wait_until
from ..world import SUBSCRIBER
from .hall import Hall

pytestmark = pytest.mark.integration


def test_request_that_the_provider_accepts_becomes_a_grant_and_its_view_is_filled(
    hall: Hall,
) -> None:
    entry = hall.entry()
    standing = hall.world.grant(entry, fields=["code", "district"])
    hall.world.apply(entry, standing)
    request = hall.request(entry, "req-accepted")
    answer = hall.answer(request)
    assert (answer["outcome"], answer["state"], answer["version"]) == ("accepted", "submitted", 1)
    assert "809" in answer["basis"] or "S Art 20" in answer["basis"]
    told = hall.cases(hall.provider)["request", "req-accepted"]
    assert [version.state for version in told] == ["submitted"]

    accepted = hall.give(
        hall.provider, "request", "req-accepted", "accept", {"accepted_fields": ["code", "name"]},
        seen=1,
    )  # fmt: skip
    assert hall.answer(accepted)["outcome"] == "accepted"
    grant = hall.world.facts_now().grants["req-accepted"]
    assert (grant.entry, grant.fields, grant.revoked) == (entry.id, ("code", "name"), False)
    states = [version.state for version in hall.cases(hall.subscriber)["request", "req-accepted"]]
    assert states == ["submitted", "consented", "supplied"]

    # Who had a grant before does not wait for the new view to be provisioned.
    hall.upsert(entry, case.row("before"))
    hall.world.decided(entry)
    keys = [record.key() for record in hall.world.records(hall.world.view_topic(entry, standing))]
    assert keys == [b"before"]

    apply_catalog(hall.world.settings)
    hall.upsert(entry, case.row("after"))
    hall.world.decided(entry)
    view = hall.world.view_topic(entry, grant)
    wait_until(lambda: len(hall.world.records(view)) == 2, "the new view is filled")
    assert [record.key() for record in hall.world.records(view)] == [b"before", b"after"]
    assert hall.world.discrepancies() == []


def test_command_that_its_agency_did_not_sign_changes_nothing_and_is_told_so(hall: Hall) -> None:
    entry = hall.entry()
    hall.world.apply(entry)
    hall.answer(hall.request(entry, "req-forged"))
    body = {"accepted_fields": ["code"]}
    forged = hall.give(
        hall.provider, "request", "req-forged", "accept", body, seen=1, signed_by=b"x" * 32
    )
    answer = hall.answer(forged)
    assert (answer["outcome"], answer["problem"]) == (
        "refused", "the signature is not of this command",
    )  # fmt: skip
    assert "req-forged" not in hall.world.facts_now().grants
    # The id is not used up: the agency itself can still give the command.
    again = hall.give(
        hall.provider, "request", "req-forged", "accept", body, seen=1,
        command_id=forged.command.id,
    )  # fmt: skip
    wait_until(
        lambda: len(hall.answers(hall.provider)[again.command.id]) == 2, "it is answered again"
    )
    assert hall.answers(hall.provider)[again.command.id][-1]["outcome"] == "accepted"


def test_command_given_twice_is_decided_once_and_answered_twice(hall: Hall) -> None:
    entry = hall.entry()
    hall.world.apply(entry)
    given = hall.request(entry, "req-twice")
    hall.answer(given)
    hall.give(
        hall.subscriber, "request", "req-twice", "submit", given.command.body,
        command_id=given.command.id,
    )  # fmt: skip
    hall.flush()
    wait_until(
        lambda: len(hall.answers(hall.subscriber)[given.command.id]) == 2, "it is answered again"
    )
    first, second = hall.answers(hall.subscriber)[given.command.id]
    proof = {"audit_sequence", "audit_writer"}
    assert {k: v for k, v in first.items() if k not in proof} == {
        k: v for k, v in second.items() if k not in proof
    }
    assert len(hall.cases(hall.subscriber)["request", "req-twice"]) == 1


def test_foreign_stale_and_malformed_commands_are_refused_each_with_its_reason(hall: Hall) -> None:
    entry = hall.entry()
    hall.world.apply(entry)
    hall.answer(hall.request(entry, "req-bad"))
    body = {"accepted_fields": ["code"]}
    wrong = [
        # another agency's decision; an old version; a field that nobody asked for; no such case
        hall.give(hall.coordinator, "request", "req-bad", "accept", body, seen=1),
        hall.give(hall.provider, "request", "req-bad", "accept", body, seen=7),
        hall.give(
            hall.provider, "request", "req-bad", "accept", {"accepted_fields": ["phone"]}, seen=1
        ),
        hall.give(hall.provider, "grant", "req-none", "revoke", {"reason": "示例"}),
        hall.give(hall.provider, "made-up", "x1", "accept", {}),
    ]
    # Signed for one agency's topic, and copied into another's.
    copied = hall.give(
        hall.subscriber, "request", "req-bad", "withdraw", {}, seen=1, topic_of=hall.provider
    )
    for given in wrong:
        answer = hall.answer(given)
        assert answer["outcome"] == "refused"
        assert answer["problem"]
        assert answer["expected"] or answer["found"]
    refused = hall.answer(copied._replace(agency=hall.provider))
    assert refused["problem"] == "the signature is not of this command"
    hall.write(hall.provider, b"no command")
    hall.write(hall.provider, None)
    hall.write(hall.provider, command().encode(1, {
        "id": "short", "case_kind": "request", "case": "req-bad", "seen_version": 1,
        "verb": "accept", "body": "{", "officer": {"name": "x", "title": "y"},
    }))  # fmt: skip
    last = hall.give(hall.provider, "request", "req-bad", "refuse", {"legal_basis": "示例法第五条"},
                     seen=1)  # fmt: skip
    assert hall.answer(last)["state"] == "refused"
    hall.world.audit()
    rules = [
        line["rule"]
        for batch, _ in hall.world._batches
        if batch["source_topic"] == topics.commands_topic(hall.provider)
        for line in batch["lines"]
        if line["outcome"] == "refused"
    ]
    assert rules[-8:] == [
        "command.case", "command.case", "command.case", "command.case", "command.signature",
        "command.malformed", "command.malformed", "command.malformed",
    ]  # fmt: skip
    assert hall.world.discrepancies() == []


def test_kill_of_the_registrar_at_random_points_loses_and_doubles_nothing(hall: Hall) -> None:
    entry = hall.entry()
    hall.world.apply(entry)
    given = []
    for round_number in range(10):
        given += [hall.request(entry, f"req-{uuid.uuid4().hex[:8]}") for _ in range(20)]
        hall.flush()
        # Killed once it has begun to answer what came since the last kill.
        answered = len(hall.answers(hall.subscriber))
        if round_number % 2:
            wait_until(
                lambda before=answered: len(hall.answers(hall.subscriber)) > before, "it answers"
            )
        hall.registrar.kill()
        hall.registrar.start(is_ready=round_number % 3 == 0)
    for each in given:
        hall.answer(each)
    answers = hall.answers(hall.subscriber)
    assert {len(answers[each.command.id]) for each in given} == {1}
    cases = hall.cases(hall.subscriber)
    assert {len(cases["request", each.command.case]) for each in given} == {1}
    assert hall.world.discrepancies() == []
    assert replayed(hall) == []


def replayed(hall: Hall) -> list[Discrepancy]:
    """What differs when every command is decided again."""
    return replay(read_written(hall.world.admin_config, hall.world.digest))


def test_what_somebody_wrote_by_hand_is_found_by_the_replay(hall: Hall) -> None:
    entry = hall.entry()
    hall.world.apply(entry)
    given = hall.request(entry, "req-before")
    hall.answer(given)
    written = read_written(hall.world.admin_config, hall.world.digest)
    assert replay(written) == []

    def found(**changes: Any) -> list[str]:
        return [place.where for place in replay(dataclasses.replace(written, **changes))]

    forged = case.grant("g-forged", entry.id, system=f"{hall.subscriber}.{SUBSCRIBER}")
    offset, _, content = written.facts[-1]
    content = {**content, "kind": "grant", "id": forged.id, "body": fact_to_json(forged)}
    facts = [*written.facts, (offset + 1, b"x" * 16, content)]
    assert found(facts=facts) == [f"facts.policy offset {offset + 1}, grant g-forged"]

    key = b"case/request/req-before"
    body = written.cases[key].replace('"submitted"', '"consented"')
    assert found(cases={**written.cases, key: body}) == [f"facts.cases {key.decode()}"]
    left = {name: text for name, text in written.cases.items() if name != key}
    assert found(cases=left) == [f"facts.cases {key.decode()}"]

    # A command in whose place an administrator put another, with a key that is not the agency's.
    place = max(name for name in written.commands if name[0].endswith(given.agency))
    body_of = {**given.command.body, "scenario": "another purpose"}
    other = given.command.model_copy(update={"body": body_of})
    value = command().encode(1, command_record(other))
    places = found(commands={**written.commands, place: value})
    assert places[0] == f"{place[0]} offset {place[1]}"
    assert f"facts.cases {key.decode()}" in places
