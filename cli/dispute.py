"""``sharebus dispute``: negotiation, coordination, the government's decision (争议协调)."""

import typer

from sharebus.cli.act_fields import text
from sharebus.cli.acts import Act
from sharebus.cli.case import add_noun
from sharebus.governance.case import Case

_SYSTEM = "nb-tax.levy"
_OPINION = {"opinion": text("--opinion", "What the agency holds.")}


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    add_noun(app, "dispute", "Disputes about a case (争议协调).", _SYSTEM, _ACTS)


def _is_over(case: Case) -> bool:
    return case.state in ("settled", "decided")


_ACTS = (
    Act("raise", "dispute", "raise", "Raise a dispute with the other party of a case.",
        f"dispute raise request/r-1 --as {_SYSTEM} --opinion 拒绝理由不成立", _OPINION,
        ("KIND/CASE", "The case it is about, as request/r-1."), fills="about", is_new=True,
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
