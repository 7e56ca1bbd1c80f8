"""``sharebus keys``: the private keys with which agencies sign their commands."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import yaml

from sharebus import InvalidInput
from sharebus.cli.output import JsonOption, print_json, print_note, print_text
from sharebus.governance.identity import parse_system
from sharebus.infra.private_key import key_path, load_key, new_key, save_key
from sharebus.infra.settings import load_settings


class _Algorithm(StrEnum):
    ED25519 = "ed25519"
    SM2 = "sm2"


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    group = typer.Typer(no_args_is_help=True, help="Signing keys (签名密钥) of agencies.")
    group.command("create", epilog="Example:  sharebus keys create nb-tax --algorithm sm2")(_create)
    group.command("show", epilog="Example:  sharebus keys show nb-tax")(_show)
    app.add_typer(group, name="keys")


_Agency = Annotated[str, typer.Argument(help="Id of the agency.", metavar="AGENCY")]


def _create(
    agency: _Agency,
    algorithm: Annotated[
        _Algorithm, typer.Option("--algorithm", help="Which your jurisdiction accepts.")
    ] = _Algorithm.ED25519,
    key_id: Annotated[
        str | None, typer.Option("--id", help="Id of the key; else it follows from the key.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Else in the data directory.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a private key, and print its public part for the agency's document.

    The private key is printed nowhere. Its file has mode 0600; keep a copy where you keep seals.
    """
    _check_agency(agency)
    path = out or key_path(load_settings(), agency)
    key = new_key(algorithm, key_id)
    save_key(path, key)
    _print_public(key.public.model_dump(), as_json)
    print_note(f"The private key is in {path}. Its public part belongs under `keys` of {agency}.")


def _show(
    agency: _Agency,
    path: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Else in the data directory.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the public part of a key again."""
    _check_agency(agency)
    key = load_key(path or key_path(load_settings(), agency))
    _print_public(key.public.model_dump(), as_json)


def _print_public(document: dict[str, str], as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        print_text(yaml.safe_dump({"keys": [document]}, sort_keys=False, width=1000))


def _check_agency(agency: str) -> None:
    try:
        parse_system(f"{agency}.any")
    except InvalidInput:
        raise InvalidInput(
            "this is no id of an agency",
            expected="a–z, 0–9 and -, 2 to 41 characters",
            found=agency,
        ) from None
