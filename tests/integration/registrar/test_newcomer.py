"""An agency that is new has no topic yet: what it is told waits for it, and nobody else does."""

import uuid

import pytest

from sharebus.stream_apps.enforcer.apply import apply_catalog

from ...unit.stream_apps.gate import case
from ..app_process import wait_until
from ..world import SUBSCRIBER
from .hall import Hall

pytestmark = pytest.mark.integration


def test_what_a_new_agency_is_told_waits_for_its_topic_and_holds_up_nobody(hall: Hall) -> None:
    entry = hall.entry()
    hall.world.apply(entry)
    name = f"new-{uuid.uuid4().hex[:6]}"
    agency = case.agency(
        name, code=f"HALL-{name.upper()}", keys=[hall.signing_key(hall.subscriber)],
        systems=[{"id": SUBSCRIBER, "name": SUBSCRIBER, "roles": ["subscriber"]}],
    )  # fmt: skip
    document = agency.model_dump(mode="json", exclude_none=True, exclude={"kind"})
    onboarded = hall.give(hall.coordinator, "agency", name, "onboard", {"document": document})
    answer = hall.answer(onboarded)
    assert (answer["outcome"], answer["problem"], answer["found"]) == ("accepted", "", "")
    pid = hall.registrar.pid
    assert hall.answer(hall.request(entry, "req-meanwhile"))["outcome"] == "accepted"
    # A new start knows what waits, too.
    hall.registrar.kill()
    hall.registrar.start()
    assert hall.answer(hall.request(entry, "req-after"))["outcome"] == "accepted"
    assert hall.registrar.pid != pid
    apply_catalog(hall.world.settings)
    told = wait_until(lambda: hall.notices(name), f"{name} is told")
    assert [key for key, _ in told] == [f"@case/agency/{name}".encode()]
