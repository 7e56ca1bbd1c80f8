"""``sharebus audit search``: what the audit says of an event, an entity, an entry, an agency."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from sharebus import InvalidInput
from sharebus.cli.audit_pins import (
    FilesOption,
    IndexOption,
    PrincipalOption,
    SinceOption,
    UntilOption,
    read_progress,
)
from sharebus.cli.output import JsonOption, print_json, print_table
from sharebus.consumers.oversight.grant_history import GrantHistory, Holder
from sharebus.consumers.oversight.log_files import open_log, public_checkpoint
from sharebus.consumers.oversight.search_index import (
    Found,
    Released,
    SearchIndex,
    Times,
)
from sharebus.infra.audit_key import audit_digest
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.settings import Settings, load_settings
from sharebus.infra.tile_directory import ledger_directory
from sharebus.ledger.checkpoint import Checkpoint

_FOUND_COLUMNS = (
    "leaf", "ingress", "entry", "source", "outcome", "rule", "place", "released to", "policy",
)  # fmt: skip
_RELEASED_COLUMNS = ("entry", "topic", "events", "first", "last", "system", "grant", "for", "by")


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command(
        "search",
        epilog="Example:  sharebus audit search --entry legal-persons --from 2026-11-01",
    )(_search)


def _search(
    entry: Annotated[
        str | None, typer.Option("--entry", help="Who could receive it, by which grant.")
    ] = None,
    agency: Annotated[
        str | None, typer.Option("--agency", help="What it could receive, by which grants.")
    ] = None,
    event: Annotated[
        str | None, typer.Option("--event", help="Decisions on an event, by its id.", metavar="ID")
    ] = None,
    entity: Annotated[
        str | None,
        typer.Option("--entity", help="Decisions on an entity, by its key.", metavar="KEY"),
    ] = None,
    refused: Annotated[
        bool, typer.Option("--refused", help="What was refused and why; with --entry of it alone.")
    ] = False,
    since: SinceOption = "",
    until: UntilOption = "",
    index: IndexOption = None,
    files: FilesOption = None,
    principal: PrincipalOption = "admin",
    as_json: JsonOption = False,
) -> None:
    """Search the audit by a local index, which is brought up to date first.

    At most 1,000 decisions, the latest first. Events and entities are looked for by their
    pseudonyms, which takes the audit key. A release says who could read; not who did.
    """
    chosen = [bool(x) for x in (event, entity, agency, refused or entry)]
    if chosen.count(True) != 1:
        raise InvalidInput(
            "what to search for is said once",
            expected="--entry, --agency, --event, --entity or --refused (which takes --entry too)",
        )
    settings = load_settings()
    times = Times(
        instant_option_ms(since, "--from", 0),
        instant_option_ms(until, "--until", Times().until_ms, is_end=True),
    )
    found = open_index(settings, index, files)
    try:
        if refused or event or entity:
            _print_found(_decisions(settings, found, event, entity, entry, times), as_json)
            return
        config = client_config(settings, credentials_for(settings, principal))
        history = GrantHistory.read(config)
        if agency is not None:
            holders = history.of_agency(agency, *times)
            released = found.released(None, sorted({each.topic for each in holders}), times)
        else:
            released = found.released(entry, (), times)
            holders = [h for each in released for h in history.of_topic(each.topic, *times)]
    finally:
        found.close()
    _print_released(released, holders, as_json)


def open_index(settings: Settings, index: Path | None, files: str | None) -> SearchIndex:
    """The local index, brought up to date with the log's files.

    :raises InvalidInput: it is of another log. :raises Unavailable: a file is missing.
    """
    log = open_log(files or str(ledger_directory(settings)))
    checkpoint = Checkpoint.parse(public_checkpoint(log).text)
    found = SearchIndex(index or settings.data_dir / "oversight" / "search.sqlite")
    with read_progress("records into the index") as on_progress:
        found.update(log, checkpoint.size, on_progress)
    return found


def _decisions(
    settings: Settings,
    found: SearchIndex,
    event: str | None,
    entity: str | None,
    entry: str | None,
    times: Times,
) -> list[Found]:
    if event is not None:
        return found.by_event(audit_digest(settings).event(event.encode()))
    if entity is not None:
        return found.by_entity(audit_digest(settings).entity(entity.encode()), times)
    return found.refused(entry, times)


def _print_found(found: list[Found], as_json: bool) -> None:
    if as_json:
        print_json([each._asdict() for each in found])
        return
    print_table(
        "decisions", _FOUND_COLUMNS,
        [
            (
                x.leaf, time_text(x.ingress_ms), x.entry, f"{x.source} {x.partition}/{x.offset}",
                x.outcome, x.rule, x.place, x.topics, x.policy_version,
            )
            for x in found
        ],
    )  # fmt: skip


def _print_released(released: list[Released], holders: list[Holder], as_json: bool) -> None:
    rows: list[dict[str, Any]] = []
    for each in released:
        by = [holder for holder in holders if holder.topic == each.topic]
        rows.append({
            **each._asdict(),
            "holders": [
                {
                    "system": holder.system, "grant": holder.grant, "scenario": holder.scenario,
                    "legal_basis": holder.legal_basis, "first_day": holder.first_day,
                    "last_day": holder.last_day,
                }
                for holder in dict.fromkeys(by)
            ],
        })  # fmt: skip
    if as_json:
        print_json(rows)
        return
    nobody = {"system": "nobody", "grant": "", "scenario": "", "legal_basis": ""}
    print_table(
        "released", _RELEASED_COLUMNS,
        [
            (
                row["entry"], row["topic"], row["events"], time_text(row["first_ms"]),
                time_text(row["last_ms"]), holder["system"], holder["grant"], holder["scenario"],
                holder["legal_basis"],
            )
            for row in rows
            for holder in row["holders"] or [nobody]
        ],
    )  # fmt: skip


def instant_option_ms(text: str, option: str, default: int, *, is_end: bool = False) -> int:
    """The instant that an option names; a day is its beginning, or with ``is_end`` its end.

    :raises InvalidInput: it names none.
    """
    if not text:
        return default
    try:
        if len(text) == len("2026-01-01"):
            day = date.fromisoformat(text) + timedelta(days=is_end)
            moment = datetime.combine(day, time.min).astimezone()
            return int(moment.timestamp() * 1000) - is_end
        return int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except ValueError as error:
        raise InvalidInput(
            "not a time", where=option, expected="2026-11-25 or 2026-11-25T08:00", found=text
        ) from error


def time_text(ms: int) -> str:
    """An instant for people, by the clock of this machine."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone().isoformat(" ", "seconds")
