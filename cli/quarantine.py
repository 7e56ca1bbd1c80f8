"""``sharebus quarantine``: what the gate refused, for the agency that sent it."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from confluent_kafka.admin import AdminClient

from sharebus import EXIT_INVALID_INPUT, InvalidInput, Refused
from sharebus.cli.output import JsonOption, print_json, print_note, print_table
from sharebus.consumers.readable_topic import partition_counts
from sharebus.governance.identity import parse_system
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import load_settings
from sharebus.producers.provider import Provider
from sharebus.producers.quarantine import (
    RefusedEvent,
    find_refused,
    list_refused,
    resubmit,
)
from sharebus.producers.receipt import WAIT_SECONDS
from sharebus.schemas.topic import SHARED_CATALOG, quarantine_topic

_SHOWN_BYTES: Final = 256

_System = Annotated[
    str, typer.Option("--as", help="A system of the agency, AGENCY.SYSTEM.", metavar="SYSTEM")
]
_Position = Annotated[
    str, typer.Argument(help="As `list` shows it: PARTITION/OFFSET.", metavar="POSITION")
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    commands = typer.Typer(
        help="Events that the gate refused, for the agency that sent them.", no_args_is_help=True
    )
    commands.command(
        "list", epilog="Example:  sharebus quarantine list --as zj-planning.geography"
    )(_list)
    commands.command(
        "show", epilog="Example:  sharebus quarantine show 0/17 --as zj-planning.geography"
    )(_show)
    commands.command(
        "resubmit",
        epilog="Example:  sharebus quarantine resubmit 0/17 --as zj-planning.geography "
        "--set level=county",
    )(_resubmit)
    app.add_typer(commands, name="quarantine")


def _list(
    system: _System,
    entry: Annotated[str | None, typer.Option("--entry", help="Of this entry only.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="By this rule only.")] = None,
    count_max: Annotated[int, typer.Option("--max", min=1, help="The latest so many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List refused events, the latest last."""
    agency = parse_system(system).agency
    with _log(system) as (log, _config):
        found = list_refused(
            log, agency, count_max,
            lambda refused: entry in (None, refused.entry) and rule in (None, refused.rule),
        )  # fmt: skip
    if as_json:
        print_json([dataclasses.asdict(refused) for refused in found])
        return
    print_table(
        f"refused events of {agency}",
        ["position", "refused at", "entry", "event id", "rule", "place", "bytes"],
        [
            (
                x.position, _time(x.refused_ms), x.entry, x.event_id, x.rule, x.place,
                x.length_bytes,
            )
            for x in found
        ],
    )  # fmt: skip


def _show(position: _Position, system: _System, as_json: JsonOption = False) -> None:
    """Show one refused event: why, and its row if it can be read."""
    event = _find(position, system)
    document = _document(event)
    if as_json:
        print_json(document)
        return
    summary = event.summary
    print_table(
        f"refused event {position}",
        ["", ""],
        [
            ("why", summary.reason),
            ("entry", summary.entry),
            ("refused at", _time(summary.refused_ms)),
            ("event id", summary.event_id),
            ("data period", summary.data_period),
            ("delivery", summary.delivery),
            ("in ingress at", summary.source),
            ("key", document["key"]),
            ("bytes", f"{summary.length_bytes}{', kept in part' if summary.is_truncated else ''}"),
            *(
                ("row: " + name, json.dumps(value, ensure_ascii=False, default=_as_text))
                for name, value in (event.readable_row or {}).items()
            ),
            *([] if event.readable_row else [("value", document["value_begins"])]),
        ],
    )


def _resubmit(
    position: _Position,
    system: _System,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Correct a field; may be repeated."),
    ] = None,
    period: Annotated[
        str | None, typer.Option("--period", help="Data period, if the refused event has none.")
    ] = None,
    wait_seconds: Annotated[
        float, typer.Option("--wait", min=0, help="Seconds to wait for the gate's receipt.")
    ] = WAIT_SECONDS,
    as_json: JsonOption = False,
) -> None:
    """Send a refused event again, corrected, as a new event that names the old one.

    Exit codes: 0 accepted; 3 refused again, or the correction is not enough.
    """
    changes = dict(_split(setting) for setting in settings or [])
    event = _find(position, system)
    with Provider(event.summary.entry, system) as provider:
        receipt = resubmit(provider, event, changes, period, wait_seconds)
    if as_json:
        print_json({**dataclasses.asdict(receipt), "outcome": receipt.outcome})
    elif receipt.outcome == "complete":
        print_note(f"accepted in delivery {receipt.delivery}")
    else:
        print_note(f"delivery {receipt.delivery}: {receipt.outcome}, {receipt.refused} refused")
    raise typer.Exit(0 if receipt.outcome == "complete" else EXIT_INVALID_INPUT)


@contextmanager
def _log(system: str) -> Iterator[tuple[LogReader, Any]]:
    configuration = load_settings()
    principal = parse_system(system).principal
    config = client_config(configuration, credentials_for(configuration, principal))
    topic = quarantine_topic(parse_system(system).agency)
    if topic not in partition_counts(AdminClient(config, logger=librdkafka_log)):
        raise Refused(
            f"{system} may not read {topic}",
            expected="a system of the agency that provides entries",
        )
    log = LogReader(config)
    try:
        yield log, config
    finally:
        log.close()


def _find(position: str, system: str) -> RefusedEvent:
    with _log(system) as (log, config):
        catalog = FactsReader(config, SHARED_CATALOG)
        try:
            catalog.catch_up()
        finally:
            catalog.close()
        return find_refused(log, parse_system(system).agency, position, catalog.facts)


def _split(setting: str) -> tuple[str, str]:
    name, equals, value = setting.partition("=")
    if not equals:
        raise InvalidInput("a correction is FIELD=VALUE", where="--set", found=setting)
    return name, value


def _document(event: RefusedEvent) -> dict[str, Any]:
    row = json.loads(json.dumps(event.readable_row, default=_as_text))
    return {
        **dataclasses.asdict(event.summary),
        "reason": event.summary.reason,
        "key": event.key.decode("utf-8", "backslashreplace"),
        "row": row,
        "value_begins": (event.value or b"")[:_SHOWN_BYTES].hex(" "),
    }


def _as_text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _time(ms: int) -> str:
    moment = datetime.fromtimestamp(ms / 1000, UTC).astimezone()
    return moment.isoformat(sep=" ", timespec="seconds")
