"""How fast the audit is searched: an index over a generated log, then each kind of question.

    python bench/audit_search.py
        40,000 records of 256 decisions: 10,240,000
    python bench/audit_search.py --records 20
        a small run

Prints one line of JSON: how long the index took, how large it is, and the slowest of five answers
to each question.
"""

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sharebus.consumers.oversight.search_index import SearchIndex, Times
from sharebus.infra.tile_directory import TileDirectory
from sharebus.ledger.bundle import encode_bundle
from sharebus.ledger.chain import WriterHead
from sharebus.ledger.entry import LeafEntry
from sharebus.ledger.tiles import ENTRIES, tiles_of_level
from sharebus.schemas.record import audit_batch

LINES: Final = 256
ENTRIES_COUNT: Final = 50
_RUNS: Final = 5


def main() -> None:
    """Print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=40_000, help="of 256 decisions")
    count = parser.parse_args().records
    with tempfile.TemporaryDirectory() as directory:
        sample = write_log(Path(directory) / "log", count)
        path = Path(directory) / "search.sqlite"
        began = time.perf_counter()
        index = SearchIndex(path)
        index.update(TileDirectory(Path(directory) / "log"), count, lambda *_: None)
        index.close()
        result: dict[str, Any] = {
            "decisions": count * LINES,
            "build_seconds": round(time.perf_counter() - began, 1),
            "index_bytes": path.stat().st_size,
        }
        began = time.perf_counter()
        index = SearchIndex(path)
        result["open_seconds"] = round(time.perf_counter() - began, 3)
        middle = Times(count * LINES // 4, count * LINES // 2)
        questions: dict[str, Callable[[], list[Any]]] = {
            "event": lambda: index.by_event(random.choice(sample)[0]),
            "entity": lambda: index.by_entity(random.choice(sample)[1]),
            "entry": lambda: index.released("entry-7", (), middle),
            "topic": lambda: index.released(None, ["view.entry-7.v1"], middle),
            "refused": index.refused,
            "refused of entry": lambda: index.refused("entry-7", middle),
        }
        for name, ask in questions.items():
            result[f"{name}_seconds"] = round(max(seconds_of(ask) for _ in range(_RUNS)), 4)
    print(json.dumps(result))


def seconds_of(ask: Callable[[], list[Any]]) -> float:
    """Seconds of one question, which finds something."""
    began = time.perf_counter()
    assert ask()
    return time.perf_counter() - began


def write_log(directory: Path, count: int) -> list[tuple[bytes, bytes]]:
    """Bundles alone; gives some events and entities that are in them."""
    sample = []
    head = WriterHead("gate-0")
    for tile in tiles_of_level(ENTRIES, count):
        entries = []
        for each in range(tile.width):
            batch = batch_of(tile.number * LINES + each)
            value = audit_batch().encode(1, head.link(batch))
            head = head.after(value)
            entries.append(LeafEntry(b"gate-0", value).encode())
        sample.append((batch["lines"][9]["event"], batch["lines"][9]["entity"]))
        path = directory / tile.path()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_bundle(entries))
    return sample


def batch_of(number: int) -> dict[str, Any]:
    """A record of one entry; one decision in a hundred is a refusal."""
    entry = f"entry-{number % ENTRIES_COUNT}"
    return {
        "decided_ms": number, "kind": "gate", "entry": entry, "source_topic": f"ingress.{entry}",
        "source_partition": 0, "source_epoch": "AAAAAAAAAAAAAAAAAAAAAA", "policy_version": 7,
        "part": 1, "parts": 1, "deliveries": [],
        "routes": [[f"accepted.{entry}", f"view.{entry}.v1"]],
        "lines": [line_of(number * LINES + each) for each in range(LINES)],
    }  # fmt: skip


def line_of(number: int) -> dict[str, Any]:
    """A decision."""
    is_refused = number % 100 == 0
    return {
        "offset": number, "ingress_ms": number, "event": os.urandom(16),
        "entity": (number % 1_000_000).to_bytes(16, "big"), "delivery": -1,
        "outcome": "refused" if is_refused else "accepted",
        "rule": "content.check" if is_refused else "", "place": "",
        "route": -1 if is_refused else 0, "digests": os.urandom(16 if is_refused else 32),
    }  # fmt: skip


if __name__ == "__main__":
    main()
