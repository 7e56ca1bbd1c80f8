"""``sharebus usage``: what recipients do with data, and who holds an entry (使用记录)."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from sharebus.cli.act_fields import Field, Given, day, number, text
from sharebus.cli.acts import Act, add_acts
from sharebus.cli.case import add_looks
from sharebus.cli.case_view import time_text
from sharebus.cli.desk import AsOption, KeyOption, OfficerOption, acting
from sharebus.cli.output import JsonOption, print_json, print_note, print_table
from sharebus.consumers.oversight.reads import last_reads
from sharebus.governance.facts import fact_document
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.settings import load_settings
from sharebus.producers.desk import Holder

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
        found = desk.inspect(entry, agency)
    reads = _last_reads(entry, overseer)
    if as_json:
        print_json([_document(holder, reads) for holder in found.holders])
        return
    if not found.holders:
        print_note(f"Nobody has or had a grant on {entry}.")
        return
    print_table(
        f"{entry}: who holds it",
        (
            "grant", "system", "purpose", "term", "holds", "last read", "last used", "uses",
            "events", "disposed",
        ),
        (_row(holder, reads) for holder in found.holders),
    )  # fmt: skip
    print_note(f"inspection {found.case}, by {found.basis}")


def _last_reads(entry: str, overseer: str | None) -> Mapping[str, int] | None:
    """By principal; None where nobody asked."""
    if overseer is None:
        return None
    settings = load_settings()
    return last_reads(client_config(settings, credentials_for(settings, overseer)), entry)


def _read_ms(holder: Holder, reads: Mapping[str, int]) -> int | None:
    return reads.get(holder.grant.grantee.principal)


def _document(holder: Holder, reads: Mapping[str, int] | None) -> dict[str, Any]:
    disposed = holder.disposed
    return {
        **holder._asdict(),
        "grant": fact_document(holder.grant),
        "last_used": holder.last_used and str(holder.last_used),
        "disposed": disposed and {**disposed._asdict(), "day": str(disposed.day)},
        **({} if reads is None else {"last_read_ms": _read_ms(holder, reads)}),
    }


def _last_read(holder: Holder, reads: Mapping[str, int] | None) -> str:
    if reads is None:
        return "not asked"
    at_ms = _read_ms(holder, reads)
    return "never" if at_ms is None else time_text(at_ms)


def _row(holder: Holder, reads: Mapping[str, int] | None) -> tuple[str, ...]:
    grant, disposed = holder.grant, holder.disposed
    said = ""
    if disposed:
        said = f"{disposed.day} {disposed.means}{'' if disposed.is_whole else ' (in part)'}"
    return (
        grant.id, grant.system, f"{grant.purpose.scenario} ({grant.purpose.legal_basis})",
        f"{grant.term.first_day} to {grant.term.last_day}", "yes" if holder.holds else "no",
        _last_read(holder, reads), str(holder.last_used or "not recorded"), str(holder.uses),
        str(holder.events), said,
    )  # fmt: skip
