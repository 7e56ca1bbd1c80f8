"""The rights of each app and of each kind of system: these and no others."""

from typing import Any

import pytest

from sharebus.stream_apps.enforcer.desired import desired_broker
from sharebus.stream_apps.enforcer.rights import (
    enforcer_rules,
    gate_rules,
    meter_rules,
    notary_rules,
    registrar_rules,
    sealed_rules,
)

from . import town

RELEASED = ("accepted", "shared", "view", "deliveries", "quarantine", "notices")


def test_gate_reads_what_it_decides_and_writes_what_it_releases() -> None:
    assert {str(rule) for rule in gate_rules()} == {
        *(f"ALLOW gate READ TOPIC {name}.*" for name in ("ingress", "accepted", "shared", "view")),
        "ALLOW gate READ TOPIC facts.*",
        *(f"ALLOW gate WRITE TOPIC {name}.*" for name in RELEASED),
        "ALLOW gate WRITE TOPIC facts.progress",
        "ALLOW gate WRITE TOPIC audit",
        "ALLOW gate READ GROUP gate*",
        "ALLOW gate WRITE TRANSACTIONAL_ID gate*",
        "DENY gate WRITE TOPIC shared.catalog",
    }


def test_registrar_reads_commands_and_writes_facts_and_notices() -> None:
    assert {str(rule) for rule in registrar_rules()} == {
        "ALLOW registrar READ TOPIC commands.*",
        "ALLOW registrar READ TOPIC facts.*",
        "ALLOW registrar WRITE TOPIC notices.*",
        *(f"ALLOW registrar WRITE TOPIC facts.{name}" for name in ("policy", "cases", "progress")),
        "ALLOW registrar WRITE TOPIC shared.catalog",
        "ALLOW registrar WRITE TOPIC audit",
        "ALLOW registrar WRITE TRANSACTIONAL_ID registrar",
        "ALLOW registrar READ GROUP registrar",
    }


def test_enforcer_makes_topics_and_rights_and_reads_no_event() -> None:
    made = ("ingress", *RELEASED, "commands", "facts")
    assert {str(rule) for rule in enforcer_rules()} == {
        *(
            f"ALLOW enforcer {operation} TOPIC {name}.*"
            for operation in ("CREATE", "DESCRIBE", "ALTER_CONFIGS")
            for name in made
        ),
        *(
            f"ALLOW enforcer {operation} TOPIC audit*"
            for operation in ("CREATE", "DESCRIBE", "DESCRIBE_CONFIGS")
        ),
        "ALLOW enforcer DELETE TOPIC view.*",
        "ALLOW enforcer READ TOPIC facts.*",
        "ALLOW enforcer READ TOPIC shared.catalog*",
        *(f"ALLOW enforcer WRITE TOPIC {name}.*" for name in RELEASED),
        *(f"ALLOW enforcer WRITE TOPIC {name}" for name in ("facts.policy", "facts.progress")),
        "ALLOW enforcer WRITE TOPIC audit",
        "ALLOW enforcer READ GROUP enforcer*",
        "ALLOW enforcer WRITE TRANSACTIONAL_ID enforcer*",
        "ALLOW enforcer ALTER BROKER kafka-cluster",
        "ALLOW enforcer ALTER_CONFIGS BROKER kafka-cluster",
    }


def test_meter_knows_names_and_reads_no_event() -> None:
    named = ("ingress", *RELEASED, "commands")
    assert {str(rule) for rule in meter_rules()} == {
        *(f"ALLOW meter DESCRIBE TOPIC {name}.*" for name in named),
        "ALLOW meter DESCRIBE TOPIC audit*",
        "ALLOW meter READ TOPIC facts.*",
        "ALLOW meter WRITE TOPIC audit",
        "ALLOW meter WRITE TOPIC facts.progress",
        "ALLOW meter WRITE TRANSACTIONAL_ID meter*",
    }


def test_notary_reads_what_is_sealed_and_nobody_changes_it() -> None:
    assert {str(rule) for rule in notary_rules()} == {
        "ALLOW notary READ TOPIC audit",
        "ALLOW notary READ TOPIC audit.checkpoints",
        "ALLOW notary WRITE TOPIC audit.checkpoints",
        "ALLOW notary WRITE TRANSACTIONAL_ID notary",
    }
    assert {str(rule) for rule in sealed_rules()} == {
        f"DENY * {operation} TOPIC {name}"
        for operation in ("DELETE", "ALTER", "ALTER_CONFIGS")
        for name in ("audit", "audit.checkpoints")
    }


def rights(system: str, *agencies: Any, **entry: Any) -> set[str]:
    """What a system may do where the reader has a grant on the provider's entry."""
    parties = agencies or (town.provider(), town.reader())
    facts = town.facts_of(*parties, town.entry(**entry), town.grant(["code", "district", "name"]))
    rules = desired_broker(facts, town.DURING).rules
    mine = (rule for rule in rules if rule.who == f"agency.{system}")
    return {str(rule).replace(f"ALLOW agency.{system} ", "") for rule in mine}


def everybodys(system: str) -> set[str]:
    agency = system.partition(".")[0]
    return {
        f"READ TOPIC notices.{agency}",
        f"WRITE TOPIC commands.{agency}",
        f"READ GROUP agency.{agency}.*",
    }


PUBLIC = {"READ TOPIC shared.catalog", "READ TOPIC audit.checkpoints"}
PROVIDER = f"{town.case.AGENCY}.{town.case.SYSTEM}"
SENDS = {
    "WRITE TOPIC ingress.persons",
    *(f"READ TOPIC {name}.persons" for name in ("ingress", "accepted", "deliveries")),
}


def test_provider_sends_its_entry_and_reads_what_became_of_it() -> None:
    refused = {f"READ TOPIC quarantine.{town.case.AGENCY}"}
    expected = everybodys(PROVIDER) | PUBLIC | SENDS | refused
    assert rights(PROVIDER) == expected
    one_copy = {"READ TOPIC shared.persons"} | expected - {"READ TOPIC accepted.persons"}
    assert rights(PROVIDER, kind="closed") == one_copy


def test_grantee_reads_its_view_and_what_is_announced() -> None:
    views = rights(town.SYSTEM) - everybodys(town.SYSTEM) - PUBLIC
    assert {name.partition("v-")[0] for name in views} == {
        "READ TOPIC view.persons.", "READ TOPIC deliveries.persons",
    }  # fmt: skip
    assert len(views) == 2


def test_entry_of_an_agency_that_nobody_knows_gives_its_provider_no_right() -> None:
    assert rights(PROVIDER, town.reader()) == set()


def test_patterns_are_those_of_the_broker() -> None:
    facts = town.facts_of(town.provider(), town.reader(), town.entry(), town.grant(["code"]))
    rules = desired_broker(facts, town.DURING).rules
    assert {rule.pattern for rule in rules} == {"LITERAL", "PREFIXED"}
    assert {rule.resource for rule in rules} == {"TOPIC", "GROUP", "TRANSACTIONAL_ID", "BROKER"}


@pytest.mark.parametrize("system", [PROVIDER, town.SYSTEM])
def test_agency_that_is_suspended_can_be_told_why_and_answer(system: str) -> None:
    parties = town.provider(suspended=True), town.reader(suspended=True)
    assert rights(system, *parties) == everybodys(system) | {"READ TOPIC audit.checkpoints"}


@pytest.mark.parametrize(
    "provider",
    [
        town.provider(left=True, systems=[]),
        town.agency(town.case.AGENCY, "TEST-MARKET", "another", "provider"),
    ],
    ids=["with its agency", "alone"],
)
def test_system_that_is_gone_has_no_right(provider: Any) -> None:
    reader = town.reader(left=True, systems=[])
    assert rights(PROVIDER, provider, reader) == rights(town.SYSTEM, provider, reader) == set()
