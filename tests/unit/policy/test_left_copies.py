"""The copies that an entry has left: whoever read them is denied, and the enforcer may delete."""

import pytest

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts, RegisteredSchema
from sharebus.governance.shared_copy import copy_left, is_shared_copy_closed
from sharebus.stream_apps.enforcer.desired import desired_broker
from sharebus.stream_apps.enforcer.rights import closed_copy_rules

from . import town

PROVIDER = f"{town.case.AGENCY}.{town.case.SYSTEM}"
MARKS = {"name": "personal"}
OWN, SHARED = "accepted.persons", "shared.persons"
DENIED = f"DENY agency.{town.SYSTEM} READ TOPIC {SHARED}"


def standing(entry: CatalogEntry, *copies: str) -> PolicyFacts:
    """The entry, with a grant that ended and one that stands, and these copies provided."""
    ended = town.grant(["code"], system=town.OTHER_SYSTEM, grant_id="g-2", revoked=True)
    parties = (town.provider(), town.reader(), town.other_reader())
    facts = PolicyFacts()
    for document in (*parties, town.grant(["code"]), ended, entry):
        facts.apply(document, facts.version + 1)
    for copy in copies:
        schema = RegisteredSchema(
            subject=f"{copy}-value", schema_id=7, avro_schema=entry.avro_schema
        )
        facts.apply(schema, facts.version + 1)
    return facts


def rules(facts: PolicyFacts) -> set[str]:
    return {str(rule) for rule in desired_broker(facts, town.DURING).rules}


@pytest.mark.parametrize(
    ("kind", "marks", "copies", "left"),
    [
        ("open", {}, (SHARED,), None),
        ("open", {}, (OWN, SHARED), OWN),
        ("open", MARKS, (OWN, SHARED), None),
        ("conditional", {}, (OWN,), None),
        ("conditional", {}, (SHARED,), None),
        ("conditional", MARKS, (OWN, SHARED), SHARED),
        ("not_shared", {}, (SHARED,), None),
        ("not_shared", {}, (OWN, SHARED), SHARED),
    ],
)
def test_copy_is_left_once_the_other_stands(
    kind: str, marks: dict[str, str], copies: tuple[str, ...], left: str | None
) -> None:
    entry = town.entry(kind, marks=marks)
    facts = standing(entry, *copies)
    assert copy_left(facts, entry) == left
    deletes = {rule for rule in rules(facts) if "DELETE TOPIC" in rule and "persons" in rule}
    assert deletes == ({f"ALLOW enforcer DELETE TOPIC {left}"} if left else set())


@pytest.mark.parametrize("kind", ["conditional", "not_shared"])
@pytest.mark.parametrize("copies", [(SHARED,), (OWN, SHARED)])
def test_whoever_could_read_the_shared_copy_is_denied_it(
    kind: str, copies: tuple[str, ...]
) -> None:
    entry = town.entry(kind)
    facts = standing(entry, *copies)
    assert is_shared_copy_closed(facts, entry)
    closed = closed_copy_rules(facts, entry)
    assert {rule.pattern for rule in closed if rule.permission == "DENY"} == {"LITERAL"}
    denied = {rule for rule in rules(facts) if rule.endswith(f"READ TOPIC {SHARED}")}
    readers = (PROVIDER, town.SYSTEM, town.OTHER_SYSTEM)
    assert denied == {f"DENY agency.{reader} READ TOPIC {SHARED}" for reader in readers}


def test_nobody_is_denied_an_open_copy_or_one_that_is_gone() -> None:
    for kind, copies in (("open", (SHARED,)), ("open", (OWN, SHARED)), ("conditional", (OWN,))):
        entry = town.entry(kind)
        facts = standing(entry, *copies)
        assert not is_shared_copy_closed(facts, entry)
        assert DENIED not in rules(facts)


def test_not_shared_entry_gives_nobody_a_right_whatever_stands() -> None:
    facts = standing(town.entry("not_shared"), OWN, SHARED)
    about = {rule for rule in rules(facts) if "persons" in rule and rule.startswith("ALLOW")}
    assert about == {f"ALLOW enforcer DELETE TOPIC {SHARED}"}


def test_provider_reads_what_is_accepted_when_all_of_it_lies_there() -> None:
    moving = f"ALLOW agency.{PROVIDER} READ TOPIC {OWN}"
    assert moving not in rules(standing(town.entry(), OWN, SHARED))
    assert moving in rules(standing(town.entry(), OWN))
    back = f"ALLOW agency.{PROVIDER} READ TOPIC {SHARED}"
    assert back not in rules(standing(town.entry("open"), OWN, SHARED))
    assert back in rules(standing(town.entry("open"), SHARED))
