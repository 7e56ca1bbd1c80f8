"""The moves of a catalog entry, from its draft to its retirement, under ``sharebus catalog``."""

import typer

from sharebus.cli.act_fields import SET_DUE, number, text
from sharebus.cli.acts import Act, add_acts
from sharebus.governance.case import Case

_PROVIDER, _OFFICE, _SECRECY = "zj-planning.geography", "nb-data.office", "nb-secrecy.office"
_REASON = {"reason": text("--reason", "Why.")}
_CHANGE = {"change": text("--change", "Id of the change that was filed for it.")}
_ENTRY = ("ENTRY", "Id of the catalog entry.")
_FILE = ("FILE", "YAML with the whole entry.")


def add_catalog_acts(group: typer.Typer) -> None:
    """Add the commands to the group ``catalog``."""
    add_acts(group, _ACTS)


def _is_judged(case: Case) -> bool:
    return case.state != "submitted"


_ACTS = (
    Act("draft", "entry", "draft", "Begin an entry with its whole document, as its provider.",
        f"catalog draft rivers.yaml --as {_PROVIDER}", argument=_FILE, is_new=True, is_file=True),
    Act("amend", "entry", "amend", "Replace the document of a draft.",
        f"catalog amend rivers.yaml --as {_PROVIDER}", argument=_FILE, is_file=True),
    Act("submit", "entry", "submit", "Submit a draft that the agency's head approves.",
        f"catalog submit rivers --as {_PROVIDER} --head 李某,局长 --wait", argument=_ENTRY,
        decided=_is_judged),
    Act("consent", "entry", "consent", "Consent, as the secrecy or the archives office.",
        f"catalog consent rivers --as {_SECRECY}", argument=_ENTRY),
    Act("return", "entry", "return", "Send it back to its provider.",
        f"catalog return rivers --as {_OFFICE} --reason 缺少共享依据", _REASON, _ENTRY),
    Act("confirm", "entry", "confirm", "Confirm it once the other offices consent.",
        f"catalog confirm rivers --as {_OFFICE}", argument=_ENTRY),
    Act("publish", "entry", "publish", "Publish it: it is in force from now on.",
        f"catalog publish rivers --as {_OFFICE}", argument=_ENTRY),
    Act("freeze", "entry", "freeze", "Halt it at once for security's sake (Order 171 Art 21).",
        f"catalog freeze rivers --as {_OFFICE} --reason 安全事件", _REASON, _ENTRY),
    Act("suspend", "entry", "suspend", "Halt it, by a change that was filed.",
        f"catalog suspend rivers --as {_OFFICE} --reason 系统改造 --change c-1",
        {**_REASON, **_CHANGE}, _ENTRY),
    Act("resume", "entry", "resume", "Put a halted entry in force again.",
        f"catalog resume rivers --as {_OFFICE}", argument=_ENTRY),
    Act("report-change", "entry", "report_change",
        "Say that something has changed that the catalog must show (Order 809 Art 17).",
        f"catalog report-change rivers --as {_PROVIDER} --reason 职责调整", _REASON, _ENTRY),
    Act("hand-in", "entry", "hand_in",
        "Hand in the updated document, as the provider; it waits for the revision.",
        f"catalog hand-in rivers.yaml --as {_PROVIDER} --head 李某,局长", argument=_FILE,
        is_file=True),
    Act("return-update", "entry", "return_update", "Send an update back to its provider.",
        f"catalog return-update rivers --as {_OFFICE} --reason 缺少共享依据", _REASON, _ENTRY),
    Act("ask-extension", "entry", "ask_extension", "Ask for more time for an update.",
        f"catalog ask-extension rivers --as {_PROVIDER} --working-days 5 --reason 需会商",
        {**_REASON, "extension": number("--working-days", "How many working days.")}, _ENTRY),
    Act("extend", "entry", "extend", "Consent to the extension that was asked for.",
        f"catalog extend rivers --as {_OFFICE}", argument=_ENTRY),
    Act("set-due", "entry", "set_due", "Set the last day of a step that the law leaves to you.",
        f"catalog set-due rivers --as {_OFFICE} --step update_catalog --due 2027-03-31",
        SET_DUE, _ENTRY),
    Act("revise", "entry", "revise",
        "Replace its document; what narrows it needs a change that was filed.",
        f"catalog revise rivers.yaml --as {_OFFICE} --change c-1", _CHANGE, _FILE, is_file=True),
    Act("retire", "entry", "retire", "End it, by a change that was filed.",
        f"catalog retire rivers --as {_OFFICE} --reason 并入新目录 --change c-2",
        {**_REASON, **_CHANGE}, _ENTRY),
)  # fmt: skip
