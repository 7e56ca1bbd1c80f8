"""The moves of a catalog entry, from its draft to its retirement, under ``sharebus catalog``."""

import typer

from sharebus.cli.act_fields import text
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
    Act("revise", "entry", "revise",
        "Replace its document; what narrows it needs a change that was filed.",
        f"catalog revise rivers.yaml --as {_OFFICE} --change c-1", _CHANGE, _FILE, is_file=True),
    Act("retire", "entry", "retire", "End it, by a change that was filed.",
        f"catalog retire rivers --as {_OFFICE} --reason 并入新目录 --change c-2",
        {**_REASON, **_CHANGE}, _ENTRY),
)  # fmt: skip
