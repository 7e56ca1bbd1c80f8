"""README: what it says of settings, exit codes, commands and folders is so."""

import re
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

import sharebus
from sharebus.cli.main import app
from sharebus.consumers.oversight.alarm import ALARMS
from sharebus.infra.settings import Settings
from sharebus.stream_apps import stopped

from . import pages

ROOMS = sorted(
    path.name for path in (pages.PROJECT / "src" / "sharebus").iterdir() if path.is_symlink()
)


def default_text(name: str) -> str:
    value = Settings.model_fields[name].default
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def test_settings_table_has_every_setting_with_its_default_in_order() -> None:
    rows = pages.table(
        pages.section(pages.README, "### Settings"), "setting", "unless told", "meaning"
    )
    documented = [(pages.code(name), pages.code(default)) for name, default, _ in rows]
    assert documented == [(name, default_text(name)) for name in Settings.model_fields]
    assert [name for name, _, meaning in rows if not meaning] == []


def test_exit_codes_are_those_of_the_program() -> None:
    rows = pages.table(pages.section(pages.README, "### Exit codes"), "code", "meaning")
    errors = [getattr(sharebus, name) for name in sharebus.__all__ if hasattr(sharebus, name)]
    raised = {error.exit_code for error in errors}
    gate = {stopped.EXIT_RESTART, stopped.EXIT_NEEDS_PERSON}
    alarms = {alarm.exit_code for alarm in ALARMS}
    documented = [code for cell, _ in rows for code in codes_of(cell)]
    assert sorted(documented) == sorted({0, 1, 2, 130} | raised | gate | alarms)


def codes_of(cell: str) -> range:
    first, _, last = cell.partition("–")
    return range(int(first), int(last or first) + 1)


@pytest.mark.parametrize("page", pages.all_pages(), ids=lambda page: page.name)
def test_make_targets_that_pages_name_exist(page: Path) -> None:
    makefile = (pages.PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    named = re.findall(r"(?:^\$ |`)make ([a-z-]+)[`$\n]", pages.text_of(page), flags=re.MULTILINE)
    assert set(named) <= targets


def test_commands_table_has_every_command() -> None:
    rows = pages.table(
        pages.section(pages.README, "## Running it for real"), "command", "what it does"
    )
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    assert {pages.code(cell).split()[1] for cell, _ in rows} == set(root.commands)


def test_folder_table_has_every_room() -> None:
    rows = pages.table(pages.text_of(pages.README), "folder", "what lives there")
    folders = [name for cell, _ in rows for name in pages.codes(cell)]
    assert [name for name in folders if not (pages.PROJECT / name).is_dir()] == []
    assert {f"{room}/" for room in ROOMS} <= set(folders)


def test_demo_is_shown_without_the_number_that_differs_from_run_to_run() -> None:
    [line] = re.findall(
        r"^audit \(监察\): (.*) records; lines: ", pages.text_of(pages.README), re.M
    )
    assert line == "…"


def test_first_screen_leads_to_every_page() -> None:
    named = set(re.findall(r"\]\(docs/([\w./-]+)\)", pages.text_of(pages.README)))
    wanted = {path.name for path in pages.DOCS.glob("*.md")} | {"decisions/"}
    assert wanted <= named
