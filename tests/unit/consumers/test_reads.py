"""When somebody last read an entry is told by the meter's records alone."""

from typing import Any

from sharebus.consumers.oversight.reads import take_reads


def batch(*reads: tuple[str, str, int], kind: str = "read") -> dict[str, Any]:
    return {
        "kind": kind,
        "reads": [
            {"principal": principal, "topic": topic, "minute_ms": minute_ms}
            for principal, topic, minute_ms in reads
        ],
    }


def test_last_minute_of_each_reader_over_all_views_of_the_entry() -> None:
    found: dict[str, int] = {}
    take_reads(batch(("a", "shared.e", 60), ("b", "view.e.v-1", 120), ("a", "view.e.v-1", 180)),
               "e", found)  # fmt: skip
    take_reads(batch(("a", "shared.e", 120)), "e", found)
    assert found == {"a": 180, "b": 120}


def test_other_entries_and_other_records_count_for_nothing() -> None:
    found: dict[str, int] = {}
    take_reads(batch(("a", "shared.e-2", 60), ("a", "view.e-2.v-1", 60), ("a", "ingress.e", 60)),
               "e", found)  # fmt: skip
    take_reads(batch(("a", "shared.e", 60), kind="gate"), "e", found)
    assert found == {}
