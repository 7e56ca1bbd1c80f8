"""``sharebus publish``: a file, or the statement that nothing changed."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar

from sharebus import EXIT_INVALID_INPUT, EXIT_NUMBERS_DISAGREE, EXIT_UNAVAILABLE, InvalidInput
from sharebus.cli.output import JsonOption, print_json, print_note, print_table
from sharebus.producers.progress import Progress
from sharebus.producers.provider import Provider
from sharebus.producers.publication import PublishOptions, PublishReport, publish_file
from sharebus.producers.receipt import WAIT_SECONDS, Receipt


class _Format(StrEnum):
    csv = "csv"
    jsonl = "jsonl"


class _Encoding(StrEnum):
    utf_8 = "utf-8"
    gb18030 = "gb18030"


_Entry = Annotated[str, typer.Argument(help="Id of the catalog entry.", metavar="ENTRY")]
_System = Annotated[
    str, typer.Option("--as", help="The providing system, AGENCY.SYSTEM.", metavar="SYSTEM")
]
_Period = Annotated[
    str,
    typer.Option("--period", help="Data period (数据期): 2026-11, 2026-W47 …", metavar="PERIOD"),
]
_From = Annotated[
    Path | None, typer.Option("--from", help="CSV or JSON Lines to publish.", metavar="FILE")
]
_RowFormat = Annotated[
    _Format | None, typer.Option("--format", help="Without it, what the file's name says.")
]
_FileEncoding = Annotated[
    _Encoding | None, typer.Option("--encoding", help="Without it, found from the whole file.")
]
_Check = Annotated[bool, typer.Option("--check", help="Send nothing.")]
_Strict = Annotated[bool, typer.Option("--strict", help="Send nothing if any row is bad.")]
_Snapshot = Annotated[
    bool,
    typer.Option(
        "--snapshot",
        help="The file is the whole register: send only what differs from what is accepted, "
        "deletions too.",
    ),
]
_ConfirmDeletes = Annotated[
    int | None,
    typer.Option("--confirm-deletes", min=0, help="Yes, delete exactly N.", metavar="N"),
]
_DeleteShareMax = Annotated[
    float,
    typer.Option(
        "--delete-share-max", min=0, max=1, help="More deletions than this need confirmation."
    ),
]
_Delivery = Annotated[
    str | None,
    typer.Option("--delivery", help="Id of the delivery; without it, made of period and file."),
]
_Close = Annotated[
    bool, typer.Option("--close/--no-close", help="Leave the delivery open for more files.")
]
_NoChange = Annotated[
    bool, typer.Option("--no-change", help="State that nothing changed in the period; no file.")
]
_BadRows = Annotated[
    Path | None,
    typer.Option("--bad-rows", help="Without it, NAME.bad.csv beside it.", metavar="FILE"),
]
_Fresh = Annotated[
    bool, typer.Option("--fresh", help="Do not look for an interrupted run of the same delivery.")
]
_Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait for the gate's receipt.")
]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(
        "publish",
        epilog="Example:  sharebus publish divisions-b --as zj-planning.geography --from b.csv "
        "--period 2026-11",
    )(_publish)


def _publish(
    entry: _Entry,
    system: _System,
    period: _Period,
    path: _From = None,
    row_format: _RowFormat = None,
    encoding: _FileEncoding = None,
    check_only: _Check = False,
    strict: _Strict = False,
    snapshot: _Snapshot = False,
    confirm_deletes: _ConfirmDeletes = None,
    delete_share_max: _DeleteShareMax = 0.01,
    delivery: _Delivery = None,
    close: _Close = True,
    no_change: _NoChange = False,
    bad_rows: _BadRows = None,
    fresh: _Fresh = False,
    wait_seconds: _Wait = WAIT_SECONDS,
    as_json: JsonOption = False,
) -> None:
    """Publish the rows of a file as one delivery of ENTRY, and wait for the gate's receipt.

    Good rows are sent even if others are bad: those are written to a file with what is wrong, and
    the exit code is 3. Run it again after an interruption: it goes on where it stopped, and a file
    that was published whole is not published twice.

    Exit codes: 0 all accepted; 3 bad rows or refused events; 5 no receipt in time; 6 deletions
    need confirmation, nothing was sent; 7 the gate counted other than what was sent.
    """
    if no_change == (path is not None):
        raise InvalidInput("Give --from FILE, or --no-change.")
    with Provider(entry, system) as provider:
        if path is None:
            receipt = provider.no_change(period, wait_seconds)
            _print_receipt(receipt, as_json)
            raise typer.Exit(_exit_code(receipt, bad_count=0))
        options = PublishOptions(
            period=period,
            row_format=row_format.value if row_format else None,
            encoding=encoding.value if encoding else None,
            check_only=check_only,
            strict=strict,
            snapshot=snapshot,
            delete_share_max=delete_share_max,
            confirm_deletes=confirm_deletes,
            delivery=delivery,
            close=close,
            bad_rows=bad_rows,
            fresh=fresh,
            wait_seconds=wait_seconds,
        )
        with _progress_bar() as progress:
            report = publish_file(provider, path, options, progress)
    _print_report(report, as_json, is_dry=check_only)
    raise typer.Exit(_exit_code(report.receipt, report.survey.bad_count))


@contextmanager
def _progress_bar() -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    console = Console(stderr=True)
    with ProgressBar(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        tasks: dict[str, Any] = {}

        def progress(stage: str, done_count: int, total_count: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total_count)
            bar.update(tasks[stage], completed=done_count, total=total_count)

        yield progress


def _exit_code(receipt: Receipt | None, bad_count: int) -> int:
    if bad_count:
        return EXIT_INVALID_INPUT
    if receipt is None or receipt.outcome in ("complete", "no_change"):
        return 0
    if receipt.outcome == "awaited":
        return EXIT_UNAVAILABLE
    return EXIT_INVALID_INPUT if receipt.refused else EXIT_NUMBERS_DISAGREE


def _print_report(report: PublishReport, as_json: bool, *, is_dry: bool) -> None:
    survey, comparison = report.survey, report.comparison
    for bad in survey.bad_rows:
        for problem in bad.problems:
            print_note(f"{report.file.path}:{bad.line}: {problem}")
    if survey.bad_rows_path:
        print_note(f"{survey.bad_count} bad rows, with what is wrong: {survey.bad_rows_path}")
    counts: dict[str, Any] = {
        "rows": survey.row_count,
        "bad": survey.bad_count,
        "flagged": survey.flagged_count,
        "sent": report.sent_count,
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
                "sends_nothing": is_dry,
                "bad_rows_file": str(survey.bad_rows_path) if survey.bad_rows_path else None,
                "receipt": _document(report.receipt),
            }
        )
        return
    title = f"{report.file.path} ({report.file.encoding})" + (", checked only" if is_dry else "")
    print_table(title, list(counts), [[f"{count:,}" for count in counts.values()]])
    if report.receipt is not None:
        _print_receipt(report.receipt, as_json=False)
    elif not is_dry:
        print_note(f"delivery {report.delivery} is open")


def _print_receipt(receipt: Receipt, as_json: bool) -> None:
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
    if receipt.refused:
        print_note("Refused events: sharebus quarantine list --as SYSTEM")


def _document(receipt: Receipt | None) -> dict[str, Any] | None:
    if receipt is None:
        return None
    return {**dataclasses.asdict(receipt), "outcome": receipt.outcome}
