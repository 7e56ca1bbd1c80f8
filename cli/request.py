"""``sharebus request``: ask for data, and answer who asks (共享申请)."""

from typing import Any

import typer

from sharebus.cli.act_fields import (
    ROW_FILTER,
    SET_DUE,
    TERM,
    Field,
    choice,
    flag,
    number,
    text,
    texts,
)
from sharebus.cli.acts import Act, known_case
from sharebus.cli.case import add_noun
from sharebus.governance.case import Case
from sharebus.producers.desk import Desk

_AWAITED = frozenset({"submitted", "completed", "extended", "under_review"})
_SUBSCRIBER, _PROVIDER = "nb-tax.levy", "nb-market-regulation.registration"
_FIVE = {
    "legal_basis": text("--basis", "Legal basis: law and article (法律依据)."),
    "scenario": text("--scenario", "What it is used for (使用场景)."),
    "scope": text("--scope", "Where and for what it is used (使用范围)."),
    "mode": choice("--mode", "How it is used", "subscribe"),
    "term": TERM,
}
_REASON: dict[str, Field] = {"reason": text("--reason", "Why.")}
_ACCEPTED = {"accepted_fields": texts("--field", "Of the fields asked for; all if not given")}


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    add_noun(app, "request", "Requests for data (共享申请).", _SUBSCRIBER, _ACTS)


def is_decided(case: Case) -> bool:
    """Whether it waits neither for its provider nor for the authority."""
    return case.state not in _AWAITED


def _submitted(desk: Desk, _entry: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"system": str(desk.system), **body}


def _accepted(desk: Desk, case: str, body: dict[str, Any]) -> dict[str, Any]:
    if "accepted_fields" in body:
        return body
    return {**body, "accepted_fields": list(known_case(desk, "request", case).content["fields"])}


def _completed(desk: Desk, case: str, body: dict[str, Any]) -> dict[str, Any]:
    stated = known_case(desk, "request", case).content
    return {**{name: stated[name] for name in _FIVE if name in stated}, **body}


_COMPLETED = {**_FIVE, "mode": text("--mode", "How it is used.")}
_ACTS = (
    Act("submit", "request", "submit", "Ask for fields of an entry, for a purpose and a term.",
        f"request submit divisions-a --as {_SUBSCRIBER} --field code --field name "
        "--basis 税收征收管理法6 --scenario 开业登记 --scope 宁波市 --until 2027-12-31 --wait",
        {"fields": texts("--field", "A field that is needed"), **_FIVE,
         "row_filter": ROW_FILTER,
         "return_flow": flag("--return-flow",
                             "Only what is about your own division (数据回流, Order 809 Art 24)."),
         "system": text("--system", "Which of the agency's systems reads; else that of --as.")},
        ("ENTRY", "Id of the catalog entry."), _submitted, "entry", is_new=True,
        decided=is_decided),
    Act("accept", "request", "accept", "Consent to a request, as the provider.",
        f"request accept r-1 --as {_PROVIDER}", _ACCEPTED, complete=_accepted),
    Act("refuse", "request", "refuse", "Refuse it; only for a legal basis (Order 171 Art 5).",
        f"request refuse r-1 --as {_PROVIDER} --basis 统计法9",
        {"legal_basis": text("--basis", "Law and article that forbid it (法律依据).")}),
    Act("list-missing", "request", "list_missing",
        "Name all that the request lacks; once, and it is no refusal.",
        f"request list-missing r-1 --as {_PROVIDER} --missing 使用场景不明",
        {"missing": texts("--missing", "Something that is missing")}),
    Act("complete", "request", "complete",
        "Add what was missing; what is not given stays as it was stated.",
        f"request complete r-1 --as {_SUBSCRIBER} --scenario 开业登记核验",
        {"fields": texts("--field", "A field; as before if not given"), **_COMPLETED,
         "row_filter": ROW_FILTER}, complete=_completed, decided=is_decided),
    Act("ask-extension", "request", "ask_extension", "Ask the authority for more time to reply.",
        f"request ask-extension r-1 --as {_PROVIDER} --working-days 5 --reason 需会商",
        {**_REASON, "extension": number("--working-days", "How many working days.")}),
    Act("extend", "request", "extend", "Consent to the extension that was asked for.",
        "request extend r-1 --as nb-data.office"),
    Act("set-due", "request", "set_due",
        "Set the last day of a step that the law leaves to you, as the authority.",
        "request set-due r-1 --as nb-data.office --step share --due 2027-03-31", SET_DUE),
    Act("ask-review", "request", "ask_review", "Have the authority review a refusal.",
        f"request ask-review r-1 --as {_SUBSCRIBER} --reason 依法应当共享 --wait", _REASON,
        decided=is_decided),
    Act("overrule", "request", "overrule", "Overrule a refusal, as the authority.",
        "request overrule r-1 --as nb-data.office --reason 不予共享依据不足",
        {**_REASON, **_ACCEPTED}, complete=_accepted),
    Act("uphold", "request", "uphold", "Let a refusal stand, as the authority.",
        "request uphold r-1 --as nb-data.office --reason 依据充分", _REASON),
    Act("withdraw", "request", "withdraw", "Take a request back.",
        f"request withdraw r-1 --as {_SUBSCRIBER}"),
)  # fmt: skip
