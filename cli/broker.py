"""``sharebus broker``: where the broker differs from the facts, and putting that right."""

from typing import Annotated

import typer

from sharebus.cli.catalog import plan_steps
from sharebus.cli.output import JsonOption, print_json, print_note
from sharebus.infra.settings import load_settings
from sharebus.stream_apps.enforcer.apply import Applied, apply_catalog


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    group = typer.Typer(no_args_is_help=True, help="The broker against the facts.")
    group.command("plan", epilog="Example:  sharebus broker plan --json")(_plan)
    group.command("apply", epilog="Example:  sharebus broker apply --yes-remove 1200")(_apply)
    app.add_typer(group, name="broker")


def _plan(is_json: JsonOption = False) -> None:
    """Print what differs from the facts in force; do nothing."""
    _tell(apply_catalog(load_settings(), is_dry_run=True), is_json)


def _apply(
    yes_remove: Annotated[
        int | None,
        typer.Option("--yes-remove", min=0, help="So many rights may be taken away, at most."),
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Make the broker match the facts in force.

    Data is never deleted. A lost topic or another number of partitions is refused: a person must
    look (exit code 3).
    """
    applied = apply_catalog(load_settings(), rights_removed_max=yes_remove, is_by_hand=True)
    _tell(applied, is_json)


def _tell(applied: Applied, is_json: bool) -> None:
    steps = plan_steps(applied)
    steps["for_a_person"] = [
        f"{conflict.topic}: {conflict.problem}" for conflict in applied.plan.conflicts
    ]
    if is_json:
        print_json({"policy_version": applied.version, **steps})
        return
    for name, lines in steps.items():
        for line in lines:
            typer.echo(f"{name.replace('_', ' '):16} {line}")
    if not any(steps.values()):
        print_note(f"The broker matches policy version {applied.version}.")
