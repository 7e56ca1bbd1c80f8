"""``sharebus broker``: where the broker differs from the facts, and putting that right."""

import time
from typing import Annotated

import typer

from sharebus import InvalidInput
from sharebus.cli.catalog import plan_steps
from sharebus.cli.output import JsonOption, print_json, print_line, print_note
from sharebus.infra.settings import load_settings
from sharebus.stream_apps.enforcer.apply import Applied
from sharebus.stream_apps.enforcer.by_hand import (
    Difference,
    apply_by_hand,
    loss_of,
    plan_by_hand,
)
from sharebus.stream_apps.enforcer.plan import FactChanges


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    group = typer.Typer(no_args_is_help=True, help="The broker against the facts.")
    group.command("plan", epilog="Example:  sharebus broker plan --json")(_plan)
    group.command("apply", epilog="Example:  sharebus broker apply --yes-remove 1200")(_apply)
    app.add_typer(group, name="broker")


def _plan(is_json: JsonOption = False) -> None:
    """Print what differs from the facts in force; do nothing.

    A view that no grant asks for is named with the day on which it is deleted.
    """
    _tell(plan_by_hand(load_settings()), is_json)


def _apply(
    yes_remove: Annotated[
        int | None,
        typer.Option("--yes-remove", min=0, help="So many rights may be taken away, at most."),
    ] = None,
    remade: Annotated[
        list[str] | None,
        typer.Option("--remake", metavar="TOPIC", help="Make a lost topic anew, empty."),
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Make the broker match the facts in force.

    What only a person may change is told, and ends with exit code 3 when all else is done: a lost
    topic (restore it, or --remake it: what it held is gone), another number of partitions.
    """
    for topic in remade or ():
        print_note(f"{topic} is made anew. Lost with it: {loss_of(topic)}.")
    difference = apply_by_hand(
        load_settings(), rights_removed_max=yes_remove, remade=tuple(remade or ())
    )
    _tell(difference, is_json)
    for conflict in difference.plan.conflicts:
        raise InvalidInput(conflict.problem, **conflict.details)


def _tell(difference: Difference, is_json: bool) -> None:
    nothing = FactChanges((), ())
    now_ms = time.time_ns() // 1_000_000
    due = [view for view in difference.unused if view.due_ms <= now_ms]
    steps = plan_steps(Applied(difference.plan, nothing, difference.version))
    steps["delete_view"] = list(map(str, due))
    steps["for_a_person"] = [
        f"{conflict.topic}: {conflict.problem}" for conflict in difference.plan.conflicts
    ]
    waiting = [str(view) for view in difference.unused if view not in due]
    if is_json:
        print_json({"policy_version": difference.version, **steps, "view_without_a_grant": waiting})
        return
    for name, lines in {**steps, "view_without_a_grant": waiting}.items():
        for line in lines:
            print_line(f"{name.replace('_', ' '):16} {line}")
    if not any(steps.values()):
        print_note(f"The broker matches policy version {difference.version}.")
