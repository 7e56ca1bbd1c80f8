"""``sharebus release``: the purpose of what was released, from the log alone."""

from datetime import date
from typing import Annotated, Any

import typer

from sharebus import InvalidInput
from sharebus.cli.audit_pins import PrincipalOption
from sharebus.cli.case_view import time_text
from sharebus.cli.output import JsonOption, print_json, print_note, print_table
from sharebus.consumers.oversight.releases import PolicyLog, find_release
from sharebus.governance.local_time import local_day
from sharebus.infra.audit_key import audit_digest
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.settings import load_settings
from sharebus.schemas.topic import view_topic


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    group = typer.Typer(
        no_args_is_help=True, help="For what, and by which grants, something was released."
    )
    group.command("of", epilog="Example:  sharebus release of shared.divisions-a 0 17")(_of)
    group.command(
        "under", epilog="Example:  sharebus release under legal-persons 812 --on 2026-11-25"
    )(_under)
    app.add_typer(group, name="release")


def _of(
    topic: Annotated[str, typer.Argument(help="Topic of the view.", metavar="TOPIC")],
    partition: Annotated[int, typer.Argument(help="Its partition.", metavar="PARTITION", min=0)],
    offset: Annotated[int, typer.Argument(help="The record's offset.", metavar="OFFSET", min=0)],
    principal: PrincipalOption = "admin",
    as_json: JsonOption = False,
) -> None:
    """Show by which grants a released record was read when it was released, and for what.

    It needs the audit key, under which the record's digest stands in the audit.
    """
    settings = load_settings()
    config = client_config(settings, credentials_for(settings, principal))
    found = find_release(config, audit_digest(settings), topic, partition, offset)
    rows = [
        row
        for row in _grants(PolicyLog(config), found.entry, found.policy_version,
                           local_day(found.released_ms))
        if row["topic"] == topic
    ]  # fmt: skip
    if as_json:
        print_json({"release": found._asdict(), "grants": rows})
        return
    print_note(
        f"Released {time_text(found.released_ms)} under policy version {found.policy_version}, "
        f"from {found.source_topic} {found.source_partition} offset {found.source_offset}; "
        f"audit {found.audit_writer}/{found.audit_sequence}."
    )
    _print(found.entry, rows)


def _under(
    entry: Annotated[str, typer.Argument(help="Id of the catalog entry.", metavar="ENTRY")],
    version: Annotated[int, typer.Argument(help="Policy version.", metavar="VERSION", min=0)],
    view: Annotated[
        str | None, typer.Option("--view", metavar="VIEW", help="One view alone.")
    ] = None,
    day: Annotated[
        str | None,
        typer.Option("--on", metavar="YYYY-MM-DD", help="Local day; else that of the version."),
    ] = None,
    principal: PrincipalOption = "admin",
    as_json: JsonOption = False,
) -> None:
    """Show by which grants ENTRY was read under a policy version, view by view, and for what."""
    settings = load_settings()
    log = PolicyLog(client_config(settings, credentials_for(settings, principal)))
    rows = _grants(log, entry, version, _day(day) or local_day(log.instant_ms(version)))
    rows = [row for row in rows if view in (None, row["view"])]
    if as_json:
        print_json(rows)
        return
    _print(entry, rows)


def _grants(log: PolicyLog, entry: str, version: int, day: date) -> list[dict[str, Any]]:
    return [
        {
            "view": view, "topic": view_topic(entry, view),
            **grant.model_dump(mode="json", exclude={"kind", "revoked"}),
        }
        for view, grant in log.history.readers(entry, version, day)
    ]  # fmt: skip


def _day(given: str | None) -> date | None:
    if given is None:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise InvalidInput(
            "this is no day", where="--on", expected="YYYY-MM-DD", found=given
        ) from None


def _print(entry: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        print_note(f"Nobody read {entry} then.")
        return
    print_table(
        f"{entry}: read by",
        ("view", "grant", "system", "legal basis", "scenario", "scope", "term", "agreement"),
        (
            (
                row["view"], row["id"], row["system"], row["purpose"]["legal_basis"],
                row["purpose"]["scenario"], row["purpose"]["scope"],
                f"{row['term']['first_day']} to {row['term']['last_day']}", row["agreement"] or "",
            )
            for row in rows
        ),
    )  # fmt: skip
