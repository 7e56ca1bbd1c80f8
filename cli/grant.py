"""``sharebus grant``: what follows from a request, and how it is halted and ended (共享授权)."""

import typer

from sharebus.cli.act_fields import TERM, day, text
from sharebus.cli.acts import Act
from sharebus.cli.case import add_noun

_PROVIDER, _SUBSCRIBER = "nb-market-regulation.registration", "nb-tax.levy"
_REASON = {"reason": text("--reason", "Why.")}


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    add_noun(app, "grant", "Grants (共享授权).", _SUBSCRIBER, _ACTS)


_ACTS = (
    Act("suspend", "grant", "suspend", "Halt a grant that is misused, until a day to rectify.",
        f"grant suspend r-1 --as {_PROVIDER} --reason 超范围使用 --rectify-by 2026-12-31",
        {**_REASON, "rectify_by": day("--rectify-by", "Last day to set it right.")}),
    Act("rectify", "grant", "rectify", "Report, as its holder, that it was set right.",
        f"grant rectify r-1 --as {_SUBSCRIBER} --report 已停止超范围使用",
        {"report": text("--report", "What was done.")}),
    Act("restore", "grant", "restore", "Let a suspended grant stand again: it was rectified.",
        f"grant restore r-1 --as {_PROVIDER}"),
    Act("terminate", "grant", "terminate", "End a suspended grant.",
        f"grant terminate r-1 --as {_PROVIDER} --reason 逾期未整改", _REASON),
    Act("renew", "grant", "renew", "Give a grant a new term.",
        f"grant renew r-1 --as {_PROVIDER} --until 2028-12-31", {"term": TERM}),
    Act("revoke", "grant", "revoke", "Revoke a grant, as the authority.",
        "grant revoke r-1 --as nb-data.office --reason 职责调整", _REASON),
    Act("give-back", "grant", "give_back", "Give a grant back that is no longer needed.",
        f"grant give-back r-1 --as {_SUBSCRIBER}"),
)  # fmt: skip
