from typing import Any

import pytest

from sharebus.infra.audit_leaf import leaf_entry
from sharebus.ledger.entry import LeafEntry
from sharebus.ledger.errors import Malformed


class Record:
    """A message of the client library, as far as a leaf is made of it."""

    def __init__(self, key: Any, value: bytes | None, headers: Any) -> None:
        self._parts = key, value, headers

    def key(self) -> Any:
        return self._parts[0]

    def value(self) -> bytes | None:
        return self._parts[1]

    def headers(self) -> Any:
        return self._parts[2]

    def topic(self) -> str:
        return "audit"

    def offset(self) -> int:
        return 7


def leaf(key: Any, value: bytes | None, headers: Any = None) -> LeafEntry:
    return leaf_entry(Record(key, value, headers))  # type: ignore[arg-type]


def test_a_leaf_is_key_value_and_headers_in_their_order() -> None:
    headers = [("b", b"2"), ("a", b"1"), ("b", b"")]
    assert leaf(b"k", b"v", headers) == LeafEntry(b"k", b"v", tuple(headers))
    assert leaf(None, b"", None) == LeafEntry(None, b"")


@pytest.mark.parametrize(
    ("value", "headers", "problem"),
    [(None, [], "no value"), (b"v", [("a", b"1"), ("b", None)], "header b")],
)
def test_what_no_app_writes_is_no_leaf_and_its_offset_is_named(
    value: bytes | None, headers: list[tuple[str, bytes | None]], problem: str
) -> None:
    with pytest.raises(Malformed) as refused:
        leaf(b"k", value, headers)
    assert problem in str(refused.value)
    assert "offset 7" in str(refused.value)
