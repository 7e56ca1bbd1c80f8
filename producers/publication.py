"""Publishes a file: survey, send, close; resumable, and the same again changes nothing."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sharebus import InvalidInput
from sharebus.governance.data_period import parse_period
from sharebus.producers.accepted_state import AcceptedState
from sharebus.producers.bad_rows import bad_rows_path
from sharebus.producers.delivery import Delivery
from sharebus.producers.ingress_trace import (
    DeliveryTrace,
    IngressTrace,
    default_delivery,
    event_id_prefix,
    trace_ingress,
)
from sharebus.producers.input_file import Encoding, InputFile, inspect_file
from sharebus.producers.progress import RECORDS_PER_PROGRESS, Progress
from sharebus.producers.provider import Provider
from sharebus.producers.receipt import WAIT_SECONDS, Receipt
from sharebus.producers.row_check import RowCheck
from sharebus.producers.row_set import RowSet
from sharebus.producers.settlement import Settlement
from sharebus.producers.snapshot import SnapshotComparison, require_confirmation
from sharebus.producers.source_rows import RowFormat, RowSource, format_of
from sharebus.producers.survey import BadRow, Survey, survey_rows
from sharebus.schemas.topic import accepted_topic

_KEY_DIGEST_CHARS: Final = 16
_SHOWN_IN_ERROR_MAX: Final = 5


@dataclass(frozen=True)
class PublishOptions:
    """How a file is published; the names are those of the command's options."""

    period: str
    row_format: RowFormat | None = None
    encoding: Encoding | None = None
    check_only: bool = False
    strict: bool = False
    snapshot: bool = False
    delete_share_max: float = 0.01
    confirm_deletes: int | None = None
    delivery: str | None = None
    close: bool = True
    bad_rows: Path | None = None
    fresh: bool = False
    wait_seconds: float = WAIT_SECONDS


@dataclass(frozen=True)
class PublishReport:
    """What became of a file.

    ``sent_count`` and ``deleted_count`` were sent by this run, or would be with ``check_only``;
    ``resumed_count`` rows had been sent by an earlier run. ``comparison`` is None without snapshot.
    """

    file: InputFile
    delivery: str
    survey: Survey
    comparison: SnapshotComparison | None
    sent_count: int
    resumed_count: int
    deleted_count: int
    receipt: Receipt | None


def publish_file(
    provider: Provider, path: Path, options: PublishOptions, progress: Progress
) -> PublishReport:
    """Publish a file as a delivery; in snapshot mode only what differs from what is accepted.

    Good rows are sent even if others are bad, unless ``strict``.

    :raises InvalidInput: the file or an option is not as it must be; or ``strict`` and a bad row.
    :raises NeedsConfirmation: a snapshot would delete much.
    :raises Unavailable: broker or gate do not answer; run it again.
    """
    plan = _prepare(provider, path, options, progress)
    survey = plan.survey
    if survey.row_count == 0 and plan.comparison is None:
        is_csv = plan.source.format == "csv"
        raise InvalidInput(
            "There is no row in the file; nothing was sent.",
            where=str(path),
            expected=f"at least one row{' below the header' if is_csv else ', a JSON object'}",
            found="the header alone" if is_csv else "no line, or empty lines",
            remedy="If nothing changed in the data period, say so with --no-change.",
        )
    if options.check_only:
        return plan.report()
    if survey.bad_count and (options.strict or survey.bad_count == survey.row_count):
        raise InvalidInput(
            f"{survey.bad_count} of {survey.row_count} rows are bad; nothing was sent",
            where=str(path),
            found=_first_of(survey.bad_rows),
            remedy=f"All of them, with what is wrong, are in {survey.bad_rows_path}.",
        )
    return _send(provider, plan, options, progress)


def _first_of(bad_rows: list[BadRow]) -> str:
    shown = [f"line {bad.line}: {bad.problems[0]}" for bad in bad_rows[:_SHOWN_IN_ERROR_MAX]]
    return "\n            ".join(shown)


@dataclass(frozen=True)
class _Plan:
    """What is to be sent, and in which delivery; ``to_send`` leaves out what is there already."""

    file: InputFile
    source: RowSource
    check: RowCheck
    survey: Survey
    comparison: SnapshotComparison | None
    trace: DeliveryTrace
    to_send: RowSet

    def report(self, receipt: Receipt | None = None) -> PublishReport:
        comparison = self.comparison
        return PublishReport(
            file=self.file,
            delivery=self.trace.delivery,
            survey=self.survey,
            comparison=comparison,
            sent_count=len(self.to_send),
            resumed_count=len(self.survey.to_send) - len(self.to_send),
            deleted_count=comparison.deleted_count if comparison else 0,
            receipt=receipt,
        )


def _prepare(provider: Provider, path: Path, options: PublishOptions, progress: Progress) -> _Plan:
    entry = provider.entry
    parse_period(options.period)
    file = inspect_file(path, options.encoding)
    row_format = options.row_format or format_of(file)
    check = RowCheck(provider.encoder, row_format)
    source = RowSource(file, row_format, entry.field_names)
    source.columns()  # refuse a wrong file before reading topics
    base = options.delivery or default_delivery(options.period, file.digest)
    ingress = IngressTrace(entry.partitions, base, file.digest)
    if options.snapshot or not (options.fresh or options.check_only):
        trace_ingress(provider.log, entry, ingress, progress)
    trace, comparison = ingress.of(base), None
    if options.snapshot:
        trace = _delivery_of_snapshot(provider, ingress, options)
        comparison = _compare_with_accepted(provider, ingress, options)
    survey = survey_rows(
        source, check, options.bad_rows or bad_rows_path(path, row_format), comparison, progress
    )
    if comparison is None:
        to_send = survey.to_send.minus(trace.rows)
    else:
        # The comparison knows what arrived. What arrived and was refused is sent again.
        to_send = survey.to_send
        require_confirmation(
            comparison, survey.row_count, options.delete_share_max, options.confirm_deletes
        )
    return _Plan(file, source, check, survey, comparison, trace, to_send)


def _delivery_of_snapshot(
    provider: Provider, ingress: IngressTrace, options: PublishOptions
) -> DeliveryTrace:
    """The delivery that a snapshot goes on with, or a new one.

    One that a killed run closed in some partitions is first closed in all: its events are there.
    """
    trace = ingress.first_open()
    if trace.sent.closed_partitions and not options.check_only:
        delivery = provider.delivery(options.period, trace.delivery, sent_before=trace.sent)
        delivery.close(options.wait_seconds)
        trace.sent.closed_partitions.update(range(provider.entry.partitions))
        trace = ingress.first_open()
    if options.delivery is not None and trace.delivery != options.delivery:
        raise _closed(options.delivery, f"{options.delivery} was published before")
    return trace


def _closed(delivery: str, found: str) -> InvalidInput:
    return InvalidInput(
        f"delivery '{delivery}' is closed, and takes no more events",
        found=found,
        remedy="Choose another id with --delivery.",
    )


def _compare_with_accepted(
    provider: Provider, ingress: IngressTrace, options: PublishOptions
) -> SnapshotComparison:
    entry, log = provider.entry, provider.log
    watched = frozenset(message.key() or b"" for message in ingress.last.values())
    accepted = AcceptedState(log, accepted_topic(entry), entry.partitions, watched)
    receipts = provider.receipts(from_start=True)
    Settlement(ingress.last, accepted, receipts, log, entry).wait(options.wait_seconds)
    return SnapshotComparison(accepted.digests)


def _send(
    provider: Provider, plan: _Plan, options: PublishOptions, progress: Progress
) -> PublishReport:
    trace = plan.trace
    if trace.sent.closed_partitions and len(plan.to_send):
        raise _closed(trace.delivery, f"{len(plan.to_send)} rows that are not in it")
    if trace.is_closed:
        receipts = provider.receipts(from_start=True)
        partitions = range(provider.entry.partitions)
        receipt = receipts.wait(trace.delivery, options.period, partitions, options.wait_seconds)
        return plan.report(receipt)
    delivery = provider.delivery(options.period, trace.delivery, sent_before=trace.sent)
    _send_events(delivery, plan, progress)
    delivery.flush()
    plan.file.require_unchanged()
    if not options.close:
        return plan.report()
    comparison = plan.comparison
    no_change = comparison is not None and not (
        trace.is_begun or plan.survey.bad_count or len(plan.to_send) or comparison.deleted_count
    )
    progress("waiting for the receipt", 0, None)
    return plan.report(delivery.close(options.wait_seconds, no_change=no_change))


def _send_events(delivery: Delivery, plan: _Plan, progress: Progress) -> None:
    prefix = event_id_prefix(delivery.id, plan.file.digest)
    deleted_count = plan.comparison.deleted_count if plan.comparison else 0
    total_count = len(plan.to_send) + deleted_count
    now = datetime.now(UTC)
    done_count = 0
    if len(plan.to_send):
        for row in plan.source:
            if row.number not in plan.to_send:
                continue
            checked = plan.check.check(row)
            if checked.key is None or checked.value is None:
                plan.file.require_unchanged()
                raise AssertionError("a row that was good is bad in an unchanged file")
            delivery.send(
                checked.key,
                checked.value,
                event_id=f"{prefix}{row.number}",
                changed_at=now,
                was_sent=row.number in plan.trace.rows,
            )
            done_count += 1
            if done_count % RECORDS_PER_PROGRESS == 0:
                progress("sending", done_count, total_count)
    for key in plan.comparison.deleted_keys() if plan.comparison else ():
        event_id = f"{prefix}d-{hashlib.sha256(key).hexdigest()[:_KEY_DIGEST_CHARS]}"
        was_sent = plan.trace.holds(event_id)
        delivery.send(key, None, event_id=event_id, changed_at=now, was_sent=was_sent)
        done_count += 1
    progress("sending", done_count, total_count)
