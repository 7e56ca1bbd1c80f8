"""What is kept of a refused event: bytes for its provider, and why."""

import hashlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sharebus.governance.rule import Rule
from sharebus.stream_apps.gate.judge import Refusal
from sharebus.stream_apps.gate.quarantine import (
    BEGINNING_BYTES,
    WHOLE_BYTES_MAX,
    quarantine_record,
)

REFUSAL = Refusal(Rule.FRAME_MAGIC, "byte 0")
RECORD_BYTES_MAX = 1_310_720
"""``max.message.bytes`` of a quarantine topic."""


def record(key: bytes | None, value: bytes | None, headers: Any = None) -> Any:
    return quarantine_record(REFUSAL, "persons", (3, 17), key, value, headers)


def test_quarantine_keeps_the_bytes_and_says_why() -> None:
    key, value, headers = record(b"k", b"\1abc", [("ce_id", b"e-1")])
    assert (key, value) == (b"k", b"\1abc")
    assert headers == [
        ("ce_id", b"e-1"),
        ("sharebus_rule", b"frame.magic"),
        ("sharebus_place", b"byte 0"),
        ("sharebus_entry", b"persons"),
        ("sharebus_partition", b"3"),
        ("sharebus_offset", b"17"),
        ("sharebus_length", b"4"),
        ("sharebus_digest", hashlib.sha256(b"\1abc").hexdigest().encode()),
        ("sharebus_truncated", b"false"),
    ]


def test_quarantine_of_a_large_value_keeps_its_beginning_length_and_digest() -> None:
    sent = b"a" * (WHOLE_BYTES_MAX + 1)
    _, value, headers = record(b"k", sent)
    named = dict(headers)
    assert value == sent[:BEGINNING_BYTES]
    assert named["sharebus_length"] == str(len(sent)).encode()
    assert named["sharebus_digest"] == hashlib.sha256(sent).hexdigest().encode()
    assert named["sharebus_truncated"] == b"true"


def test_quarantine_tells_a_tombstone_from_an_empty_value() -> None:
    assert record(b"k", None)[1] is None
    assert record(b"k", b"")[1] == b""


def test_quarantine_lets_nobody_speak_for_the_platform() -> None:
    forged = [("sharebus_rule", b"none"), ("__connect.errors.topic", b"x"), ("x", b"y")]
    _, _, headers = record(b"k", b"", forged)
    assert [name for name, _ in headers].count("sharebus_rule") == 1
    assert headers[0] == ("x", b"y")
    assert not any(name.startswith("__") for name, _ in headers)


@given(
    key=st.sampled_from([None, b"", b"k" * 1_000_000]),
    value=st.sampled_from([None, b"", b"v" * WHOLE_BYTES_MAX, b"v" * 2_000_000]),
    count=st.sampled_from([0, 32, 60_000]),
    name=st.sampled_from(["h", "h" * 300, "名" * 100]),
    content=st.sampled_from([None, b"", b"c" * 4096, b"c" * 100_000]),
)
def test_quarantine_record_always_fits_its_topic(
    key: bytes | None, value: bytes | None, count: int, name: str, content: bytes | None
) -> None:
    kept_key, kept_value, headers = record(key, value, [(name, content)] * count)
    size = len(kept_key) + len(kept_value or b"")
    size += sum(len(n.encode()) + len(c or b"") + 20 for n, c in headers)
    assert size < RECORD_BYTES_MAX
