"""What one view gets for one accepted change: by filter, by key, and by what the view holds."""

from typing import Any

import pytest

from sharebus.schemas import cloudevent as ce
from sharebus.schemas.audit_digest import pseudonym
from sharebus.stream_apps.gate.judge import Payload
from sharebus.stream_apps.gate.plan import ViewPlan
from sharebus.stream_apps.gate.release import FROM_START, ViewState, release

from ..stream_apps.gate import case

SECRET = b"s" * 32
UPSERTED, DELETED = ce.TYPE_UPSERTED.encode(), ce.TYPE_DELETED.encode()
PAYLOAD = Payload({"code": "c1"}, b"value", (), 7)
HEADERS = [*case.headers("e-1"), (ce.CORRECTS, b"e-0")]
GONE = [*case.headers("e-1", event_type=ce.TYPE_DELETED), (ce.CORRECTS, b"e-0")]


def plan(passes: bool, passes_key: bool | None, secret: bytes | None = None) -> ViewPlan:
    """A view whose filter says the same of every row, and of every key if it can tell by it."""
    return ViewPlan(
        name="v", topic="view.persons.v", passes=lambda row: passes,
        passes_key=None if passes_key is None else lambda key: bool(passes_key),
        cut={7: lambda payload: b"cut " + payload.value}, pseudonym_secret=secret, provided_at=0,
    )  # fmt: skip


def given(view: ViewPlan, held: Any, payload: Payload | None) -> Any:
    """The view's output for the key c1, and the key set after it."""
    key_set: Any = None if held is None else set(held)
    headers = HEADERS if payload is not None else GONE
    output = release(view, ViewState(True, 0, key_set), b"c1", payload, headers, 3)
    return output, key_set


def header(output: Any, name: str) -> bytes:
    return dict(output[4])[name]


@pytest.mark.parametrize("held", [None, (), (b"c1",)], ids=["by key", "new", "known"])
def test_row_that_passes_is_released_under_its_own_type(held: Any) -> None:
    output, key_set = given(plan(True, True), held, PAYLOAD)
    assert output == ("view.persons.v", b"c1", b"cut value", 3, HEADERS)
    assert header(output, ce.TYPE) == UPSERTED
    assert key_set is None or key_set == {b"c1"}


def test_row_that_leaves_is_a_deletion_for_the_view() -> None:
    output, key_set = given(plan(False, None), (b"c1", b"c2"), PAYLOAD)
    assert output[:4] == ("view.persons.v", b"c1", None, 3)
    assert header(output, ce.TYPE) == DELETED
    assert key_set == {b"c2"}
    others = [pair for pair in output[4] if pair[0] != ce.TYPE]
    assert others == [pair for pair in HEADERS if pair[0] != ce.TYPE]


def test_deletion_of_what_the_view_holds_is_passed_on_as_it_is() -> None:
    output, key_set = given(plan(False, None), (b"c1",), None)
    assert output == ("view.persons.v", b"c1", None, 3, GONE)
    assert key_set == set()
    output, _ = given(plan(True, True), None, None)
    assert output == ("view.persons.v", b"c1", None, 3, GONE)


@pytest.mark.parametrize("payload", [PAYLOAD, None], ids=["row", "deletion"])
@pytest.mark.parametrize(
    ("passes_key", "held"),
    [(None, ()), (None, (b"c2",)), (None, None), (False, None)],
    ids=["empty", "another is held", "nothing can tell", "by key"],
)
def test_what_the_view_never_held_leaves_no_trace(
    passes_key: bool | None, held: Any, payload: Payload | None
) -> None:
    output, key_set = given(plan(False, passes_key), held, payload)
    assert output is None
    assert key_set is None or key_set == set(held)


def test_row_that_does_not_pass_leaves_no_trace_whatever_its_key_says() -> None:
    assert given(plan(False, True), None, PAYLOAD) == (None, None)


@pytest.mark.parametrize("payload", [PAYLOAD, None], ids=["row", "deletion"])
def test_view_that_withholds_the_key_has_pseudonyms_of_it_and_of_ids(
    payload: Payload | None,
) -> None:
    known = pseudonym(b"c1", SECRET)
    output, key_set = given(plan(True, None, SECRET), (known,), payload)
    assert output[1] == known
    assert header(output, ce.ID) == pseudonym(b"e-1", SECRET)
    assert header(output, ce.CORRECTS) == pseudonym(b"e-0", SECRET)
    assert header(output, ce.TIME) == dict(HEADERS)[ce.TIME]
    assert key_set == ({known} if payload is not None else set())


def test_refill_begins_before_every_offset() -> None:
    state = ViewState(False, 5, None)
    assert (state.live, state.cursor, state.is_refill, state.confirmed) == (False, 5, False, set())
    assert state.provided_at == -1
    assert FROM_START == -1
