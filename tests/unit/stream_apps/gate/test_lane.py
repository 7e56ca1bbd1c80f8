"""What a lane decides of single events and of batches, and what it remembers."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus.governance.content_checks import unified_social_credit_code
from sharebus.governance.identity import RESERVED_AGENCIES
from sharebus.governance.rule import Outcome, Rule
from sharebus.schemas import cloudevent as ce
from sharebus.schemas.framing import frame
from sharebus.schemas.record import delivery_closed, progress
from sharebus.stream_apps.gate import lane as lane_module
from sharebus.stream_apps.gate.lane import HARMFUL, UNREADABLE, Arrival, Closing, Decision
from sharebus.stream_apps.gate.recent import WINDOW_OFFSETS

from . import case, test_judge

CODE = "91330200MA2000000X"
KEY = CODE.encode()
SOUND = case.row(unified_social_credit_code(CODE[:17]))
ENTRY = case.entry(event_bytes_max=1000, partitions=1)
PLAN = case.plan_of(ENTRY)
CREDIT_CODE = {"name": "unified_social_credit_code", "on_failure": "refuse"}
FLAGGED = {"name": "control_characters", "on_failure": "flag"}


def decide(*arrivals: Arrival, plan: Any = PLAN, partition: int = 0) -> Decision:
    return case.lane_of(plan or PLAN, partition).decide(plan, list(arrivals))


def upserted(value: bytes | None, key: bytes | None = KEY, **header: Any) -> Arrival:
    return (0, case.NOON_MS, key, value, case.headers(**header))


def closing_with(value: bytes | None) -> Arrival:
    return (0, case.NOON_MS, b"d", value, case.headers(event_type=ce.TYPE_DELIVERY_CLOSED))


CLOSED = case.closing(0, 0)[3] or b""
PLANS: dict[str, Any] = {
    "suspended entry": case.plan_of(case.entry(suspended=True)),
    "suspended agency": case.plan_of(ENTRY, provider=case.agency(suspended=True)),
    "two partitions": case.plan_of(case.entry(partitions=2)),
    "checked": case.plan_of(case.entry(checks={"code": [CREDIT_CODE], "name": [FLAGGED]})),
}
BAD_EVENTS: dict[str, tuple[Rule, str, Any, Arrival]] = {
    "unknown entry": (Rule.ENTRY_UNKNOWN, "", None, case.upsert(0, case.row())),
    "suspended entry": (
        Rule.ENTRY_SUSPENDED, "", PLANS["suspended entry"], case.upsert(0, case.row()),
    ),
    "suspended agency": (
        Rule.ENTRY_SUSPENDED, "", PLANS["suspended agency"], case.upsert(0, case.row()),
    ),
    "bytes that cannot be unpacked": (
        Rule.RECORD_UNREADABLE, "", PLAN, (0, 0, None, None, UNREADABLE),
    ),
    "event of which processes died": (
        Rule.RECORD_HARMFUL, "", PLAN, (0, 0, None, None, HARMFUL),
    ),
    "value over the size limit": (
        Rule.RECORD_TOO_LARGE, "value", PLAN, case.upsert(0, case.row(name="名" * 400)),
    ),
    "header missing": (
        Rule.HEADER_MISSING, ce.ID, PLAN, (0, case.NOON_MS, KEY, None, test_judge.without(ce.ID)),
    ),
    "no key": (Rule.KEY_MISSING, "", PLAN, upserted(case.value(case.row()), None)),
    "wrong partition": (
        Rule.KEY_PARTITION, "", PLANS["two partitions"], case.upsert(0, case.row("1")),
    ),
    "key of another row": (Rule.KEY_MISMATCH, "", PLAN, upserted(case.value(case.row()), b"x")),
    "deletion of a key that no row can have": (Rule.KEY_MISMATCH, "", PLAN, case.delete(0, "a|b")),
    "empty value": (Rule.FRAME_EMPTY, "0 bytes", PLAN, upserted(b"")),
    "magic byte": (Rule.FRAME_MAGIC, "byte 0", PLAN, upserted(b"\1" + bytes(9))),
    "unknown schema": (
        Rule.SCHEMA_UNKNOWN, "byte 1", PLAN, upserted(case.value(case.row(), case.UNKNOWN_ID)),
    ),
    "schema of another subject": (
        Rule.SCHEMA_FOREIGN, "byte 1", PLAN, upserted(case.value(case.row(), case.FOREIGN_ID)),
    ),
    "tombstone with the type of an upsert": (
        Rule.HEADER_CONTRADICTS, ce.TYPE, PLAN, upserted(None),
    ),
    "value with the type of a deletion": (
        Rule.HEADER_CONTRADICTS, ce.TYPE, PLAN,
        upserted(case.value(case.row()), event_type=ce.TYPE_DELETED),
    ),
    "undecodable": (
        Rule.VALUE_UNDECODABLE, "", PLAN, upserted(case.value(case.row())[:-1]),
    ),
    "trailing byte": (Rule.VALUE_NOT_CANONICAL, "", PLAN, upserted(case.value(case.row()) + b"x")),
    "NaN": (
        Rule.VALUE_OUT_OF_RANGE, "capital", PLAN,
        case.upsert(0, case.row(capital=float("nan"))),
    ),
    "wrong check character": (
        Rule.CONTENT_CHECK, "code", PLANS["checked"], case.upsert(0, case.row(CODE[:-1] + "1")),
    ),
    "closing without a value": (Rule.HEADER_CONTRADICTS, ce.TYPE, PLAN, closing_with(None)),
    "closing under another schema": (
        Rule.SCHEMA_FOREIGN, "byte 1", PLAN, closing_with(case.value(case.row())),
    ),
    "closing cut short": (Rule.VALUE_UNDECODABLE, "", PLAN, closing_with(CLOSED[:-1])),
    "closing with a trailing byte": (
        Rule.VALUE_NOT_CANONICAL, "", PLAN, closing_with(CLOSED + b"x"),
    ),
    "closing for another number of partitions": (
        Rule.VALUE_OUT_OF_RANGE, "partition_count", PLAN, case.closing(0, 0, partition_count=2),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "place", "plan", "bad"), BAD_EVENTS.values(), ids=BAD_EVENTS)
def test_decide_bad_event_is_refused_and_quarantined_and_good_ones_around_it_flow(
    rule: Rule, place: str, plan: Any, bad: Arrival
) -> None:
    around = PLANS["checked"] if plan is PLANS["checked"] else PLAN
    lane = case.lane_of(around)
    before = lane.decide(around, [case.upsert(0, SOUND, "before")])
    refused = lane.decide(plan, [(1, *bad[1:])])
    after = lane.decide(around, [case.upsert(2, SOUND, "after")])
    assert [x.lines[0]["outcome"] for x in (before, refused, after)] == [
        Outcome.ACCEPTED, Outcome.REFUSED, Outcome.ACCEPTED,
    ]  # fmt: skip
    (line,), ((topic, key, value, _, headers),) = refused.lines, refused.outputs
    assert (line["rule"], line["offset"]) == (rule, 1)
    assert not place or line["place"] == place
    assert line["route"] == (topic,)
    assert topic == ("quarantine.market" if plan else "quarantine.platform")
    assert (key, value) == (bad[2] or b"", bad[3])
    assert line["digests"] == case.DIGEST.record(bad[2] or b"", bad[3])
    named = dict(headers)
    assert (named["sharebus_rule"], named["sharebus_offset"]) == (rule.encode(), b"1")


def test_every_rule_is_raised_by_a_bad_input_of_these_tests() -> None:
    raised = {rule for rule, *_ in BAD_EVENTS.values()}
    raised |= {rule for rule, *_ in test_judge.BAD_HEADERS.values()}
    elsewhere = {Rule.ID_REUSED, Rule.DELIVERY_CLOSED, Rule.REFERENCE_INVALID}
    assert raised | elsewhere == set(Rule)


def test_decide_accepted_event_passes_unchanged_but_for_foreign_headers() -> None:
    headers = [*case.headers(), ("traceparent", b"00"), (ce.CORRECTS, b"e-0")]
    value = case.value(case.row())
    decision = decide((7, case.NOON_MS, KEY, value, headers))
    (output,) = decision.outputs
    assert output == (
        "accepted.legal-persons", KEY, value, 0, [*case.headers(), (ce.CORRECTS, b"e-0")],
    )  # fmt: skip
    (line,) = decision.lines
    assert line == {
        "offset": 7, "ingress_ms": case.NOON_MS, "event": case.DIGEST.event(b"e-1"),
        "entity": case.DIGEST.entity(KEY), "delivery": (case.PERIOD, case.DELIVERY),
        "outcome": Outcome.ACCEPTED, "rule": "", "place": "",
        "route": ("accepted.legal-persons",), "digests": case.DIGEST.record(KEY, value),
    }  # fmt: skip


def test_decide_flagged_event_is_accepted_and_its_fields_are_named() -> None:
    row = {**SOUND, "name": "line\nbreak"}
    decision = decide(case.upsert(0, row), plan=PLANS["checked"])
    (line,) = decision.lines
    assert (line["outcome"], line["rule"], line["place"]) == (
        Outcome.ACCEPTED, Rule.CONTENT_CHECK, "name",
    )  # fmt: skip


def test_decide_same_id_with_same_payload_is_a_duplicate_and_goes_nowhere() -> None:
    first, again = case.upsert(0, case.row(), "e"), case.upsert(1, case.row(), "e")
    decision = decide(first, again)
    assert [x["outcome"] for x in decision.lines] == [Outcome.ACCEPTED, Outcome.DUPLICATE]
    assert len(decision.outputs) == 1
    assert (decision.lines[1]["route"], decision.lines[1]["digests"]) == ((), b"")


@pytest.mark.parametrize(
    "reuse",
    [
        case.upsert(1, case.row(name="另一家"), "e"),
        case.delete(1, CODE, "e"),
        case.upsert(1, case.row("another"), "e"),
    ],
    ids=["another row", "deletion", "another key"],
)
def test_decide_same_id_with_another_payload_is_refused(reuse: Arrival) -> None:
    decision = decide(case.upsert(0, case.row(), "e"), reuse)
    assert decision.lines[1]["rule"] == Rule.ID_REUSED


def test_decide_id_of_a_refused_event_may_be_used_again() -> None:
    decision = decide(
        case.upsert(0, case.row(capital=float("inf")), "e"), case.upsert(1, case.row(), "e")
    )
    assert decision.lines[1]["outcome"] == Outcome.ACCEPTED


def test_decide_closing_is_answered_with_the_counts_of_its_delivery() -> None:
    decision = decide(
        case.upsert(0, case.row("a")),
        case.upsert(1, case.row("a"), "e-0"),
        case.upsert(2, case.row(capital=float("nan"))),
        case.upsert(3, case.row("b"), delivery="another"),
        case.closing(4, 3),
    )
    (closing,) = decision.closings
    assert (closing.accepted, closing.refused, closing.duplicate) == (1, 1, 1)
    assert (closing.declared, closing.outcome, closing.offset) == (3, "incomplete", 4)
    assert decision.lines[4]["outcome"] == Outcome.CLOSED
    assert len(decision.outputs) == 3  # the closing itself goes to nobody


@pytest.mark.parametrize(
    ("declared", "accepted", "no_change", "outcome"),
    [
        (2, 2, False, "complete"),
        (3, 2, False, "incomplete"),
        (1, 2, False, "incomplete"),
        (0, 0, False, "complete"),
        (0, 0, True, "no_change"),
        (1, 1, True, "complete"),
        (1, 0, True, "incomplete"),
    ],
)
def test_closing_outcome_follows_from_the_counts(
    declared: int, accepted: int, no_change: bool, outcome: str
) -> None:
    closing = Closing(("p", "d"), 0, 0, declared, 1, no_change, accepted, 0, 0)
    assert closing.outcome == outcome


def test_decide_event_of_a_closed_delivery_is_refused_but_its_repetition_is_a_duplicate() -> None:
    decision = decide(
        case.upsert(0, case.row("a"), "e-0"),
        case.closing(1, 1),
        case.upsert(2, case.row("b")),
        case.upsert(3, case.row("a"), "e-0"),
        case.upsert(4, case.row("b"), delivery="next"),
    )
    assert [(x["outcome"], x["rule"]) for x in decision.lines[2:]] == [
        (Outcome.REFUSED, Rule.DELIVERY_CLOSED), (Outcome.DUPLICATE, ""), (Outcome.ACCEPTED, ""),
    ]  # fmt: skip


def test_decide_closing_sent_again_is_answered_again() -> None:
    decision = decide(case.upsert(0, case.row()), case.closing(1, 1), case.closing(2, 1))
    assert [x["outcome"] for x in decision.lines[1:]] == [Outcome.CLOSED, Outcome.DUPLICATE]
    first, second = decision.closings
    assert first._replace(offset=2) == second


def test_decide_unknown_entry_has_no_delivery_to_count() -> None:
    lane = case.lane_of(PLAN)
    lane.decide(None, [case.upsert(0, case.row())])
    assert lane.progress(1)["deliveries"] == []


def arrivals_of(kinds: list[tuple[str, int]]) -> list[Arrival]:
    """A batch of all sorts, at offsets 0, 1, …"""
    made: list[Arrival] = []
    for offset, (kind, number) in enumerate(kinds):
        delivery = f"d-{number % 2}"
        made.append(
            {
                "upsert": case.upsert(offset, case.row(f"k{number}"), delivery=delivery),
                "delete": case.delete(offset, f"k{number}", delivery=delivery),
                "again": case.upsert(offset, case.row("k"), f"again-{number}"),
                "refused": case.upsert(offset, case.row(capital=float("nan")), delivery=delivery),
                "no headers": (offset, case.NOON_MS, KEY, b"", None),
                "closing": case.closing(offset, number, delivery=delivery),
            }[kind]
        )
    return made


KINDS = ["upsert", "delete", "again", "refused", "no headers", "closing"]
VIEW_PLAN = case.plan_of(
    case.entry(partitions=1),
    case.grant("all"),
    case.grant("names", fields=["name"]),
    case.grant(
        "some", fields=["code"], conditions=[{"field": "code", "one_of": ["k1", "k2", "k3"]}]
    ),
)


@settings(deadline=None)
@given(
    kinds=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 4)), max_size=25),
    cuts=st.sets(st.integers(0, 25)),
    restarts=st.sets(st.integers(0, 25)),
)
def test_decide_is_the_same_in_any_batches_and_across_restarts(
    kinds: list[tuple[str, int]], cuts: set[int], restarts: set[int]
) -> None:
    arrivals = arrivals_of(kinds)
    whole = case.lane_of(VIEW_PLAN)
    at_once = whole.decide(VIEW_PLAN, arrivals)
    lane = case.lane_of(VIEW_PLAN)
    parts = Decision()
    start = 0
    for end in sorted({cut for cut in cuts if cut < len(arrivals)} | {len(arrivals)}):
        part = lane.decide(VIEW_PLAN, arrivals[start:end])
        parts.outputs += part.outputs
        parts.lines += part.lines
        parts.closings += part.closings
        start = end
        if end in restarts:
            recent = lane.recent
            written = progress().encode(0, {"partition": lane.progress(3), "writer": None})
            lane = case.lane_of(VIEW_PLAN, progress=progress().decode(written)["partition"])
            lane.recent = recent  # refilled from the ingress topic: see test_assignment
    assert vars(parts) == vars(at_once)
    assert lane.progress(3) == whole.progress(3)


def test_progress_forgets_refused_offsets_beyond_the_window() -> None:
    lane = case.lane_of(PLAN)
    for offset in (0, 1, WINDOW_OFFSETS):
        lane.decide(PLAN, [(offset, case.NOON_MS, None, None, None)])
    # The next offset is WINDOW_OFFSETS + 1: a refill begins at offset 1.
    assert lane.progress(0)["refused_recent"] == [1, WINDOW_OFFSETS]


def test_closing_schema_of_the_wire_is_the_bundled_one() -> None:
    assert delivery_closed().decode(CLOSED)["events_in_partition"] == 0
    assert CLOSED.startswith(frame(case.CLOSING_ID, b""))


def test_lane_never_tells_the_platforms_quarantine_by_an_agencys_name() -> None:
    agency = lane_module.PLATFORM_QUARANTINE.removeprefix("quarantine.")
    assert agency in RESERVED_AGENCIES
