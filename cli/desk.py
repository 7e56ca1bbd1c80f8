"""The options of every command by which an agency acts or looks, and the desk they open."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from sharebus import InvalidInput
from sharebus.cli.output import print_json, print_line, print_note
from sharebus.governance.agency import Officer
from sharebus.governance.answer import Answer
from sharebus.governance.identity import parse_system
from sharebus.infra.private_key import key_path
from sharebus.infra.settings import load_settings
from sharebus.producers.desk import Desk, load_key, refusal_of

AsOption = Annotated[
    str, typer.Option("--as", help="A system of the agency, AGENCY.SYSTEM.", metavar="SYSTEM")
]
KeyOption = Annotated[
    Path | None,
    typer.Option(
        "--key", metavar="FILE", help="Signing key; else that of the agency in the data directory."
    ),
]
OfficerOption = Annotated[
    str | None,
    typer.Option("--officer", metavar="NAME,TITLE", help="Who gives it; else the one on record."),
]
HeadOption = Annotated[
    str | None,
    typer.Option("--head", metavar="NAME,TITLE", help="The head who approves (主要负责人)."),
]
CommandOption = Annotated[
    str | None,
    typer.Option("--command", metavar="ID", help="Go on with a command that was not answered."),
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until it is decided; Ctrl-C ends.")]


def looking(system: str) -> Desk:
    """The desk of an agency that only reads."""
    return Desk(load_settings(), parse_system(system))


def acting(system: str, key: Path | None, officer: str | None) -> Desk:
    """The desk of an agency with the key that it signs with."""
    settings, name = load_settings(), parse_system(system)
    return Desk(
        settings, name, load_key(key or key_path(settings, name.agency)), read_officer(officer)
    )


def read_officer(given: str | None) -> Officer | None:
    """``NAME,TITLE``; a Chinese comma does as well.

    :raises InvalidInput: one of them is missing.
    """
    if given is None:
        return None
    name, _, title = given.replace("，", ",").partition(",")
    if not name.strip() or not title.strip():
        raise InvalidInput("an officer has a name and a title", expected="NAME,TITLE", found=given)
    return Officer(name=name, title=title)


def show_answer(answer: Answer, as_json: bool) -> None:
    """Print what the registrar answered.

    :raises Refused: it was a refusal; with the article and what was expected.
    """
    if as_json:
        print_json(answer_document(answer))
    if answer.outcome == "refused":
        raise refusal_of(answer)
    if not as_json:
        print_line(f"{answer.case_kind} {answer.case}: {answer.state}")
        print_note(f"{answer.verb}, version {answer.version}, by {answer.basis}")


def answer_document(answer: Answer) -> dict[str, Any]:
    """The answer for programs."""
    document: dict[str, Any] = json.loads(answer.model_dump_json(exclude={"kind"}))
    return document
