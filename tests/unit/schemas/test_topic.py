"""Names of topics: unlike things never share one, and prefixes tell what may be done."""

from itertools import combinations

from sharebus.schemas import topic as topics
from sharebus.schemas.cloudevent import REQUIRED, change_headers, source_of
from sharebus.schemas.framing import FRAME, frame

from ..stream_apps.gate import case


def test_entry_that_shares_one_copy_accepts_into_the_shared_topic() -> None:
    assert topics.accepted_topic(case.unconditional("divisions")) == "shared.divisions"
    assert topics.accepted_topic(case.entry("persons")) == "accepted.persons"


def test_entry_of_ingress_is_the_inverse_of_ingress_topic() -> None:
    for entry in ("ingress", "a-b", "catalog"):
        assert topics.entry_of_ingress(topics.ingress_topic(entry)) == entry


def test_topics_of_entries_views_and_agencies_all_differ() -> None:
    names = [
        topics.AUDIT, topics.FACTS_POLICY, topics.FACTS_PROGRESS, topics.SHARED_CATALOG,
        *(topics.ingress_topic(e) for e in ("aa", "bb")),
        *(topics.view_topic(e, v) for e in ("aa", "bb") for v in ("shared", "v-1", "v-2")),
        *(topics.accepted_topic(case.entry(e)) for e in ("aa", "bb")),
        *(topics.deliveries_topic(e) for e in ("aa", "bb")),
        *(topics.quarantine_topic(a) for a in ("aa", "bb")),
        *(topics.notices_topic(a) for a in ("aa", "bb")),
    ]  # fmt: skip
    assert all(one != other for one, other in combinations(names, 2))


def test_change_headers_are_the_required_ones_once_each() -> None:
    headers = change_headers(
        event_id="e", source=source_of("agency.a.s"), event_type="t", time="2026-11-22T00:00:00Z",
        data_period="2026-11", delivery="d",
    )  # fmt: skip
    assert sorted(name for name, _ in headers) == sorted(REQUIRED)
    assert dict(headers)["ce_source"] == b"/systems/agency.a.s"


def test_frame_is_magic_schema_id_and_body() -> None:
    assert frame(258, b"body") == b"\0\0\0\1\2body"
    assert FRAME.unpack_from(frame(2**32 - 1, b"")) == (0, 2**32 - 1)
