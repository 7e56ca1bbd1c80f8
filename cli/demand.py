"""``sharebus demand``: data that nobody lists yet (共享需求)."""

import typer

from sharebus.cli.act_fields import day, text
from sharebus.cli.acts import Act
from sharebus.cli.case import add_noun
from sharebus.governance.case import Case

_SYSTEM, _PROVIDER, _OFFICE = "nb-tax.levy", "zj-planning.geography", "nb-data.office"


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    add_noun(app, "demand", "Demands for data nobody lists (共享需求).", _SYSTEM, _ACTS)


def _is_answered(case: Case) -> bool:
    return case.state not in ("open", "asked")


_ACTS = (
    Act("state", "demand", "state", "State a demand.",
        f"demand state 企业不动产抵押信息 --as {_SYSTEM} --purpose 欠税清缴",
        {"purpose": text("--purpose", "What it is needed for.")},
        ("CONTENT", "The data that is wanted, in words."), fills="content", is_new=True,
        decided=_is_answered),
    Act("ask", "demand", "ask", "Ask an agency whether it can provide it, as the authority.",
        f"demand ask d-1 --as {_OFFICE} --provider zj-planning",
        {"provider": text("--provider", "Id of the agency.")}),
    Act("promise", "demand", "promise", "Promise it until a day, as the agency that was asked.",
        f"demand promise d-1 --as {_PROVIDER} --due 2027-03-31",
        {"due": day("--due", "Last day.")}),
    Act("decline", "demand", "decline", "Decline; only for a legal basis.",
        f"demand decline d-1 --as {_PROVIDER} --basis 测绘法",
        {"legal_basis": text("--basis", "Law and article that forbid it (法律依据).")}),
    Act("list-entry", "demand", "list", "Close it with the entry that lists the data.",
        f"demand list-entry d-1 --as {_OFFICE} --entry mortgages",
        {"entry": text("--entry", "Id of the entry.")}),
    Act("withdraw", "demand", "withdraw", "Take a demand back.",
        f"demand withdraw d-1 --as {_SYSTEM}"),
)  # fmt: skip
