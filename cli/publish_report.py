"""What ``sharebus publish`` says at its end: about rows, the receipt, and what was refused."""

import dataclasses
from typing import Any, Final

from sharebus.cli.output import print_json, print_note, print_table
from sharebus.producers.provider import Provider
from sharebus.producers.publication import PublishReport
from sharebus.producers.quarantine import refused_of
from sharebus.producers.receipt import Receipt

_REFUSED_SHOWN_MAX: Final = 5
_SENT: Final = "sent"


def tell_refused(provider: Provider, receipt: Receipt | None) -> bool:
    """Say what of the delivery lies in quarantine, counted in its receipt or not."""
    if receipt is None or receipt.outcome in ("complete", "no_change"):
        return False
    latest = refused_of(provider, receipt, _REFUSED_SHOWN_MAX)
    for refused in latest:
        print_note(f"refused, at {refused.position}: {refused.reason}")
    if latest:
        print_note(f"All refused events: sharebus quarantine list --as {provider.system}")
    return bool(latest or receipt.refused)


def explain_change(receipt: Receipt) -> None:
    """Say why a statement that nothing changed was not taken as one, and what it means."""
    print_note(
        f"Delivery {receipt.delivery} has events ({receipt.accepted} accepted, {receipt.refused} "
        "refused), so it does not say that nothing changed. It is closed now, and what was "
        "accepted stays. If nothing else changed in the period, nothing is left to do. Otherwise "
        "publish the rest in another delivery."
    )


def print_report(report: PublishReport, as_json: bool, *, is_dry: bool) -> None:
    """Bad and repeated rows on stderr; counts and receipt on stdout."""
    survey, comparison = report.survey, report.comparison
    for bad in survey.bad_rows:
        for problem in bad.problems:
            print_note(f"{report.file.path}:{bad.line}: {problem}")
    for key in survey.repeated_keys:
        print_note(
            f"{report.file.path}:{key.first_line} and :{key.last_line}: the same entity key in "
            f"{key.row_count} rows"
        )
    if survey.repeated_count:
        print_note(
            f"warning: {survey.repeated_count} entity keys stand in more than one row. Each row is "
            "an event of its own, and the last one of a key replaces those before it."
        )
    if survey.bad_rows_path:
        print_note(f"{survey.bad_count} bad rows, with what is wrong: {survey.bad_rows_path}")
    counts: dict[str, Any] = {
        "rows": survey.row_count,
        "bad": survey.bad_count,
        "flagged": survey.flagged_count,
        _SENT: report.sent_count,
        "sent before": report.resumed_count,
    }
    if comparison is not None:
        counts |= {
            "created": comparison.created_count,
            "updated": comparison.updated_count,
            "deleted": report.deleted_count,
            "unchanged": comparison.unchanged_count,
        }
    if as_json:
        names = {"encoding": report.file.encoding, "digest": report.file.digest}
        print_json(
            {
                "delivery": report.delivery,
                **names,
                **{name.replace(" ", "_"): count for name, count in counts.items()},
                "repeated_keys": survey.repeated_count,
                "repeated_at": [key._asdict() for key in survey.repeated_keys],
                "sends_nothing": is_dry,
                "bad_rows_file": str(survey.bad_rows_path) if survey.bad_rows_path else None,
                "receipt": _document(report.receipt),
            }
        )
        return
    title = f"{report.file.path} ({report.file.encoding})" + (", checked only" if is_dry else "")
    columns = ["would be sent" if is_dry and name == _SENT else name for name in counts]
    print_table(title, columns, [[f"{count:,}" for count in counts.values()]])
    if report.receipt is not None:
        print_receipt(report.receipt, as_json=False)
    elif not is_dry:
        print_note(f"delivery {report.delivery} is open")


def print_receipt(receipt: Receipt, as_json: bool) -> None:
    """Counts by partition, with the audit record that proves them."""
    if as_json:
        print_json(_document(receipt))
        return
    print_table(
        f"delivery {receipt.delivery}, data period {receipt.period}: {receipt.outcome}",
        ["partition", "declared", "accepted", "refused", "duplicate", "audit record"],
        [
            (p.partition, p.declared, p.accepted, p.refused, p.duplicate,
             f"{p.audit_writer} {p.audit_sequence}")
            for p in receipt.partitions
        ],
    )  # fmt: skip
    if receipt.outcome == "awaited":
        print_note(
            "The delivery is closed, but the gate has not answered for every partition. "
            "Run the same command again to see the receipt."
        )


def _document(receipt: Receipt | None) -> dict[str, Any] | None:
    if receipt is None:
        return None
    return {**dataclasses.asdict(receipt), "outcome": receipt.outcome}
