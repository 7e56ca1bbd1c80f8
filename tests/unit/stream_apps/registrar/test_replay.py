"""A replay finds nothing in what the registrar wrote, and names whatever somebody else did."""

import dataclasses
import json
from typing import Any

import pytest

from sharebus.consumers.oversight.replay import Written, replay
from sharebus.governance.docket import RULES
from sharebus.governance.founder import Founder
from sharebus.schemas import topic as topics
from sharebus.schemas.record import policy_fact

from ...governance.docket import town
from .memory_registrar import SCHEMA_IDS, MemoryRegistrar
from .test_decisions import FIVE, granted


@pytest.fixture
def busy(registrar: MemoryRegistrar) -> MemoryRegistrar:
    """Grants, refusals, bad commands, foreign facts between them, a new start, and time."""
    granted(registrar)
    registrar.take_over(registrar.agency("health", officer={"name": "周某", "title": "科长"}))
    registrar.give("tax", "request", "r-2", "submit", **FIVE)
    registrar.give("market", "request", "r-2", "refuse", seen=1, legal_basis="示例法 5")
    registrar.give("market", "request", "r-1", "accept", seen=1, accepted_fields=["phone"])
    registrar.write("tax", b"no command")
    registrar.decide()
    registrar.start()
    registrar.give("tax", "request", "r-3", "submit", **FIVE)
    registrar.decide()
    registrar.tick(town.MORNING + 40 * town.DAY_MS)
    registrar.give("tax", "request", "r-3", "withdraw")
    registrar.decide()
    return registrar


def written(registrar: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch) -> Written:
    return registrar.written(monkeypatch)


def wheres(found: Written) -> list[str]:
    return [discrepancy.where for discrepancy in replay(found)]


def forged_fact(registrar: MemoryRegistrar, kind: str, name: str, body: dict[str, Any]) -> None:
    content = {"kind": kind, "id": name, "body": json.dumps(body), "recorded_ms": 1}
    value = policy_fact().encode(SCHEMA_IDS["facts.policy-value"], content)
    registrar.broker.append(topics.FACTS_POLICY, f"{kind}/{name}".encode(), value)


def test_facts_and_cases_follow_from_the_commands(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [case.state for case in busy.docket.cases.values()]
    assert replay(written(busy, monkeypatch)) == []


def test_fact_written_by_hand_is_named(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = busy.facts.grants["r-1"].model_dump(mode="json", exclude={"kind"})
    forged_fact(busy, "grant", "r-9", {**grant, "id": "r-9"})
    offset = len(busy.broker.topics[topics.FACTS_POLICY]) - 1
    assert wheres(written(busy, monkeypatch)) == [f"facts.policy offset {offset}, grant r-9"]


def test_fact_written_by_hand_is_named_though_decisions_followed_it(
    registrar: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {
        "id": "k1",
        "algorithm": "ed25519",
        "public_key": registrar.agency("tax").keys[0].public_key,
    }
    market = registrar.agency("market").model_dump(mode="json", exclude={"kind"})
    registrar.give("tax", "request", "r-1", "submit", **FIVE)
    registrar.decide()
    # Another key is put in the provider's place, and a command signed with it is taken.
    forged_fact(registrar, "agency", "market", {**market, "keys": [key]})
    registrar.give("market", "request", "r-1", "accept", signed_by="tax", accepted_fields=["code"])
    (judged,) = registrar.decide()
    assert judged.rule is None
    found = wheres(written(registrar, monkeypatch))
    assert any("agency market" in where for where in found)
    assert f"{topics.commands_topic('market')} offset 0" in found
    assert any(where.startswith("facts.cases case/request/r-1") for where in found)


def test_fact_that_was_taken_away_is_named(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = written(busy, monkeypatch)
    found.facts = [each for each in found.facts if each[2]["id"] != "r-1"]
    assert wheres(found)


@pytest.mark.parametrize("kind", ["case/request/r-1", "answer/tax/"])
def test_case_or_answer_that_was_changed_or_made_up_or_taken_away_is_named(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    found = written(busy, monkeypatch)
    key = next(key for key in found.cases if key.startswith(kind.encode()))
    body, made_up = found.cases[key], key + b"-made-up"
    for changed in ({key: body + " "}, {made_up: body}):
        cases = found.cases | changed
        (where,) = wheres(dataclasses.replace(found, cases=cases))
        assert next(iter(changed)).decode() in where
    without = {name: each for name, each in found.cases.items() if name != key}
    (where,) = wheres(dataclasses.replace(found, cases=without))
    assert key.decode() in where


def test_command_put_in_place_of_another_is_named(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = written(busy, monkeypatch)
    place = (topics.commands_topic("market"), 0)
    other = found.commands[topics.commands_topic("tax"), 0]
    changed = dataclasses.replace(found, commands=found.commands | {place: other})
    assert f"{place[0]} offset 0" in wheres(changed)


def test_command_that_is_gone_is_named(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = written(busy, monkeypatch)
    del found.commands[topics.commands_topic("tax"), 0]
    assert f"{topics.commands_topic('tax')} offset 0" in wheres(found)


def test_command_that_the_registrar_passed_over_is_named(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = written(busy, monkeypatch)
    for batch in found.batches:
        if batch["kind"] == "command":
            batch["lines"] = [
                line for line in batch["lines"]
                if (batch["source_topic"], line["offset"]) != (topics.commands_topic("tax"), 2)
            ]  # fmt: skip
    assert f"{topics.commands_topic('tax')} offset 2" in wheres(found)


def test_command_that_was_decided_again_or_at_another_instant_is_named(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = written(busy, monkeypatch)
    place = (topics.commands_topic("tax"), 2)
    found.received_ms[place] -= 1
    assert wheres(found) == ["commands.tax offset 2"]
    found.received_ms[place] += 1
    (batch,) = (
        each for each in found.batches
        if each["source_topic"] == place[0] and each["lines"][-1]["offset"] == place[1]
    )  # fmt: skip
    batch["lines"].append(batch["lines"][-1])
    assert wheres(found) == ["commands.tax offset 2"]


def test_refused_command_put_in_place_of_another_refused_one_is_named(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = written(busy, monkeypatch)
    place = (topics.commands_topic("tax"), 2)
    assert found.commands[place] == b"no command"
    found.commands[place] = b"another"
    assert wheres(found) == ["commands.tax offset 2"]


def test_fact_that_follows_from_no_command_is_named_though_the_audit_knows_it(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy.bootstrap(busy.agency("health", officer={"name": "某", "title": "x"}))
    offset = len(busy.broker.topics[topics.FACTS_POLICY]) - 1
    (found,) = replay(written(busy, monkeypatch))
    assert found.where == f"facts.policy offset {offset}, agency health"
    assert found.expected == "a fact that follows from a command"


def test_second_founder_is_named_and_its_commands_are_refused(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = Founder(name="another", keys=(busy.signing_key("tax"),))
    busy.bootstrap(second)
    offset = len(busy.broker.topics[topics.FACTS_POLICY]) - 1
    busy.take_over(busy.agency("health", suspended=True), signed_by="tax")
    assert [judged.rule for judged in busy.judged[-1:]] == ["command.signature"]
    assert not busy.facts.agencies["health"].suspended
    assert wheres(written(busy, monkeypatch)) == [f"facts.policy offset {offset}, founder founder"]


def test_founder_that_is_not_the_one_who_was_told_is_named(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = written(busy, monkeypatch)
    assert busy.facts.founder is not None
    assert replay(everything, busy.facts.founder) == []
    other = Founder(name="another", keys=(busy.signing_key("tax"),))
    assert replay(everything, other)[0].where == "facts.policy offset 0, founder founder"


def test_topic_of_which_no_command_was_decided_is_noticed(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = topics.commands_topic("market")
    found = written(busy, monkeypatch)
    found.batches = [each for each in found.batches if each["source_topic"] != market]
    assert f"{market} offset 0" in wheres(found)


def test_command_that_waits_its_turn_is_not_named_as_passed_over(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy.give("vault", "agency", "vault", "register_system", system={})
    assert wheres(written(busy, monkeypatch)) == []


def test_every_topic_of_commands_is_read_whether_or_not_any_was_decided(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy.give("vault", "agency", "vault", "register_system", system={})
    assert (topics.commands_topic("vault"), 0) in written(busy, monkeypatch).commands


@pytest.mark.parametrize("kind", ["clock_rules", "calendar"])
def test_table_that_is_gone_is_named_and_stops_nothing(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    found = written(busy, monkeypatch)
    found.facts = [each for each in found.facts if each[2]["kind"] != kind]
    (discrepancy,) = replay(found)
    assert (discrepancy.where, "calendar" in discrepancy.expected) == ("facts.policy", True)


def test_bus_in_which_nothing_was_decided_has_nothing_to_decide_again(
    busy: MemoryRegistrar,
) -> None:
    assert replay(Written(busy.digest)) == []


def test_what_other_rules_decided_is_named_with_where_they_count_from(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = written(busy, monkeypatch)
    (offset,) = (each[0] for each in found.facts if each[2]["kind"] == "docket_rules")
    monkeypatch.setattr("sharebus.consumers.oversight.replay.RULES", RULES + 1)
    (discrepancy,) = replay(found)
    assert discrepancy.where == f"facts.policy offset {offset}, rules of the docket"
    assert f"rules {RULES}" in discrepancy.found


def test_registrar_of_a_release_with_other_rules_says_so_before_it_decides(
    busy: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharebus.governance.docket.docket.RULES", RULES + 1)
    busy.start()
    busy.tick(busy.broker.now_ms + 1)
    kept = [json.loads(each[2]["body"])["version"] for each in written(busy, monkeypatch).facts
            if each[2]["kind"] == "docket_rules"]  # fmt: skip
    assert kept == [RULES, RULES + 1]
