"""What every command prints with: results on stdout, everything about them on stderr."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sharebus import SharebusError

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

_WIDTH_ELSEWHERE: Final = 300
_stderr: Final = Console(stderr=True, highlight=False, markup=False)


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout; nothing in it is taken for markup."""
    table = Table(title=Text(title), title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    # Into a file or a pipe there is no width to keep to.
    width = None if sys.stdout.isatty() else _WIDTH_ELSEWHERE
    Console(highlight=False, width=width).print(table)


def print_note(text: str) -> None:
    """A remark about what was done, on stderr, so that stdout stays what was asked for."""
    _stderr.print(text, soft_wrap=True)


def print_error(error: SharebusError) -> None:
    """What is wrong, where, what was expected and found, and how to go on; on stderr."""
    first, _, rest = str(error).partition("\n")
    _stderr.print(Text("error: ", style="bold red") + Text(first), soft_wrap=True)
    if rest:
        _stderr.print(rest, soft_wrap=True)
