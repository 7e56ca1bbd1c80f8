"""Publishes a file: survey, send, close; resumable, and the same again changes nothing."""

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
    content_name,
    default_delivery,
    deletion_id,
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

    ``sent_count`` events were sent by this run, or would be with ``check_only``; ``deleted_count``
    of them are deletions. ``resumed_count`` events had been sent by an earlier run. ``comparison``
    is None without snapshot, and for a snapshot that was published before.
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
    if survey.row_count == 0 and not options.snapshot:
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
    return "\n".join(shown)


@dataclass(frozen=True)
class _Plan:
    """What is to be sent, and in which delivery; ``to_send`` leaves out what is there already.

    ``deleted_before_count`` entities were deleted by an earlier run, and are not to be again.
    """

    file: InputFile
    content: str
    source: RowSource
    check: RowCheck
    survey: Survey
    comparison: SnapshotComparison | None
    trace: DeliveryTrace
    to_send: RowSet
    deleted_before_count: int = 0

    @property
    def deleted_count(self) -> int:
        """Entities to delete."""
        return self.comparison.deleted_count if self.comparison else 0

    @property
    def event_count(self) -> int:
        """Events to send."""
        return len(self.to_send) + self.deleted_count

    def report(self, receipt: Receipt | None = None) -> PublishReport:
        return PublishReport(
            file=self.file,
            delivery=self.trace.delivery,
            survey=self.survey,
            comparison=self.comparison,
            sent_count=self.event_count,
            resumed_count=len(self.trace.rows.minus(self.to_send)) + self.deleted_before_count,
            deleted_count=self.deleted_count,
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
    content = content_name(file.digest, is_snapshot=options.snapshot)
    base = options.delivery or default_delivery(options.period, content)
    ingress = IngressTrace(entry.partitions, base, content)
    if options.snapshot or not (options.fresh or options.check_only):
        trace_ingress(provider.log, entry, ingress, progress)
    bad_rows = options.bad_rows or bad_rows_path(path, row_format)
    if not options.snapshot:
        survey = survey_rows(source, check, bad_rows, None, progress)
        trace = ingress.of(base)
        to_send = survey.to_send.minus(trace.rows)
        return _Plan(file, content, source, check, survey, None, trace, to_send)
    trace = _delivery_of_snapshot(provider, ingress, options)
    if _is_published(ingress, trace, options):
        # The rows are read again for what is wrong in them, and compared with each other alone.
        survey = survey_rows(source, check, bad_rows, SnapshotComparison({}), progress)
        return _Plan(
            file, content, source, check, survey, None, trace, RowSet(), trace.deleted_count
        )
    comparison = _compare_with_accepted(provider, ingress, options)
    survey = survey_rows(source, check, bad_rows, comparison, progress)
    prefix = event_id_prefix(trace.delivery, content)
    again_count = sum(
        trace.holds(deletion_id(prefix, key))
        for key in (comparison.deleted_keys() if trace.deleted_count else ())
    )
    plan = _Plan(
        # The comparison knows what arrived. What arrived and was refused is sent again.
        file, content, source, check, survey, comparison, trace, survey.to_send,
        trace.deleted_count - again_count,
    )  # fmt: skip
    require_confirmation(
        comparison, survey.row_count, options.delete_share_max, options.confirm_deletes,
        plan.deleted_before_count,
    )  # fmt: skip
    return plan


def _delivery_of_snapshot(
    provider: Provider, ingress: IngressTrace, options: PublishOptions
) -> DeliveryTrace:
    """The delivery that a snapshot goes on with or was published in, or a new one.

    One that a killed run closed in some partitions is first closed in all: its events are there.
    """

    def choose() -> DeliveryTrace:
        return ingress.of(options.delivery) if options.delivery else ingress.latest()

    trace = choose()
    if trace.sent.closed_partitions and not (trace.is_closed or options.check_only):
        delivery = provider.delivery(options.period, trace.delivery, sent_before=trace.sent)
        delivery.close(options.wait_seconds)
        trace.sent.closed_partitions.update(range(provider.entry.partitions))
        trace = choose()
    return trace


def _is_published(ingress: IngressTrace, trace: DeliveryTrace, options: PublishOptions) -> bool:
    """Whether the delivery holds this snapshot whole, and nothing was sent after it."""
    if not trace.is_closed or not ingress.is_last(trace) or trace.foreign_count:
        return False
    # An id that was given tells nothing of the file; that of an event does.
    return options.delivery is None or any(trace.sent.counts)


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
    if trace.sent.closed_partitions and plan.event_count:
        raise _closed(trace.delivery, f"{plan.event_count} events that are not in it")
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
    no_change = plan.comparison is not None and not (
        trace.is_begun or plan.survey.bad_count or plan.event_count
    )
    progress("waiting for the receipt", 0, None)
    return plan.report(delivery.close(options.wait_seconds, no_change=no_change))


def _send_events(delivery: Delivery, plan: _Plan, progress: Progress) -> None:
    prefix = event_id_prefix(delivery.id, plan.content)
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
                progress("sending", done_count, plan.event_count)
    for key in plan.comparison.deleted_keys() if plan.comparison else ():
        event_id = deletion_id(prefix, key)
        was_sent = plan.trace.holds(event_id)
        delivery.send(key, None, event_id=event_id, changed_at=now, was_sent=was_sent)
        done_count += 1
    progress("sending", done_count, plan.event_count)
