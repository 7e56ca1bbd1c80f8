"""Lines as Kafka 4.4.0 wrote them, and lines as somebody would like them to be."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus.stream_apps.meter.access_line import (
    TEXT_CHARS_MAX,
    Fetch,
    Life,
    Part,
    Refusal,
    read_line,
)

TOPIC = "ZdKeeT5vS6yYirXycXzxAw"


def fetch_line(**changes: Any) -> str:
    """A fetch of two partitions, of which one gave records, as the broker logs it at DEBUG."""
    document: dict[str, Any] = {
        "requestHeader": {"requestApiKeyName": "FETCH", "clientId": "rdkafka"},
        "request": {
            "isolationLevel": 1, "sessionId": 0, "sessionEpoch": -1,
            "topics": [{"topicId": TOPIC, "partitions": [
                {"partition": 0, "fetchOffset": 5}, {"partition": 1, "fetchOffset": 9},
            ]}],
            "forgottenTopicsData": [],
        },
        "response": {"sessionId": 0, "responses": [{"topicId": TOPIC, "partitions": [
            {"partitionIndex": 0, "errorCode": 0, "highWatermark": 150, "lastStableOffset": 147,
             "recordsSizeInBytes": 16533},
            {"partitionIndex": 1, "errorCode": 0, "highWatermark": 9, "lastStableOffset": 9,
             "recordsSizeInBytes": 0},
        ]}]},
        "connection": "127.0.0.1:29192-127.0.0.1:48682-2-3",
        "principal": "User:agency.a.r",
    }  # fmt: skip
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = document
        for parent in parents:
            place = place[parent]
        place[last] = value
    return f"1795633957645 Completed request:{json.dumps(document)}"


def test_fetch_tells_who_was_given_what_from_where() -> None:
    found = read_line(fetch_line())
    assert isinstance(found, Fetch)
    assert (found.at_ms, found.principal) == (1795633957645, "agency.a.r")
    assert found.parts == (Part(TOPIC, 0, 5, 147, 16533),)
    assert not found.session


def test_topic_id_is_written_as_everywhere_else_in_the_audit() -> None:
    line = fetch_line().replace(TOPIC, "7uyPlyF1Qdy83xP-P_8tOg")
    found = read_line(line)
    assert isinstance(found, Fetch)
    assert found.parts[0][:3] == ("7uyPlyF1Qdy83xP+P/8tOg", 0, 5)


def test_reader_of_uncommitted_records_sees_to_the_high_watermark() -> None:
    found = read_line(fetch_line(request__isolationLevel=0))
    assert isinstance(found, Fetch)
    assert found.parts[0].bound == 150


def test_fetch_of_a_session_need_not_name_its_partitions() -> None:
    found = read_line(fetch_line(request__topics=[], response__sessionId=77))
    assert isinstance(found, Fetch)
    assert (found.session, found.parts[0].first_offset) == (77, None)


def test_refusal_names_the_rule() -> None:
    line = (
        "1795633957603 Principal = User:agency.a.r is Denied operation = DESCRIBE from host = "
        "127.0.0.1 on resource = Group:LITERAL:other for request = FindCoordinator with "
        "resourceRefCount = 2 based on rule DefaultDeny"
    )
    assert read_line(line) == Refusal(
        1795633957603, "agency.a.r", "DESCRIBE", "Group other", "FindCoordinator", "DefaultDeny", 2
    )  # fmt: skip


@given(st.text(st.characters(blacklist_characters="\n\r"), max_size=300))
def test_name_that_a_client_chose_says_nothing_of_its_own(name: str) -> None:
    forged = f"x for request = Fetch with resourceRefCount = 9 based on rule MatchingAcl {name}"
    line = (
        f"1 Principal = User:a.b is Denied operation = READ from host = ::1 on resource = "
        f"Group:LITERAL:{forged} for request = JoinGroup with resourceRefCount = 1 "
        "based on rule DefaultDeny"
    )
    found = read_line(line)
    assert isinstance(found, Refusal)
    assert (found.request, found.times, found.rule) == ("JoinGroup", 1, "DefaultDeny")
    assert found.resource.startswith(
        "Group x*for*request*Fetch*with*resourceRefCount*9*based*on*rule*"
    )
    assert len(found.resource) <= TEXT_CHARS_MAX


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("view.shops.v-0123456789012345678901234567890a", None),
        ("agency.nb-tax.levy-2", None),
        ("__consumer_offsets", None),
        ("agency.nb-tax.110105194912310021", "agency.nb-tax.*"),
        ("zhang-11010519491231002x", "zhang-*"),
        ("13800138000", "*"),
        ("张三", "*"),
        ("a b\u200b@c", "a*b*c"),
    ],
)
def test_name_that_a_client_asked_for_names_no_person(asked: str, kept: str | None) -> None:
    line = (
        f"1 Principal = User:a.b is Denied operation = READ from host = ::1 on resource = "
        f"Topic:LITERAL:{asked} for request = Fetch with resourceRefCount = 1 based on rule none"
    )
    found = read_line(line)
    assert isinstance(found, Refusal)
    assert found.resource == f"Topic {kept or asked}"


def test_life_of_the_broker() -> None:
    line = "1795633957603 [BrokerServer id=1] Transition from SHUTDOWN to STARTING"
    assert read_line(line) == Life(1795633957603, "SHUTDOWN", "STARTING")


@pytest.mark.parametrize(
    "line",
    [
        "", "x", "1795633957603", "1795633957603 something else", "-1 Completed request:{}",
        "1 Completed request:{}", "1 Completed request:[]", "1 Completed request:{\"request\":1}",
        "1 Completed request:" + "[" * 100_000, "٣ Completed request:{}", "9" * 30 + " x",
        "1 Principal = User:a is Allowed operation = READ",
    ],
)  # fmt: skip
def test_line_that_is_none_of_ours_says_nothing(line: str) -> None:
    assert read_line(line) is None


@given(st.text(max_size=200), st.integers(0, 10**16))
def test_no_line_stops_the_meter(text: str, at_ms: int) -> None:
    for line in (text, f"{at_ms} {text}", f"{at_ms} Completed request:{text}"):
        read_line(line)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
))  # fmt: skip
def test_no_document_stops_the_meter(value: Any) -> None:
    for path in ("request", "response", "request__topics", "response__responses", "principal"):
        read_line(fetch_line(**{path: value}))
