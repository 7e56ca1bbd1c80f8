"""``sharebus agency``: agencies and their systems, from onboarding to exit (行政机关)."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sharebus import InvalidInput
from sharebus.cli.act_fields import Field, text
from sharebus.cli.acts import Act, add_acts
from sharebus.cli.case import add_looks
from sharebus.producers.desk import load_key

_OFFICE, _SYSTEM = "nb-data.office", "nb-tax.levy"
_REASON = {"reason": text("--reason", "Why.")}
_AGENCY = ("AGENCY", "Id of the agency.")


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    group = typer.Typer(no_args_is_help=True, help="Agencies and their systems (行政机关).")
    add_looks(group, "agency", "agency", _OFFICE)
    add_acts(group, _ACTS)
    app.add_typer(group, name="agency")


def _system(given: Any) -> dict[str, Any]:
    named = given.get("system_id")
    return {"id": named, "name": given.get("name") or named, "roles": given.get("roles") or []}


def _public_key(given: Any) -> dict[str, str]:
    if given.get("new_key") is None:
        raise InvalidInput("the new key is not named", where="--new-key", expected="its file")
    return load_key(given["new_key"]).public.model_dump()


_NEW_KEY = Field(
    {
        "new_key": Annotated[
            Path | None,
            typer.Option("--new-key", metavar="FILE", help="The file of the new key."),
        ]
    },
    _public_key,
)  # fmt: skip


_NEW_SYSTEM = Field(
    {
        "system_id": Annotated[str | None, typer.Option("--system", help="Id of the system.")],
        "name": Annotated[str | None, typer.Option("--name", help="Its name; else its id.")],
        "roles": Annotated[
            list[str] | None,
            typer.Option("--role", help="provider or subscriber; may be repeated."),
        ],
    },
    _system,
)


_ACTS = (
    Act("onboard", "agency", "onboard", "Take an agency on, by its whole document.",
        f"agency onboard nb-health.yaml --as {_OFFICE}",
        argument=("FILE", "YAML with the agency, its offices and keys."), is_new=True,
        is_file=True),
    Act("register-system", "agency", "register_system", "Add a system of one's own agency.",
        f"agency register-system nb-tax --as {_SYSTEM} --system warehouse --role subscriber",
        {"system": _NEW_SYSTEM}, _AGENCY),
    Act("rotate", "agency", "rotate", "Record that a system gets new credentials.",
        f"agency rotate nb-tax --as {_SYSTEM} --system levy",
        {"system": text("--system", "Id of the system.")}, _AGENCY),
    Act("rotate-key", "agency", "rotate_key",
        "Register a new signing key; the command is signed with the old one.",
        f"agency rotate-key nb-tax --as {_SYSTEM} "
        "--new-key new.toml --replaces ed25519-1f2e3d4c",
        {"key": _NEW_KEY, "replaces": text("--replaces", "Id of the key that ends; else none.")},
        _AGENCY),
    Act("suspend", "agency", "suspend", "Halt all that an agency sends and receives.",
        f"agency suspend nb-tax --as {_OFFICE} --reason 安全事件", _REASON, _AGENCY),
    Act("restore", "agency", "restore", "Let a suspended agency act again.",
        f"agency restore nb-tax --as {_OFFICE}", argument=_AGENCY),
    Act("exit", "agency", "exit", "End an agency's part in sharing; history is kept.",
        f"agency exit nb-tax --as {_OFFICE} --reason 撤销", _REASON, _AGENCY),
    Act("succeed", "agency", "succeed", "Let another agency take over all that it has.",
        f"agency succeed nb-tax --as {_OFFICE} --successor nb-revenue --reason 合并",
        {**_REASON, "successor": text("--successor", "Id of the agency that takes over.")},
        _AGENCY),
)  # fmt: skip
