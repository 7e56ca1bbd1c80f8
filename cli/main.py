"""``sharebus``: the command line. A user's mistake ends in a message, never in a traceback."""

import importlib.metadata
import sys
from typing import Annotated

import typer

from sharebus import SharebusError
from sharebus.cli import (
    agency,
    agreement,
    audit,
    broker,
    case,
    catalog,
    credentials,
    demand,
    demo,
    dispute,
    emergency,
    grant,
    inbox,
    keys,
    publish,
    quarantine,
    release,
    request,
    status,
    subscribe,
    up,
    usage,
    witness,
)
from sharebus.cli.output import print_error, print_line, silence_stdout

app = typer.Typer(
    name="sharebus",
    help="The data-sharing bus of government agencies: publish, subscribe, govern.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _command in (
    up, status, demo, catalog, broker, credentials, publish, quarantine, subscribe, keys, inbox,
    request, agreement, grant, agency, dispute, demand, emergency, usage, case, release,
    audit, witness,
):  # fmt: skip
    _command.register(app)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print_line(f"sharebus {importlib.metadata.version('sharebus')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; the exit code tells the kind of error (see `SharebusError`)."""
    try:
        app()
    except SharebusError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        silence_stdout()  # as `| head` does it
        sys.exit(1)
