import sqlite3
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus import Unavailable
from sharebus.producers import repeated_keys
from sharebus.producers.repeated_keys import KeyTable


@settings(deadline=None)
@given(
    keys=st.lists(st.sampled_from([b"a", b"b", b"c", b"d", b"e", b""])),
    rows_per_write=st.integers(1, 5),
)
def test_repeated_keys_are_those_that_a_dictionary_finds(
    keys: list[bytes], rows_per_write: int
) -> None:
    lines = defaultdict(list)
    with pytest.MonkeyPatch.context() as patch, KeyTable() as table:
        patch.setattr(repeated_keys, "_ROWS_PER_WRITE", rows_per_write)
        for line, key in enumerate(keys, start=2):
            lines[key].append(line)
            table.add(key, line)
        count, shown = table.repeated()
    expected = sorted((some[0], some[-1], len(some)) for some in lines.values() if len(some) > 1)
    assert (count, shown) == (len(expected), expected)


def test_all_repeated_keys_are_counted_and_only_the_first_are_kept() -> None:
    with KeyTable() as table:
        for line in range(100):
            table.add(b"%d" % (line // 2), line)
        count, shown = table.repeated()
    assert count == 50
    assert shown == [(2 * n, 2 * n + 1, 2) for n in range(repeated_keys.SHOWN_MAX)]


def test_full_disk_is_said_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(sqlite3.Connection):
        def executemany(self, *_: object) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite3, "connect", lambda name: Full(name))
    with KeyTable() as table, pytest.raises(Unavailable) as refused:
        table.repeated()
    assert refused.value.found == "database or disk is full"
