"""``sharebus status``: what runs on this data directory."""

import json
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sharebus import EXIT_UNAVAILABLE
from sharebus.infra.settings import load_settings
from sharebus.infra.supervision import Status, read_status


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("status", epilog="Example:  sharebus status --json")(_status)


def _status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show each part of the running system: state, since when, restarts, address.

    Exit code 0 when everything runs, 5 when something does not.
    """
    settings = load_settings()
    status = read_status(settings)
    if as_json:
        typer.echo(json.dumps({**status.model_dump(), "ready": status.ready}, indent=1))
    else:
        _print(status, str(settings.data_dir))
    if not status.ready:
        raise typer.Exit(EXIT_UNAVAILABLE)


def _print(status: Status, data_dir: str) -> None:
    console = Console()
    if not status.alive:
        console.print(f"sharebus is not running on {data_dir}; start it with 'sharebus up'")
        return
    table = Table(title=f"sharebus on {data_dir}", title_justify="left")
    for column in ("part", "state", "for", "restarts", "address", "last word"):
        table.add_column(column)
    now_ms = time.time_ns() // 1_000_000
    for part in status.parts:
        words = part.message.strip().splitlines()
        table.add_row(
            part.name,
            part.state,
            f"{max(0, now_ms - part.since_ms) // 1000} s",
            str(part.restarts),
            part.address,
            words[-1] if words else "",
        )
    console.print(table)
