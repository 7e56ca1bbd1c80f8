"""``sharebus publish``: a file, or the statement that nothing changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sharebus import EXIT_INVALID_INPUT, EXIT_NUMBERS_DISAGREE, EXIT_UNAVAILABLE, InvalidInput
from sharebus.cli.output import JsonOption, print_note, progress_bar
from sharebus.cli.publish_report import explain_change, print_receipt, print_report, tell_refused
from sharebus.producers.progress import Progress
from sharebus.producers.provider import Provider
from sharebus.producers.publication import PublishOptions, publish_file
from sharebus.producers.receipt import WAIT_SECONDS, Receipt

EXIT_INTERRUPTED: Final = 130


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
    need confirmation, nothing was sent; 7 the gate counted other than what was sent; 130 Ctrl-C.
    """
    if no_change == (path is not None):
        raise InvalidInput("Give --from FILE, or --no-change.")
    if no_change and (check_only or not close):
        raise InvalidInput(
            "A statement that nothing changed is sent, and closes its delivery.",
            expected="--no-change without --check and --no-close",
        )
    if confirm_deletes is not None and not snapshot:
        raise InvalidInput(
            "Only a snapshot deletes what a file does not have.",
            where="--confirm-deletes",
            expected="--snapshot with it",
            found="no --snapshot",
        )
    with Provider(entry, system) as provider, _interruption_told(provider):
        if path is None:
            receipt = provider.no_change(period, wait_seconds, delivery_id=delivery)
            print_receipt(receipt, as_json)
            if receipt.outcome == "incomplete":
                explain_change(receipt)
            raise typer.Exit(_exit_code(receipt, 0, tell_refused(provider, receipt)))
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
        print_report(report, as_json, is_dry=check_only)
        has_refused = tell_refused(provider, report.receipt)
    raise typer.Exit(_exit_code(report.receipt, report.survey.bad_count, has_refused))


@contextmanager
def _interruption_told(provider: Provider) -> Iterator[None]:
    """Say at Ctrl-C what was sent by then, and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        print_note(
            f"Interrupted. The broker has confirmed {provider.confirmed_count:,} records of this "
            "run. The same command goes on where it stopped, and sends nothing twice."
        )
        raise typer.Exit(EXIT_INTERRUPTED) from None


@contextmanager
def _progress_bar() -> Iterator[Progress]:
    with progress_bar() as bar:
        tasks: dict[str, Any] = {}

        def progress(stage: str, done_count: int, total_count: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total_count)
            bar.update(tasks[stage], completed=done_count, total=total_count)

        yield progress


def _exit_code(receipt: Receipt | None, bad_count: int, has_refused: bool) -> int:
    if bad_count or has_refused:
        return EXIT_INVALID_INPUT
    if receipt is None or receipt.outcome in ("complete", "no_change"):
        return 0
    if receipt.outcome == "awaited":
        return EXIT_UNAVAILABLE
    return EXIT_NUMBERS_DISAGREE
