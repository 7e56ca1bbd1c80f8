"""``sharebus dispute``: negotiation, coordination, the government's decision (争议协调)."""

import typer

from sharebus.cli.act_fields import text
from sharebus.cli.acts import Act, add_acts
from sharebus.cli.case import add_looks
from sharebus.governance.case import Case
from sharebus.producers.desk import Desk

_SYSTEM = "nb-tax.levy"
_OPINION = {"opinion": text("--opinion", "What the agency holds.")}


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    group = typer.Typer(no_args_is_help=True, help="Disputes about a case (争议协调).")
    add_looks(group, "dispute", "dispute", _SYSTEM)
    add_acts(group, _ACTS)
    app.add_typer(group, name="dispute")


def _is_over(case: Case) -> bool:
    return case.state in ("settled", "decided")


def _raised(_desk: Desk, about: str, body: dict[str, object]) -> dict[str, object]:
    return {**body, "about": about}


_ACTS = (
    Act("raise", "dispute", "raise", "Raise a dispute with the other party of a case.",
        f"dispute raise request/r-1 --as {_SYSTEM} --opinion 拒绝理由不成立", _OPINION,
        ("KIND/CASE", "The case it is about, as request/r-1."), _raised, is_new=True,
        decided=_is_over),
    Act("settle", "dispute", "settle", "Record that the parties agree.",
        f"dispute settle d-1 --as {_SYSTEM} --record 双方同意",
        {"record": text("--record", "What they agreed on.")}),
    Act("bring", "dispute", "bring", "Bring it before the coordinating authority.",
        f"dispute bring d-1 --as {_SYSTEM} --opinion 协商未果", _OPINION, decided=_is_over),
    Act("submit", "dispute", "submit", "Submit it to the government, as the authority.",
        "dispute submit d-1 --as nb-data.office --opinion 建议共享", _OPINION),
    Act("decide", "dispute", "decide", "Decide it, as the government.",
        "dispute decide d-1 --as nb-government.office --decision 同意共享",
        {"decision": text("--decision", "What is decided.")}),
)  # fmt: skip
