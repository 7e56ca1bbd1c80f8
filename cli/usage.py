"""``sharebus usage``: what recipients do with data, and who holds an entry (使用记录)."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from sharebus import Unavailable
from sharebus.cli.act_fields import Field, Given, day, number, text
from sharebus.cli.acts import Act, add_acts
from sharebus.cli.case import add_looks
from sharebus.cli.case_view import time_text
from sharebus.cli.desk import AsOption, KeyOption, OfficerOption, acting, show_answer
from sharebus.cli.output import JsonOption, print_json, print_note, print_table
from sharebus.consumers.oversight.reads import last_reads
from sharebus.governance.identity import parse_system
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.settings import load_settings
from sharebus.producers.desk import ANSWER_SECONDS, Desk, new_case_id

_SUBSCRIBER, _PROVIDER = "nb-tax.levy", "nb-market-regulation.registration"
_INSPECT: Final = "inspect"


class _Group(TyperGroup):
    """``sharebus usage ENTRY`` is short for ``sharebus usage inspect ENTRY``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        is_entry = bool(args) and args[0] not in self.commands and not args[0].startswith("-")
        return super().resolve_command(ctx, [_INSPECT, *args] if is_entry else args)


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    group = typer.Typer(
        cls=_Group, no_args_is_help=True,
        help="Usage and disposal records (使用记录); with an ENTRY, who holds it.",
    )  # fmt: skip
    group.command(
        _INSPECT, epilog=f"Example:  sharebus usage inspect legal-persons --as {_PROVIDER}"
    )(_inspect)  # fmt: skip
    add_looks(group, "usage", "usage", _SUBSCRIBER)
    add_acts(group, _ACTS)
    app.add_typer(group, name="usage")


def _period(given: Given) -> dict[str, str] | None:
    first, last = _FROM.read(given), _UNTIL.read(given)
    if not first and not last:
        return None
    return {"first_day": first or last, "last_day": last or first}


_FROM, _UNTIL = day("--from", "First day."), day("--until", "Last day, included.")
_PERIOD: Final = Field({**_FROM.parameters, **_UNTIL.parameters}, _period)
_GRANT: Final = ("GRANT", "Id of the grant, which may have ended.")
_REMARK: Final[Mapping[str, Field]] = {
    "remark": text("--remark", "Anything else; no personal data.")
}
_ACTS = (
    Act("record", "usage", "record", "Record, as a recipient, what was used for what.",
        f"usage record r-1 --as {_SUBSCRIBER} --purpose 开业登记核验 --by 征管系统 "
        "--from 2026-11-01 --until 2026-11-30 --events 1204",
        {"purpose": text("--purpose", "What for."),
         "used_by": text("--by", "System or office that used it, such as 征管系统 or 征管处."),
         "period": _PERIOD,
         "events": number("--events", "How many events."),
         "delivery": text("--delivery", "Which delivery."), **_REMARK},
        _GRANT, fills="grant", is_new=True),
    Act("dispose", "usage", "dispose", "Record, as a recipient, that data was disposed of.",
        f"usage dispose r-1 --as {_SUBSCRIBER} --means 删除 --day 2026-12-31",
        {"means": text("--means", "How, such as 删除, 销毁, 匿名化, 封存."),
         "day": day("--day", "On which day."),
         "period": _PERIOD, **_REMARK},
        _GRANT, fills="grant", is_new=True),
)  # fmt: skip


def _inspect(
    entry: Annotated[str, typer.Argument(help="Id of the catalog entry.", metavar="ENTRY")],
    system: AsOption,
    agency: Annotated[
        str | None, typer.Option("--agency", metavar="AGENCY", help="Only what this agency holds.")
    ] = None,
    overseer: Annotated[
        str | None,
        typer.Option(
            "--audit-as",
            metavar="PRINCIPAL",
            help="Tell when each system last read, from the audit that this principal may read.",
        ),
    ] = None,
    key: KeyOption = None,
    officer: OfficerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who holds ENTRY by which grant, for what and until when, and what became of it.

    In short `sharebus usage ENTRY`. For the provider, who may inspect it (Order 809 Art 29); the
    inspection is a command and on record. *Last used* is what the holder has recorded; *last read*
    what the broker gave, as the meter has written it into the audit, which only an overseer reads.
    """
    with acting(system, key, officer) as desk:
        body = {"entry": entry, **({"agency": agency} if agency else {})}
        answer = desk.file("usage", new_case_id("usage"), "inspect", body)
        if answer.outcome == "refused":
            show_answer(answer, as_json)
        holders = _holders(desk, answer.case)
    _add_reads(holders, entry, overseer)
    if as_json:
        print_json(holders)
        return
    if not holders:
        print_note(f"Nobody has or had a grant on {entry}.")
        return
    print_table(
        f"{entry}: who holds it",
        (
            "grant", "system", "purpose", "term", "holds", "last read", "last used", "uses",
            "events", "disposed",
        ),
        (_row(holder) for holder in holders),
    )  # fmt: skip
    print_note(f"inspection {answer.case}, by {answer.basis}")


def _holders(desk: Desk, inspection: str) -> list[dict[str, Any]]:
    desk.wait_until(lambda: desk.known("usage", inspection) is not None, ANSWER_SECONDS)
    version = desk.known("usage", inspection)
    if version is None:
        raise Unavailable(
            "the inspection was decided, but is not told yet", where=f"usage {inspection}",
            remedy=f"Look again: sharebus usage show {inspection} --as {desk.system}",
        )  # fmt: skip
    # A copy, since what a case holds is not ours to change.
    return [dict(holder) for holder in version.case.content.get("holders", [])]


def _add_reads(holders: list[dict[str, Any]], entry: str, overseer: str | None) -> None:
    """``last_read_ms`` of each system; None where it is not known to have read."""
    if overseer is None:
        return
    settings = load_settings()
    reads = last_reads(client_config(settings, credentials_for(settings, overseer)), entry)
    for holder in holders:
        principal = parse_system(holder["grant"]["system"]).principal
        holder["last_read_ms"] = reads.get(principal)


def _last_read(holder: Mapping[str, Any]) -> str:
    if "last_read_ms" not in holder:
        return "not asked"
    at_ms = holder["last_read_ms"]
    return "never" if at_ms is None else time_text(at_ms)


def _row(holder: Mapping[str, Any]) -> tuple[str, ...]:
    grant, disposed = holder["grant"], holder["disposed"]
    term, purpose = grant["term"], grant["purpose"]
    said = ""
    if disposed:
        whole = "" if disposed["is_whole"] else " (in part)"
        said = f"{disposed['day']} {disposed['means']}{whole}"
    return (
        grant["id"], grant["system"], f"{purpose['scenario']} ({purpose['legal_basis']})",
        f"{term['first_day']} to {term['last_day']}", "yes" if holder["holds"] else "no",
        _last_read(holder), holder["last_used"] or "not recorded", str(holder["uses"]),
        str(holder["events"]), said,
    )  # fmt: skip
