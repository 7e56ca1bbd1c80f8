"""What every command prints with: results on stdout, everything about them on stderr.

Nothing reaches the terminal but through here. Much of what is printed was written by somebody
else, another agency even, and a terminal obeys control characters: they are shown, not sent.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Annotated, Any, Final, Self

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from sharebus import SharebusError

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

_WIDTH_ELSEWHERE: Final = 300
_BUFFER_BYTES: Final = 1 << 20
_SHORT: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
# Controls of ASCII and of Latin-1, ends of lines and paragraphs, embeddings, overrides and isolates
# of the direction of writing, and halves of characters, which cannot be written.
_UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_stderr: Final = Console(stderr=True, highlight=False, markup=False)


def visible(text: str) -> str:
    r"""One line of text, what a terminal would obey or not show written as JSON does (``\u001b``).

    JSON stays the same document; letters, marks and digits of every script stay as they are.
    """
    return _UNSEEN.sub(lambda found: _SHORT.get(found[0], f"\\u{ord(found[0]):04x}"), text)


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    print_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def print_line(text: object, *, mark: str = "", colour: str = "") -> None:
    """One line on stdout, behind a mark in a colour."""
    typer.echo((typer.style(f"{mark} ", fg=colour) if mark else "") + visible(str(text)))


def print_text(text: str) -> None:
    """A text of our own making on stdout, which keeps its lines."""
    typer.echo(_visible_lines(text), nl=False)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout; nothing in it is taken for markup."""
    table = Table(title=Text(visible(title)), title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(Text(visible(column)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(str(cell))) for cell in row))
    # Into a file or a pipe there is no width to keep to.
    width = None if sys.stdout.isatty() else _WIDTH_ELSEWHERE
    Console(highlight=False, width=width).print(table)


def print_note(*lines: str) -> None:
    """A remark about what was done, on stderr, so that stdout stays what was asked for."""
    for line in lines:
        _stderr.print(visible(line), soft_wrap=True)


def print_state(part: str, state: str, style: str, text: str = "") -> None:
    """How a part of the bus is, its state in a style, on stderr."""
    shown = (f"{visible(part):<10} ", (f"{visible(state):<10}", style), f" {visible(text)}")
    _stderr.print(Text.assemble(*shown), soft_wrap=True)


def print_error(error: SharebusError) -> None:
    """What is wrong, where, what was expected and found, and how to go on; on stderr."""
    first, _, rest = _visible_lines(str(error)).partition("\n")
    _stderr.print(Text("error: ", style="bold red") + Text(first), soft_wrap=True)
    if rest:
        _stderr.print(rest, soft_wrap=True)


def progress_bar() -> Progress:
    """A bar on stderr that goes away in the end; none where stderr is no terminal."""
    return Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), TimeRemainingColumn(), console=_stderr, transient=True,
        disable=not _stderr.is_terminal,
    )  # fmt: skip


class JsonLines:
    """JSON Lines on stdout; a line goes out whole, and by :meth:`flush` at the latest."""

    def __enter__(self) -> Self:
        # A buffer of its own, since Python can be told to have none.
        self._file = open(sys.stdout.fileno(), "wb", _BUFFER_BYTES, closefd=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._file.close()

    def write(self, line: str) -> None:
        """One JSON text, without its end of line."""
        self._file.write(f"{visible(line)}\n".encode())

    def flush(self) -> None:
        """Everything written so far goes out."""
        self._file.flush()


def silence_stdout() -> None:
    """The reader of our output went away: nothing is left to say, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _visible_lines(text: str) -> str:
    return "\n".join(visible(line) for line in text.split("\n"))
