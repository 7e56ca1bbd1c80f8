"""docs/commands.md against the command line; and every command's help against good manners."""

import re
from collections.abc import Iterator

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup, TyperOption

from sharebus.cli.main import app

from . import pages

PAGE = pages.DOCS / "commands.md"


def commands(group: TyperGroup, name: str = "sharebus") -> Iterator[tuple[str, TyperCommand]]:
    for word, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


def command_tree() -> dict[str, TyperCommand]:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    return dict(commands(root))


ALL = [pytest.param(name, command, id=name) for name, command in command_tree().items()]


def option_names(command: TyperCommand) -> list[str]:
    return [
        name
        for parameter in command.params
        if isinstance(parameter, TyperOption) and parameter.name != "help"
        for name in (*parameter.opts, *parameter.secondary_opts)
    ]


def test_page_has_a_section_for_each_command_and_no_other() -> None:
    headings = re.findall(r"^## (.*)$", pages.text_of(PAGE), flags=re.MULTILINE)
    assert sorted(headings) == sorted(command_tree())


@pytest.mark.parametrize(("name", "command"), ALL)
def test_section_names_each_option_once_and_no_other(name: str, command: TyperCommand) -> None:
    rows = pages.table(pages.section(PAGE, f"## {name}"), "option", "meaning")
    documented = [option for cell, _ in rows for option in pages.codes(cell)]
    assert sorted(documented) == sorted(option_names(command))


@pytest.mark.parametrize(("name", "command"), ALL)
def test_section_begins_with_an_example_of_the_command(name: str, command: TyperCommand) -> None:
    example = next(
        line for line in pages.section(PAGE, f"## {name}").splitlines() if line.startswith("    ")
    )
    assert name in example
    used = re.findall(r"--[a-z-]+", example)
    assert set(used) <= set(option_names(command))


@pytest.mark.parametrize(("name", "command"), ALL)
def test_help_says_what_the_command_does_and_gives_an_example(
    name: str, command: TyperCommand
) -> None:
    assert command.help, f"{name}: give its function a docstring"
    example = command.epilog or ""
    assert f"{name} " in f"{example} ", (
        f'{name}: give an example: app.command("…", epilog="Example:  {name} …")'
    )


@pytest.mark.parametrize(("name", "command"), ALL)
def test_help_explains_every_option(name: str, command: TyperCommand) -> None:
    options = [parameter for parameter in command.params if isinstance(parameter, TyperOption)]
    assert [option.name for option in options if not option.help] == []
