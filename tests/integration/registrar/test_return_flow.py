"""What the city holds about a county flows back to it: through registrar, enforcer and gate."""

import uuid

import pytest

from sharebus.infra.log_reader import LogReader
from sharebus.stream_apps.enforcer.apply import apply_catalog

from ...unit.stream_apps.gate import case
from ..app_process import wait_until
from ..world import SUBSCRIBER
from .hall import TERM, Hall

pytestmark = pytest.mark.integration


def test_county_reads_what_is_about_it_and_nothing_about_its_neighbours(hall: Hall) -> None:
    county = f"county-{uuid.uuid4().hex[:6]}"
    hall.keys[county] = hall.keys[hall.subscriber]
    entry = hall.entry(division_field="district")
    hall.world.apply(
        entry,
        case.agency(
            county, code=f"HALL-{county.upper()}", jurisdiction="330281",
            keys=[hall.signing_key(county)],
            systems=[{"id": SUBSCRIBER, "name": SUBSCRIBER, "roles": ["subscriber"]}],
        ),
    )  # fmt: skip
    asked = hall.give(
        county, "request", f"back-{county}", "submit",
        {
            "entry": entry.id, "system": f"{county}.{SUBSCRIBER}", "fields": ["code", "name"],
            "legal_basis": "政务数据共享条例 24", "scenario": "属地治理", "scope": "余姚市",
            "mode": "subscribe", "term": TERM, "return_flow": True,
        },
    )  # fmt: skip
    assert hall.answer(asked)["outcome"] == "accepted"
    accepted = hall.give(
        hall.provider, "request", f"back-{county}", "accept",
        {"accepted_fields": ["code", "name"]}, seen=1,
    )  # fmt: skip
    assert hall.answer(accepted)["outcome"] == "accepted"
    apply_catalog(hall.world.settings)
    about = ("330281", "330282", "330281003", "3302", "330200", "33028", "330281100001", "1330281")
    for district in about:
        hall.upsert(entry, case.row(f"of-{district}", district=district))
    hall.world.decided(entry)
    grant = hall.world.facts_now().grants[f"back-{county}"]
    view = hall.world.view_topic(entry, grant)
    reader = LogReader(hall.world.broker.client_config(f"agency.{county}.{SUBSCRIBER}"))
    keys: list[bytes | None] = []
    expected = [b"of-330281", b"of-330281003", b"of-330281100001"]

    def is_filled() -> bool:
        keys.clear()
        reader.read(view, 0, 0, lambda message: keys.append(message.key()))
        return len(keys) >= len(expected)

    wait_until(is_filled, "the county reads its own")
    reader.close()
    assert keys == expected
    assert hall.world.discrepancies() == []
