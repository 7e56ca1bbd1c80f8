"""How a record of the audit is shown to a person."""

from datetime import UTC, datetime
from typing import Any

from sharebus.consumers.oversight.evidence import Checked

_COLUMNS = ("offset", "ingress", "outcome", "rule", "place", "released to", "event", "entity")


def shown_batch(checked: Checked, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """What was proved, and these lines of the record."""
    checkpoint, seconds_by_witness = checked.witnessed
    batch = checked.leaf.batch
    return {
        "log": checkpoint.origin,
        "leaf": checked.leaf.number,
        "tree size": checkpoint.size,
        "cosigned": ", ".join(
            f"{name.decode(errors='replace')} {_time(seconds * 1000)}"
            for name, seconds in seconds_by_witness.items()
        ),
        "decided": _time(batch["decided_ms"]),
        "writer": f"{batch['writer']}, record {batch['sequence']}",
        "entry": batch["entry"],
        "source": f"{batch['source_topic']} partition {batch['source_partition']}",
        "policy version": batch["policy_version"],
        "decisions in the record": len(batch["lines"]),
        "lines": [_line(batch, line) for line in lines],
    }


def lines_table(lines: list[dict[str, Any]]) -> tuple[tuple[str, ...], list[list[str]]]:
    """Columns and rows of the lines that :func:`shown_batch` gives."""
    return _COLUMNS, [[str(line[column]) for column in _COLUMNS] for line in lines]


def _line(batch: dict[str, Any], line: dict[str, Any]) -> dict[str, Any]:
    route = batch["routes"][line["route"]] if line["route"] >= 0 else []
    return {
        "offset": line["offset"], "ingress": _time(line["ingress_ms"]), "outcome": line["outcome"],
        "rule": line["rule"], "place": line["place"], "released to": ", ".join(route),
        "event": line["event"].hex(), "entity": line["entity"].hex(),
        "digests": line["digests"].hex(),
    }  # fmt: skip


def _time(ms: int) -> str:
    moment = datetime.fromtimestamp(ms / 1000, UTC).astimezone()
    return moment.isoformat(sep=" ", timespec="milliseconds")
