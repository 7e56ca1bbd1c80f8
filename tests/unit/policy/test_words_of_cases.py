"""What agencies write to each other about a case reaches those who take part, and nobody else.

Every word that a party writes is a canary: the purpose of a request and the values by which it
chooses rows, the reason of a refusal, and what stands in commands that cannot be read, are signed
by somebody else, or name a case and a move that do not exist.
"""

import dataclasses
import json
import logging
from typing import Any

import pytest
from prometheus_client import generate_latest

from sharebus.consumers.oversight.replay import replay
from sharebus.schemas import topic as topics
from sharebus.stream_apps.registrar import metrics

from ..governance.docket import town
from ..stream_apps.registrar.memory_registrar import MemoryRegistrar

ASKED = {
    "entry": "closed", "system": "tax.desk", "fields": ["code"], **town.FIVE,
    "legal_basis": "CANARY-tax-basis", "scenario": "CANARY-tax-scenario", "scope": "CANARY-tax",
    "row_filter": {"all": [{"field": "name", "one_of": ["CANARY-tax-王某"]}]},
}  # fmt: skip


@pytest.fixture
def registrar() -> MemoryRegistrar:
    """Has decided what two parties wrote to each other, and the bad commands of a third."""
    made = MemoryRegistrar()
    made.tick(town.MORNING)
    give = made.give
    give("tax", "request", "r-1", "submit", **ASKED)
    made.decide()
    give("market", "request", "r-1", "refuse", legal_basis="CANARY-market-示例法 5")
    made.decide()
    give("tax", "request", "r-2", "submit", **ASKED)
    made.decide()
    give("market", "request", "r-2", "accept", accepted_fields=["code"])
    made.decide()
    give("tax", "request", "r-5", "submit", **{**ASKED, "fields": ["CANARY-tax-field"]})
    made.write("health", b"CANARY-health")
    give("health", "request", "r-1", "withdraw", reason="CANARY-health")
    give("health", "request", "r-3", "submit", signed_by="tax", scenario="CANARY-health")
    give("health", "request", "canary-health", "canary_health", text="CANARY-health")
    give("health", "canary-health", "r-4", "submit", text="CANARY-health")
    judged = made.decide()
    rules = [each.rule or "" for each in judged]
    assert all(rules)
    for rule in rules:
        metrics.COMMANDS.labels("refused", rule).inc()
    made.tick(town.MORNING + 40 * town.DAY_MS)
    return made


def told(registrar: MemoryRegistrar, topic: str) -> bytes:
    records = registrar.broker.topics.get(topic, [])
    return b"\0".join((record.key() or b"") + (record.value() or b"") for record in records)


def test_case_is_told_to_its_parties_and_offices_and_to_nobody_else(
    registrar: MemoryRegistrar,
) -> None:
    words = {who: told(registrar, topics.notices_topic(who)) for who in town.PARTIES}
    assert b"CANARY-tax-scenario" in words["market"]
    assert b"CANARY-market" in words["tax"]
    assert b"CANARY-tax" not in words["health"]
    assert b"CANARY-market" not in words["health"]
    for who in {*town.PARTIES, *town.OFFICES} - {"health"}:
        assert b"CANARY-health" not in told(registrar, topics.notices_topic(who)).upper()


def test_no_word_of_a_case_is_in_the_audit_or_what_every_agency_reads_or_logs_or_metrics(
    caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    caplog.set_level(logging.DEBUG)
    registrar = request.getfixturevalue("registrar")
    for topic in (topics.AUDIT, topics.SHARED_CATALOG):
        assert told(registrar, topic)
        assert b"CANARY" not in told(registrar, topic).upper()
    assert "CANARY" not in caplog.text.upper()
    assert b"CANARY" not in generate_latest().upper()


def test_notice_that_waits_is_gone_once_it_is_told(registrar: MemoryRegistrar) -> None:
    last: dict[Any, bytes | None] = {}
    for record in registrar.broker.topics[topics.FACTS_PROGRESS]:
        last[record.key()] = record.value()
    assert not any(b"CANARY" in (value or b"") for value in last.values())


def test_replay_names_what_differs_and_does_not_tell_it(
    registrar: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = registrar.written(monkeypatch)
    assert replay(written) == []
    key = b"case/request/r-1"
    changed = json.dumps({**json.loads(written.cases[key]), "made": "up"}, ensure_ascii=False)
    assert "CANARY-tax" in changed
    commands = {place: value + b"\0" for place, value in written.commands.items()}
    facts = [
        (offset, digest, {**content, "body": content["body"].replace("tax-scenario", "another")})
        for offset, digest, content in written.facts
    ]
    assert facts != written.facts
    for tampered in (
        dataclasses.replace(written, cases={**written.cases, key: changed}),
        dataclasses.replace(written, cases={}),
        dataclasses.replace(written, commands=commands),
        dataclasses.replace(written, facts=facts),
        dataclasses.replace(written, facts=[*written.facts, (99, b"", written.facts[-1][2])]),
    ):
        found = replay(tampered)
        assert found
        assert "CANARY" not in str(found).upper()
