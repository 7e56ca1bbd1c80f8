"""What one catalog entry must say of itself."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from sharebus.governance.entry import EVENT_BYTES_MAX, CatalogEntry

MakeEntry = Callable[..., CatalogEntry]


@pytest.mark.parametrize("mark", ["state_secret", "work_secret"])
def test_entry_with_a_secret_field_is_refused(make_entry: MakeEntry, mark: str) -> None:
    with pytest.raises(ValidationError, match="Order 809 Art 3"):
        make_entry(marks={"owner": mark})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key_fields": ["colour"]}, "'colour' is not a field"),
        ({"key_fields": ["owner"]}, "'owner' must be a string, int or long, required"),
        ({"data_items": []}, "at least 1"),
        ({"partitions": 0}, "greater than or equal to 1"),
        ({"event_bytes_max": EVENT_BYTES_MAX + 1}, "less than or equal to"),
        ({"jurisdiction": "宁波"}, "pattern"),
        ({"colour": "red"}, "Extra inputs"),
        ({"id": "Shops"}, "pattern"),
        ({"provision_method": "reference"}, "needs a field location"),
        ({"database": {"kind": "base", "domain": "法人", "major": True}}, "comprehensive"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_entry_with_a_wrong_value_is_refused(
    make_entry: MakeEntry, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        make_entry(**changes)


def test_entry_with_a_field_nobody_described_is_refused(make_entry: MakeEntry) -> None:
    items = [item.model_dump() for item in make_entry().data_items[1:]]
    with pytest.raises(ValidationError, match=r"not described: \['code'\]"):
        make_entry(data_items=items)


@pytest.mark.parametrize(
    ("sharing", "marks", "shares_one_copy"),
    [
        ({"class": "unconditional"}, {}, True),
        ({"class": "unconditional"}, {"owner": "privacy"}, False),
        ({"class": "conditional", "conditions": "示例"}, {}, False),
    ],
)
def test_entry_shares_one_copy_only_without_conditions_and_marks(
    make_entry: MakeEntry, sharing: dict[str, Any], marks: dict[str, str], shares_one_copy: bool
) -> None:
    assert make_entry(sharing=sharing, marks=marks).shares_one_copy is shares_one_copy
