"""``sharebus agreement``: security and confidentiality agreements of agencies (安全保密协议)."""

from typing import Any

import typer

from sharebus.cli.act_fields import TERM, file_digest, text
from sharebus.cli.acts import Act
from sharebus.cli.case import add_noun
from sharebus.governance.case import Case
from sharebus.producers.desk import Desk

_SYSTEM = "nb-market-regulation.registration"


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    add_noun(
        app, "agreement", "Security and confidentiality agreements (安全保密协议).", _SYSTEM, _ACTS
    )


def is_decided(case: Case) -> bool:
    """Whether it is in force, or will never be."""
    return case.state != "proposed"


def _proposed(desk: Desk, subscriber: str, body: dict[str, Any]) -> dict[str, Any]:
    provider = body.pop("provider", desk.agency)
    return {**body, "parties": [provider, subscriber]}


_ACTS = (
    Act("propose", "agreement", "propose",
        "Propose an agreement with SUBSCRIBER; both consent to it afterwards, its author too.",
        f"agreement propose nb-tax --as {_SYSTEM} --text agreement.pdf --until 2027-12-31",
        {"provider": text("--provider", "The agency that provides; else that of --as."),
         "text_digest": file_digest("--text", "The agreement; its SHA-256 is what is signed."),
         "term": TERM},
        ("SUBSCRIBER", "The agency that receives the data."), _proposed, is_new=True),
    Act("consent", "agreement", "consent", "Consent to an agreement; with both it is signed.",
        f"agreement consent a-1 --as {_SYSTEM} --wait", decided=is_decided),
    Act("withdraw", "agreement", "withdraw", "Take a proposal back.",
        f"agreement withdraw a-1 --as {_SYSTEM}"),
    Act("terminate", "agreement", "terminate",
        "End an agreement; grants on marked fields that rest on it end with it.",
        f"agreement terminate a-1 --as {_SYSTEM} --reason 职责调整",
        {"reason": text("--reason", "Why.")}),
)  # fmt: skip
