"""Visible implies a grant in force, and for marked fields an agreement; what is due is visible."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from sharebus.governance.entry import SECRET_MARKS, Mark
from sharebus.governance.facts import PolicyFacts
from sharebus.schemas import topic as topics
from sharebus.schemas.canonical import canonical_json
from sharebus.stream_apps.enforcer.desired import DesiredBroker, DesiredState
from sharebus.stream_apps.gate.judge import Reader, reader_of

from ..docs import pages
from . import town
from .decision_table import ROWS, Facts, all_facts, law, table

CANARIES = {value for row in ROWS for value in row.values()}
MARKED = {row["field"] for row in ROWS}
FACTS, CELLS = 5_400, 10_584


def broken_promises(
    facts: Facts,
    in_force: PolicyFacts,
    desired: DesiredBroker,
    readable: set[str],
    released: town.Released,
) -> list[str]:
    """What holds whatever is granted; ``readable`` are the topics that the reader may read."""
    entry = in_force.entries["persons"]
    own = {topics.ingress_topic(entry.id), f"accepted.{entry.id}", f"quarantine.{town.case.AGENCY}"}
    broken = []
    if facts.sharing == "not_shared":
        names = [topic.name for topic in desired.topics] + [rule.name for rule in desired.rules]
        broken += [name for name in names if entry.id in name]
    if facts.mark is not Mark.NONE:
        shared = {topics.view_topic(entry.id, "shared")}
        broken += town.seen(released, shared, MARKED)
    return [*broken, *(own & readable)]


@pytest.fixture
def readers_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """How values are read is no question of policy, and a reader is half of what a plan costs."""
    known: dict[str, Reader] = {}

    def reader(avro_schema: Mapping[str, Any]) -> Reader:
        text = canonical_json(avro_schema)
        return known.get(text) or known.setdefault(text, reader_of(avro_schema))

    monkeypatch.setattr("sharebus.stream_apps.gate.plan.reader_of", reader)


@pytest.mark.usefixtures("readers_made_once")
def test_what_a_reader_sees_is_what_the_law_says_in_every_combination() -> None:
    combinations, cells, wrong = 0, 0, []
    state = DesiredState()
    for facts in all_facts():
        in_force = facts.documents()
        town.register(in_force, state.of(in_force, town.DURING))
        released = town.decide(in_force, ROWS)
        combinations += 1
        for standing, day in facts.standings():
            desired = state.of(in_force, day)
            readable = town.readable(desired, town.SYSTEM)
            visible = town.seen(released, readable, CANARIES)
            promises = broken_promises(facts, in_force, desired, readable, released)
            cells += 1
            if visible != law(facts, standing) or promises:
                wrong.append((facts, standing, visible, promises))
    assert wrong == []
    assert (combinations, cells) == (FACTS, CELLS)


@pytest.mark.parametrize("mark", sorted(SECRET_MARKS))
def test_secret_data_is_in_no_entry_at_all(mark: Mark) -> None:
    with pytest.raises(ValidationError, match="never enters the bus"):
        town.entry(marks={"name": mark})


def test_page_prints_the_table_that_is_tested() -> None:
    page = pages.text_of(pages.DOCS / "policy-proof.md")
    assert "\n".join(table()) in page
    assert f"{FACTS:,}" in page
    assert f"{CELLS:,}" in page
