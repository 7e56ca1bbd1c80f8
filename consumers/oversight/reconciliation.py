"""Do the books balance? Compares what the audit says with what stands in the topics.

Three questions, each answered for every single record:

- is every record of every ingress partition in the audit, once, and nothing else;
- is every record that the audit says was written in the topic that it names, once, and nothing
  else (records are compared by their keyed digest, so equal counts of unlike records fail);
- is each writer's chain of audit records whole.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sharebus import NumbersDisagree
from sharebus.governance.rule import Rule
from sharebus.ledger.chain import WriterHead, verify_next
from sharebus.schemas.audit_digest import DIGEST_BYTES

Partition = tuple[str, int]
"""Topic and partition."""
EXAMPLES_MAX: Final = 5
_EMPTIED: Final = ("view.deleted", "copy.deleted", "topic.remade")
"""What was written to a topic before is not there any more."""


@dataclass
class Books:
    """What was read back, from the beginning of each topic, before compaction took anything.

    ``ingress`` holds the offsets found in each ingress partition; ``written`` how often each
    digest was found in each topic that the gate writes; ``batches`` the audit records in order,
    decoded and as bytes. ``entries`` are those that were read; what the audit says of others is
    not compared, and None stands for all.
    """

    ingress: dict[Partition, list[int]] = field(default_factory=dict)
    written: dict[str, Counter[bytes]] = field(default_factory=dict)
    batches: list[tuple[dict[str, Any], bytes]] = field(default_factory=list)
    entries: frozenset[str] | None = None

    def has(self, batch: Mapping[str, Any]) -> bool:
        """Whether the topics that this audit record speaks of were read."""
        return self.entries is None or not batch["entry"] or batch["entry"] in self.entries


class Discrepancy(NamedTuple):
    """Something that does not add up: where, what was expected, what was found."""

    where: str
    expected: str
    found: str


def reconcile(books: Books) -> list[Discrepancy]:
    """Everything that does not add up; an empty list when the books balance."""
    return [
        *_check_chains(books.batches),
        *_check_sources(books),
        *_check_destinations(books),
    ]


def _check_chains(batches: Iterable[tuple[dict[str, Any], bytes]]) -> list[Discrepancy]:
    heads: dict[str, WriterHead] = {}
    found: list[Discrepancy] = []
    for batch, encoded in batches:
        writer = batch["writer"]
        head = heads.get(writer, WriterHead(writer))
        try:
            heads[writer] = verify_next(head, batch, encoded)
        except NumbersDisagree as broken:
            found.append(Discrepancy(broken.where, broken.expected, broken.found))
            # Go on from what is there, so that one break is told once.
            heads[writer] = WriterHead(writer, batch["sequence"]).after(encoded)
    return found


def _check_sources(books: Books) -> list[Discrepancy]:
    decided: dict[Partition, Counter[int]] = {place: Counter() for place in books.ingress}
    unreadable: dict[Partition, set[int]] = {place: set() for place in books.ingress}
    for batch, _ in books.batches:
        place = (batch["source_topic"], batch["source_partition"])
        if place in decided:
            for line in batch["lines"]:
                if line["rule"] == Rule.RECORD_UNREADABLE:
                    unreadable[place].add(line["offset"])
                decided[place][line["offset"]] += 1
    found: list[Discrepancy] = []
    for place, offsets in books.ingress.items():
        where = f"{place[0]} partition {place[1]}"
        present = Counter(offsets)
        for offset in sorted(unreadable[place] & present.keys())[:EXAMPLES_MAX]:
            found.append(
                Discrepancy(f"{where}, offset {offset}", "cannot be unpacked", "is readable")
            )
        # Nobody can read these back, so the audit's word is all there is; but each is told once.
        present.update(unreadable[place] - present.keys())
        found += _differences(where, present, decided[place])
    return found


def _check_destinations(books: Books) -> list[Discrepancy]:
    promised: dict[str, Counter[bytes]] = {topic: Counter() for topic in books.written}
    for batch, _ in filter(lambda item: books.has(item[0]), books.batches):
        for line in batch["lines"]:
            if line["outcome"] != "accepted" or line["route"] < 0:
                continue
            if batch["kind"] == "broker":  # tells what became of a topic: no record is in it
                if line["rule"] in _EMPTIED:
                    promised.update({topic: Counter() for topic in batch["routes"][line["route"]]})
                continue
            digests = line["digests"]
            for number, topic in enumerate(batch["routes"][line["route"]]):
                start = number * DIGEST_BYTES
                promised.setdefault(topic, Counter())[digests[start : start + DIGEST_BYTES]] += 1
    found: list[Discrepancy] = []
    for topic, digests in promised.items():
        found += _differences(topic, digests, books.written.get(topic, Counter()))
    return found


def _differences(
    where: str, expected: Mapping[Any, int], found: Mapping[Any, int]
) -> list[Discrepancy]:
    unlike = [item for item in {*expected, *found} if expected.get(item, 0) != found.get(item, 0)]
    discrepancies = [
        Discrepancy(
            f"{where}, {_name(item)}",
            f"{expected.get(item, 0)} times",
            f"{found.get(item, 0)} times",
        )
        for item in sorted(unlike)[:EXAMPLES_MAX]
    ]
    if len(unlike) > EXAMPLES_MAX:
        discrepancies.append(Discrepancy(where, "no more", f"{len(unlike) - EXAMPLES_MAX} more"))
    return discrepancies


def _name(item: int | bytes) -> str:
    return f"record {item.hex()}" if isinstance(item, bytes) else f"offset {item}"
