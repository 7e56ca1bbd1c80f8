"""Commands made from the lifecycles: one for each move that a person can take."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from sharebus import InvalidInput
from sharebus.cli.act_fields import Field, read_document
from sharebus.cli.case_view import show_case
from sharebus.cli.desk import (
    AsOption,
    CommandOption,
    HeadOption,
    KeyOption,
    OfficerOption,
    WaitOption,
    acting,
    read_officer,
    show_answer,
)
from sharebus.cli.output import JsonOption
from sharebus.governance.case import Case
from sharebus.governance.lifecycles import LIFECYCLES
from sharebus.producers.desk import Desk, new_case_id

Complete = Callable[[Desk, str, dict[str, Any]], dict[str, Any]]
"""Fills what follows from the desk, the argument and the case: (desk, argument, body) to body."""


class Act(NamedTuple):
    """A move as a command: the word for it, what it does, and how its fields are given.

    ``argument`` is what the command is about, as ``(NAME, help)``: the case, unless it begins one;
    then it ``fills`` a field. ``decided`` says when ``--wait`` ends.
    """

    word: str
    kind: str
    verb: str
    meaning: str
    example: str
    fields: Mapping[str, Field] = {}
    argument: tuple[str, str] = ("CASE", "Id of the case.")
    complete: Complete | None = None
    fills: str = ""
    is_new: bool = False
    is_file: bool = False
    decided: Callable[[Case], bool] | None = None

    @property
    def needs_head(self) -> bool:
        """Whether the law asks for the approving head."""
        return any(move.verb == self.verb and move.head for move in LIFECYCLES[self.kind].moves)


def add_acts(group: typer.Typer, acts: tuple[Act, ...]) -> None:
    """Add a command for each act."""
    for act in acts:
        group.command(act.word, help=act.meaning, epilog=f"Example:  sharebus {act.example}")(
            command_of(act)
        )


def command_of(act: Act) -> Callable[..., None]:
    """The function behind the command, with a parameter for each option."""
    metavar, meaning = act.argument
    kind = Path if act.is_file else str
    annotations: dict[str, Any] = {
        "about": Annotated[kind, typer.Argument(metavar=metavar, help=meaning)],
        "system": AsOption,
    }
    for field in act.fields.values():
        annotations |= field.parameters
    if act.is_new and not act.is_file:
        annotations["case_id"] = Annotated[
            str | None, typer.Option("--id", help="Id of the new case; else one is made up.")
        ]
    annotations |= {"key": KeyOption, "officer": OfficerOption}
    if act.needs_head:
        annotations["head"] = HeadOption
    if act.decided:
        annotations["is_waiting"] = WaitOption
    annotations |= {"command_id": CommandOption, "as_json": JsonOption}

    def run(**given: Any) -> None:
        _take(act, given)

    required = {"about", "system"}
    usual = {"is_waiting": False, "as_json": False}
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation,
                default=inspect.Parameter.empty if name in required else usual.get(name),
            )
            for name, annotation in annotations.items()
        ]
    )  # fmt: skip
    run.__annotations__ = annotations
    return run


def _take(act: Act, given: dict[str, Any]) -> None:
    about, as_json = given["about"], given["as_json"]
    body = {name: field.read(given) for name, field in act.fields.items()}
    body = {name: value for name, value in body.items() if value not in (None, [], "")}
    if act.is_file:
        about, body["document"] = read_document(about)
    with acting(given["system"], given["key"], given["officer"]) as desk:
        case = _case_of(act, given.get("case_id"), str(about))
        if act.fills:
            body[act.fills] = about
        if act.complete:
            body = act.complete(desk, str(about), body)
        answer = desk.file(
            act.kind, case, act.verb, body, read_officer(given.get("head")),
            command_id=given["command_id"],
        )  # fmt: skip
        if not given.get("is_waiting") or answer.outcome == "refused":
            show_answer(answer, as_json)
            return
        _wait(desk, act, answer.case)
        show_case(desk.history(act.kind, answer.case), as_json)


def _wait(desk: Desk, act: Act, case: str) -> None:
    def is_decided() -> bool:
        seen = desk.known(act.kind, case)
        return seen is not None and act.decided is not None and act.decided(seen.case)

    desk.wait_until(is_decided)


def _case_of(act: Act, given: str | None, about: str) -> str:
    if given or act.is_file or not act.is_new:
        return given or about
    return new_case_id(act.kind)


def known_case(desk: Desk, kind: str, case: str) -> Case:
    """The case as the agency sees it.

    :raises InvalidInput: it was told of no such case.
    """
    found = desk.latest(kind, case)
    if found is None:
        known = sorted(
            version.case.id for version in desk.cases() if version.case.case_kind == kind
        )
        raise InvalidInput(
            f"{desk.agency} knows no {kind} of this id", found=case,
            expected=", ".join(known[-10:]) or f"a {kind}: there is none",
        )  # fmt: skip
    return found.case
