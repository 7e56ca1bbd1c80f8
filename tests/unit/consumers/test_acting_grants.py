"""Under which grant a system reads: as the notices of its agency have it."""

from collections.abc import Callable

import pytest

from sharebus.consumers import acting_grants as module
from sharebus.consumers.acting_grants import ActingGrant, acting_grants
from sharebus.governance.identity import parse_system
from sharebus.governance.self_service import automatic_grant_id

from ..governance.docket.town import FIVE, Town
from ..producers.desk.recorded import RecordedLog

TAX = parse_system("tax.desk")
Told = Callable[..., tuple[ActingGrant, ...]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """The grants of a system on an entry, after what a town did."""

    def grants(
        town: Town, who: str = "tax", entry: str = "closed", topic: str = "view.closed.v-1"
    ) -> tuple[ActingGrant, ...]:
        log = RecordedLog(who)
        log.tell(*town.outcomes)
        monkeypatch.setattr(module, "LogReader", lambda config: log)
        return acting_grants({}, parse_system(f"{who}.desk"), entry, topic)

    return grants


def test_grant_of_a_request_states_its_purpose_and_its_last_day(told: Told) -> None:
    town = Town()
    town.ask("r-1", "closed")
    town.accept("r-1", "code")
    town.ask("r-2", "open")
    assert told(town) == (
        ActingGrant("r-1", FIVE["legal_basis"], FIVE["scenario"], FIVE["scope"], "2026-12-31"),
    )
    town.file("market", "grant", "r-1", "suspend", reason="x", rectify_by="2026-04-01")
    assert told(town) == ()


def test_grant_of_an_emergency_has_the_id_that_the_policy_gives_it(told: Told) -> None:
    town = Town()
    town.file("office", "emergency", "e-1", "declare", reason="台风", entries=["closed"],
              agencies=["health"], until="2026-03-10", seal_by="2026-03-20")  # fmt: skip
    (grant,) = town.grants().values()
    (acting,) = told(town, "health")
    assert (acting.id, acting.scenario, acting.last_day) == (grant.id, "台风", "2026-03-10")
    assert told(town) == ()
    town.file("office", "emergency", "e-1", "end")
    assert told(town, "health") == ()


def test_reader_of_the_shared_copy_without_a_request_has_the_automatic_grant(told: Told) -> None:
    (acting,) = told(Town(), entry="open", topic="shared.open")
    assert acting.id == automatic_grant_id("open", str(TAX))
