"""``sharebus inbox``: what waits for an agency, until when, by which article."""

import typer

from sharebus.cli.case_view import show_tasks
from sharebus.cli.desk import AsOption, looking
from sharebus.cli.output import JsonOption


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("inbox", epilog="Example:  sharebus inbox --as nb-market-regulation.registration")(
        _inbox
    )


def _inbox(system: AsOption, as_json: JsonOption = False) -> None:
    """Show the cases that wait for the agency; what is due first stands first."""
    with looking(system) as desk:
        show_tasks(desk.agency, desk.inbox(), as_json)
