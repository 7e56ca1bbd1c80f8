"""What a minute of reads and refusals is in the audit. Pure."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from sharebus.stream_apps.meter.account import Gap, Minute, Read, Refused

ITEMS_MAX: Final = 150
"""Of one record: with names as long as they can be it stays below 64 KiB, which a leaf may have."""
KIND: Final = "read"
_Named = tuple[str, dict[str, Any]]


def batches(
    minute: Minute, topic_of: Callable[[str], str], file: str, instance: int, decided_ms: int
) -> Iterator[dict[str, Any]]:
    """Records of the audit, but for their place in the writer's chain.

    ``topic_of`` names a topic by its id, ``file`` is the log that was read, ``instance`` the number
    of the broker's meter.
    """
    named: list[_Named] = [("reads", _read(each, topic_of)) for each in minute.reads]
    named += [("refusals", _refusal(each)) for each in minute.refusals]
    named += [("gaps", _gap(each)) for each in minute.gaps]
    chunks = list(_chunks(named))
    for part, chunk in enumerate(chunks, start=1):
        batch: dict[str, Any] = {
            "decided_ms": decided_ms, "kind": KIND, "entry": "", "source_topic": "",
            "source_partition": instance, "source_epoch": file, "policy_version": -1,
            "part": part, "parts": len(chunks), "deliveries": [], "routes": [], "lines": [],
            "reads": [], "refusals": [], "gaps": [],
        }  # fmt: skip
        for field, item in chunk:
            batch[field].append(item)
        yield batch


def _chunks(named: list[_Named]) -> Iterator[list[_Named]]:
    for start in range(0, len(named), ITEMS_MAX):
        yield named[start : start + ITEMS_MAX]


def _read(read: Read, topic_of: Callable[[str], str]) -> dict[str, Any]:
    return {
        "minute_ms": read.minute_ms, "principal": read.principal,
        "topic": topic_of(read.topic_id), "topic_id": read.topic_id, "partition": read.partition,
        "first_offset": read.range.first, "end_offset": read.range.end,
        "is_exact": read.range.is_exact, "fetches": read.range.fetches,
        "given_bytes": read.range.given_bytes,
    }  # fmt: skip


def _refusal(refused: Refused) -> dict[str, Any]:
    refusal = refused.refusal
    return {
        "minute_ms": refused.minute_ms, "principal": refusal.principal,
        "operation": refusal.operation, "resource": refusal.resource, "request": refusal.request,
        "rule": refusal.rule, "count": refused.times,
    }  # fmt: skip


def _gap(gap: Gap) -> dict[str, Any]:
    return {"from_ms": gap.from_ms, "to_ms": gap.to_ms, "why": gap.why}
