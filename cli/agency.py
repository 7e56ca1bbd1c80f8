"""``sharebus agency``: agencies and their systems, from onboarding to exit (行政机关)."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sharebus import InvalidInput
from sharebus.cli.act_fields import Field, text
from sharebus.cli.acts import Act, add_acts
from sharebus.cli.case_view import show_history, version_document
from sharebus.cli.desk import AsOption, looking
from sharebus.cli.output import JsonOption, print_json, print_table
from sharebus.governance.agency import Agency
from sharebus.producers.desk import load_key

_OFFICE, _SYSTEM = "nb-data.office", "nb-tax.levy"
_REASON = {"reason": text("--reason", "Why.")}
_AGENCY = ("AGENCY", "Id of the agency.")


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    group = typer.Typer(no_args_is_help=True, help="Agencies and their systems (行政机关).")
    group.command("list", epilog=f"Example:  sharebus agency list --as {_OFFICE}")(_list)
    group.command("show", epilog=f"Example:  sharebus agency show nb-tax --as {_OFFICE}")(_show)
    add_acts(group, _ACTS)
    app.add_typer(group, name="agency")


def _list(
    system: AsOption,
    is_all: Annotated[bool, typer.Option("--all", help="Also those that have left.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the agencies on the bus, with their offices and systems."""
    with looking(system) as desk:
        known = sorted(desk.catalog.agencies.values(), key=lambda agency: agency.id)
    found = [agency for agency in known if is_all or not agency.left]
    if as_json:
        print_json([agency.model_dump(mode="json") for agency in found])
        return
    print_table(
        "Agencies",
        ("agency", "name", "code", "jurisdiction", "offices", "systems", "keys", "state"),
        (
            (
                agency.id, agency.name, agency.code, agency.jurisdiction,
                ", ".join(agency.offices), ", ".join(each.id for each in agency.systems),
                ", ".join(key.id for key in agency.keys), _state(agency),
            )
            for agency in found
        ),
    )  # fmt: skip


def _show(
    agency: Annotated[str, typer.Argument(help="Id of the agency.", metavar="AGENCY")],
    system: AsOption,
    as_json: JsonOption = False,
) -> None:
    """Show an agency, and the moves of it that the looking agency was told of."""
    with looking(system) as desk:
        found = desk.catalog.agencies.get(agency)
        history = desk.history("agency", agency)
    if found is None:
        raise InvalidInput(
            "there is no such agency on the bus", found=agency,
            expected="an id that `sharebus agency list` shows",
        )  # fmt: skip
    if as_json:
        moves = [version_document(version) for version in history]
        print_json({**found.model_dump(mode="json"), "history": moves})
        return
    rows = [
        ("name", found.name), ("code", found.code), ("jurisdiction", found.jurisdiction),
        ("state", _state(found)), ("officer", f"{found.officer.name}, {found.officer.title}"),
        ("offices", ", ".join(found.offices)),
        *((f"system {each.id}", f"{each.name}: {', '.join(each.roles)}") for each in found.systems),
        *((f"key {key.id}", f"{key.algorithm} {key.public_key}") for key in found.keys),
    ]  # fmt: skip
    print_table(found.id, ("", ""), rows)
    if history:
        show_history(history)


def _state(agency: Agency) -> str:
    return "left" if agency.left else "suspended" if agency.suspended else "active"


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
