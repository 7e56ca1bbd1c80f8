"""``sharebus case``: any case and any move, for what has no command of its own."""

from collections.abc import Callable, Iterable
from typing import Annotated

import typer

from sharebus import InvalidInput
from sharebus.cli.act_fields import read_setting
from sharebus.cli.acts import Act, add_acts, known_case
from sharebus.cli.case_view import is_closed, show_case, show_cases, word_of
from sharebus.cli.desk import (
    AsOption,
    CommandOption,
    HeadOption,
    KeyOption,
    OfficerOption,
    acting,
    looking,
    read_officer,
    show_answer,
)
from sharebus.cli.output import JsonOption
from sharebus.governance.lifecycle import CLOCK
from sharebus.governance.lifecycles import LIFECYCLES

_Kind = Annotated[str, typer.Argument(help="Kind of case, as request.", metavar="KIND")]
_Case = Annotated[str, typer.Argument(help="Id of the case.", metavar="CASE")]
_All = Annotated[bool, typer.Option("--all", help="Also those that are closed.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    group = typer.Typer(no_args_is_help=True, help="Any case, and any move of its lifecycle.")
    group.command(
        "file",
        epilog="Example:  sharebus case file permission ask p-1 --as nb-tax.levy "
        "--set entry=divisions-a --set use=publish --set purpose=公示",
    )(_file)
    group.command("show", epilog="Example:  sharebus case show request r-1 --as nb-tax.levy")(_show)
    group.command("list", epilog="Example:  sharebus case list --as nb-tax.levy")(_list)
    app.add_typer(group, name="case")


def add_noun(
    app: typer.Typer, kind: str, meaning: str, system: str, acts: tuple[Act, ...]
) -> typer.Typer:
    """Add the group of a kind of case: ``list``, ``show``, and a command for each act."""
    group = typer.Typer(no_args_is_help=True, help=meaning)
    add_looks(group, kind, kind, system)
    add_acts(group, acts)
    app.add_typer(group, name=kind)
    return group


def add_looks(group: typer.Typer, kind: str, noun: str, system: str) -> None:
    """Add ``list`` and ``show`` of one kind of case to its group; ``noun`` is what it is called."""
    group.command(
        "list", help=f"List the {kind} cases that the agency was told of.",
        epilog=f"Example:  sharebus {noun} list --as {system}",
    )(_list_of(kind))  # fmt: skip
    group.command(
        "show", help="Show one with its whole history, the articles and the clocks.",
        epilog=f"Example:  sharebus {noun} show CASE --as {system}",
    )(_show_of(kind))  # fmt: skip


def _list_of(kind: str) -> Callable[..., None]:
    def listing(system: AsOption, is_all: _All = False, as_json: JsonOption = False) -> None:
        _print_list(kind, system, is_all, as_json)

    return listing


def _show_of(kind: str) -> Callable[..., None]:
    def showing(case: _Case, system: AsOption, as_json: JsonOption = False) -> None:
        _print_case(kind, case, system, as_json)

    return showing


def _list(system: AsOption, is_all: _All = False, as_json: JsonOption = False) -> None:
    """List the cases that the agency was told of."""
    _print_list(None, system, is_all, as_json)


def _show(kind: _Kind, case: _Case, system: AsOption, as_json: JsonOption = False) -> None:
    """Show one case with its whole history, the articles and the clocks."""
    _check_kind(kind)
    _print_case(kind, case, system, as_json)


def _file(
    kind: _Kind,
    verb: Annotated[
        str, typer.Argument(help="The move, as in docs/lifecycles.md.", metavar="VERB")
    ],
    case: _Case,
    system: AsOption,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A field; JSON or text; may be repeated."),
    ] = None,
    key: KeyOption = None,
    officer: OfficerOption = None,
    head: HeadOption = None,
    command_id: CommandOption = None,
    as_json: JsonOption = False,
) -> None:
    """File a command about a case, whatever its kind."""
    body = dict(read_setting(setting) for setting in settings or [])
    verb = verb.replace("-", "_")
    _check_words(kind, verb, case, body)
    with acting(system, key, officer) as desk:
        answer = desk.file(kind, case, verb, body, read_officer(head), command_id=command_id)
    show_answer(answer, as_json)


def _check_kind(kind: str) -> None:
    if kind not in LIFECYCLES:
        raise InvalidInput(
            "there is no such kind of case",
            where="KIND",
            expected=", ".join(LIFECYCLES),
            found=kind,
        )


def _check_words(kind: str, verb: str, case: str, fields: Iterable[str]) -> None:
    """What no case of the kind could take, whatever its state: said before anything is signed.

    :raises InvalidInput: a word is none of its kind; it says which there are.
    """
    _check_kind(kind)
    moves = [move for move in LIFECYCLES[kind].moves if CLOCK not in move.actors]
    taken = [move for move in moves if move.verb == verb]
    if not taken:
        is_swapped = case.replace("-", "_") in {move.verb for move in moves}
        raise InvalidInput(
            f"{word_of(verb)} is no move of a {kind}", where="VERB", found=word_of(verb),
            expected=", ".join(dict.fromkeys(word_of(move.verb) for move in moves)),
            remedy="the order is KIND VERB CASE" if is_swapped else "see docs/lifecycles.md",
        )  # fmt: skip
    known = dict.fromkeys(name for move in taken for name in (*move.needs, *move.may))
    unknown = [name for name in fields if name not in known]
    if unknown:
        raise InvalidInput(
            f"{word_of(verb)} fills no such field", where="--set", found=", ".join(unknown),
            expected=", ".join(known) or "no field at all",
        )  # fmt: skip
    missing = [name for name in known if all(name in move.needs for move in taken)
               and name not in fields]  # fmt: skip
    if missing:
        raise InvalidInput(
            f"{word_of(verb)} lacks what {taken[0].basis} asks for", where="--set",
            expected=", ".join(f"{name}=…" for name in missing), found="nothing of it",
        )  # fmt: skip


def _print_list(kind: str | None, system: str, is_all: bool, as_json: bool) -> None:
    with looking(system) as desk:
        found = [
            version
            for version in desk.cases()
            if kind in (None, version.case.case_kind) and (is_all or not is_closed(version.case))
        ]
        show_cases(f"{kind or 'all'} cases of {desk.agency}", found, as_json)


def _print_case(kind: str, case: str, system: str, as_json: bool) -> None:
    with looking(system) as desk:
        known_case(desk, kind, case)
        show_case(desk.history(kind, case), as_json)
