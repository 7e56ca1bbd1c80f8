"""What whoever audits has pinned, and options that the commands of the audit share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from sharebus import InvalidInput
from sharebus.cli.output import progress_bar
from sharebus.consumers.oversight.topic_walk import OnProgress
from sharebus.infra.log_policy import read_policy
from sharebus.infra.settings import Settings
from sharebus.ledger.keys import NoteKey
from sharebus.ledger.policy import Log, Policy

KeyOption = Annotated[
    str | None,
    typer.Option("--key", help="The log's verifier key, as `audit key` prints it.", metavar="VKEY"),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", help="Policy file: the log's key, witnesses, quorum.", metavar="FILE"),
]
FilesOption = Annotated[
    str | None,
    typer.Option("--files", help="The log's files: a directory or a URL.", metavar="DIR|URL"),
]
SinceOption = Annotated[
    str, typer.Option("--from", help="First day or instant, ISO 8601.", metavar="TIME")
]
UntilOption = Annotated[
    str, typer.Option("--until", help="Last day or instant, included.", metavar="TIME")
]
IndexOption = Annotated[
    Path | None, typer.Option("--index", help="The index; built again when it is not there.")
]
PrincipalOption = Annotated[
    str, typer.Option("--as", help="Principal that reads the topics.", metavar="PRINCIPAL")
]


def pinned_policy(settings: Settings, key: str | None, path: Path | None) -> Policy:
    """What the caller pins; nothing of it comes from the log.

    :raises InvalidInput: nothing is pinned, or the file is no policy.
    """
    if key is not None:
        return Policy(logs=[Log(NoteKey.from_vkey(key), b"")])
    chosen = path or settings.ledger_policy
    if chosen is None:
        raise InvalidInput(
            "A log proves nothing to somebody who has not pinned its key.",
            expected="--key VKEY, --policy FILE, or the setting ledger_policy",
            remedy="`sharebus audit key`, where the notary runs, prints the key: ask for it there.",
        )
    policy = read_policy(chosen)
    if not policy.logs:
        raise InvalidInput("The policy names no log.", where=str(chosen), expected="log VKEY")
    return policy


@contextmanager
def read_progress(what: str) -> Iterator[OnProgress]:
    """Progress on stderr while it is a terminal."""
    with progress_bar() as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, end: progress.update(task, completed=done, total=end)
