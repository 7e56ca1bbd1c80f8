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


HEADINGS = re.findall(r"^## (sharebus .*)$", pages.text_of(PAGE), flags=re.MULTILINE)
COMMON = {
    option
    for cell, _ in pages.table(pages.section(PAGE, "## Acting for an agency"), "option", "meaning")
    for option in pages.codes(cell)
}


def heading_of(name: str) -> str:
    """The section that a command has for itself, or shares with its group."""
    return name if name in HEADINGS else name.rpartition(" ")[0]


def documented_options(name: str, command: TyperCommand) -> list[str]:
    section = pages.section(PAGE, f"## {heading_of(name)}")
    if name in HEADINGS:
        rows = pages.table(section, "option", "meaning")
        return [option for cell, _ in rows for option in pages.codes(cell)]
    rows = pages.table(section, "command", "options of its own", "meaning")
    (own,) = [pages.codes(options) for word, options, _ in rows if pages.code(word) == name]
    assert not COMMON & set(own)
    return [*own, *(COMMON & set(option_names(command)))]


def test_page_has_a_section_or_a_row_for_each_command_and_no_other() -> None:
    assert {heading_of(name) for name in command_tree()} == set(HEADINGS)
    for heading in {heading_of(name) for name in command_tree() if name not in HEADINGS}:
        rows = pages.table(
            pages.section(PAGE, f"## {heading}"), "command", "options of its own", "meaning"
        )
        tabled = [name for name in command_tree() if heading_of(name) == heading]
        assert sorted(pages.code(word) for word, *_ in rows) == sorted(tabled)


@pytest.mark.parametrize(("name", "command"), ALL)
def test_section_names_each_option_once_and_no_other(name: str, command: TyperCommand) -> None:
    assert sorted(documented_options(name, command)) == sorted(option_names(command))


@pytest.mark.parametrize("heading", HEADINGS)
def test_section_begins_with_an_example_of_the_command(heading: str) -> None:
    example = next(
        line
        for line in pages.section(PAGE, f"## {heading}").splitlines()
        if line.startswith("    ")
    )
    (name, command), *_ = [
        (name, command) for name, command in command_tree().items() if f"{name} " in f"{example} "
    ]
    assert heading_of(name) == heading
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
