"""``sharebus status``: what runs on this data directory."""

import time

import typer

from sharebus import EXIT_UNAVAILABLE
from sharebus.cli.output import JsonOption, print_json, print_line, print_table
from sharebus.infra.settings import load_settings
from sharebus.infra.supervision import Status, read_status


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("status", epilog="Example:  sharebus status --json")(_status)


def _status(as_json: JsonOption = False) -> None:
    """Show each part of the running system: state, since when, restarts, address.

    Exit code 0 when everything runs, 5 when something does not.
    """
    settings = load_settings()
    status = read_status(settings)
    if as_json:
        print_json({**status.model_dump(), "ready": status.ready})
    else:
        _print(status, str(settings.data_dir))
    if not status.ready:
        raise typer.Exit(EXIT_UNAVAILABLE)


def _print(status: Status, data_dir: str) -> None:
    if not status.alive:
        print_line(f"sharebus is not running on {data_dir}; start it with 'sharebus up'")
        return
    now_ms = time.time_ns() // 1_000_000
    print_table(
        f"sharebus on {data_dir}",
        ["part", "state", "for", "restarts", "address", "last word"],
        [
            (
                part.name, part.state, f"{max(0, now_ms - part.since_ms) // 1000} s",
                part.restarts, part.address,
                # Of a part that runs again it is old news; --json has it.
                "" if part.state == "running" else _last_line(part.message),
            )
            for part in status.parts
        ],
    )  # fmt: skip


def _last_line(message: str) -> str:
    return "".join(message.strip().splitlines()[-1:])
