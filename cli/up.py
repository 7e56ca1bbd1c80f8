"""``sharebus up``: broker, registry and apps under one supervisor, until Ctrl-C."""

from typing import Annotated, Final

import typer

from sharebus.cli.apps import platform_apps
from sharebus.cli.output import print_note, print_state
from sharebus.infra.settings import Settings, load_settings
from sharebus.infra.supervision import PartStatus
from sharebus.infra.supervisor import run_until_stopped
from sharebus.stream_apps.enforcer.apply import apply_catalog

_NOT_WELL: Final = ("failed", "failing", "restarting")
_STYLES: Final = {
    "running": "green",
    "failed": "bold red",
    "failing": "red",
    "restarting": "yellow",
    "stopped": "dim",
}


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("up", epilog="Example:  SHAREBUS_DATA_DIR=/srv/sharebus sharebus up")(_up)


def _up(
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing while all is well.")] = False,
) -> None:
    """Start broker, registry and all apps; stop them cleanly with Ctrl-C.

    Data is kept in one directory (SHAREBUS_DATA_DIR) from one start to the next. Nothing is bound
    beyond this machine unless SHAREBUS_BIND_HOST says so.
    """
    settings = load_settings()

    def tell(part: PartStatus) -> None:
        if quiet and part.state not in _NOT_WELL:
            return
        style = _STYLES.get(part.state, "default")
        print_state(part.name, part.state, style, part.address)
        if part.message and part.state in _NOT_WELL:
            print_note(*part.message.split("\n"))

    run_until_stopped(
        settings,
        platform_apps(settings),
        tell,
        before_apps=lambda: _provision(settings, quiet),
    )


def _provision(settings: Settings, quiet: bool) -> None:
    applied = apply_catalog(settings)
    if not quiet:
        done = "already as the facts say" if applied.is_empty else "made to match the facts"
        print_state("topics", done, "green")
