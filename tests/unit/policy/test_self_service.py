"""Who has what without a request (自行获取, Order 171 Art 17, 18 ¶1), and what its grant says."""

import hashlib
from datetime import date
from typing import Any

import pytest

from sharebus.governance.grant import Grant
from sharebus.governance.self_service import automatic_grant_id, automatic_grants

from . import town

PARTIES = (town.provider(), town.reader(), town.other_reader())
PERSONAL = {"name": "personal"}


def given(entry: Any, standing: tuple[Grant, ...] = (), parties: Any = PARTIES) -> dict[str, Grant]:
    made = automatic_grants(parties, [entry], standing, town.FIRST_DAY)
    return {grant.system: grant for grant in made}


def test_grant_without_a_request_says_why_and_since_when_and_what() -> None:
    grant = given(town.entry("open", marks=PERSONAL))[town.SYSTEM]
    digest = hashlib.sha256(f"persons/{town.SYSTEM}".encode()).hexdigest()
    assert grant.id == automatic_grant_id("persons", town.SYSTEM) == f"auto-{digest[:16]}"
    assert (grant.entry, grant.fields, grant.row_filter) == ("persons", ("code", "district"), None)
    assert (grant.approval, grant.agreement, grant.revoked) == ("automatic", None, False)
    assert (grant.term.first_day, grant.term.last_day) == (town.FIRST_DAY, date(9999, 12, 31))
    article = "Order 171 Art 17, Art 18 ¶1"
    assert grant.purpose.legal_basis == f"{article} (无附加条件共享类，由行政机关自行获取)"
    assert grant.purpose.scenario.endswith("shared without additional conditions")
    assert grant.purpose.scope == "the fields without a protection mark"


@pytest.mark.parametrize(
    ("kind", "marks", "systems"),
    [
        ("open", {}, {town.SYSTEM, town.OTHER_SYSTEM}),
        ("closed", {}, {town.OTHER_SYSTEM}),
        ("conditional", {}, set()),
        ("not_shared", {}, set()),
        ("open", dict.fromkeys(("code", "district", "name"), "privacy"), set()),
    ],
    ids=["everybody", "in scope", "conditional", "not shared", "nothing unmarked"],
)
def test_every_subscriber_in_scope_has_an_unconditional_entry(
    kind: str, marks: dict[str, str], systems: set[str]
) -> None:
    assert given(town.entry(kind, marks=marks)).keys() == systems


def test_provider_has_its_own_entry_from_nobody_but_its_other_systems_have() -> None:
    name = town.case.AGENCY
    both = ["provider", "subscriber"]
    systems = [
        {"id": system, "name": system, "roles": both} for system in (town.case.SYSTEM, "another")
    ]
    provider = town.provider(systems=systems)
    assert given(town.entry("open"), parties=[provider]).keys() == {f"{name}.another"}


def test_grant_keeps_its_first_day_and_follows_the_marks_of_its_entry() -> None:
    before = given(town.entry("open"))
    later = automatic_grants(
        PARTIES, [town.entry("open", marks=PERSONAL)], before.values(), town.AFTER
    )
    for grant in later:
        assert grant.term == before[grant.system].term
        assert grant.fields == ("code", "district")


def test_grant_that_was_revoked_stays_so_and_others_do_not_follow_it() -> None:
    before = given(town.entry("open"))
    revoked = before[town.SYSTEM].model_copy(update={"revoked": True})
    again = given(town.entry("open"), (revoked, before[town.OTHER_SYSTEM]))
    assert again[town.SYSTEM] == revoked
    assert again[town.OTHER_SYSTEM] == before[town.OTHER_SYSTEM]


def test_grant_whose_reason_is_gone_is_revoked_and_one_that_was_asked_for_is_left_alone() -> None:
    before = given(town.entry("open"))
    asked = town.grant(["code"])
    after = given(town.entry("closed"), (*before.values(), asked))
    assert after == {
        town.SYSTEM: before[town.SYSTEM].model_copy(update={"revoked": True}),
        town.OTHER_SYSTEM: before[town.OTHER_SYSTEM],
    }
    ids = [grant.id for grant in automatic_grants(PARTIES, [], before.values(), town.AFTER)]
    assert ids == sorted(grant.id for grant in before.values())
