"""``sharebus audit prove`` and ``check``: one decision, shown to somebody else."""

import time
from pathlib import Path
from typing import Annotated

import typer

from sharebus import InvalidInput
from sharebus.cli.audit_export import described
from sharebus.cli.audit_pins import (
    FilesOption,
    KeyOption,
    PolicyOption,
    pinned_policy,
    read_progress,
)
from sharebus.cli.audit_text import lines_table, shown_batch
from sharebus.cli.output import JsonOption, print_json, print_line, print_note, print_table
from sharebus.consumers.oversight.archive_check import check_archive
from sharebus.consumers.oversight.evidence import (
    Wanted,
    check,
    find_decision,
    prove,
)
from sharebus.consumers.oversight.log_files import open_log, public_checkpoint
from sharebus.infra.audit_key import audit_digest, digest_under
from sharebus.infra.settings import Settings, load_settings
from sharebus.infra.tile_directory import ledger_directory
from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.policy import CLOCK_SECONDS_FORGIVEN, Policy
from sharebus.schemas.topic import ingress_topic


def register(group: typer.Typer) -> None:
    """Add the commands to the group."""
    group.command(
        "prove",
        epilog="Example:  sharebus audit prove legal-persons 0/17 --out decision.tlog-proof",
    )(_prove)
    group.command(
        "check",
        epilog="Example:  sharebus audit check decision.tlog-proof --policy audit.policy",
    )(_check)


def _prove(
    source: Annotated[
        str, typer.Argument(help="Catalog entry, or source topic.", metavar="SOURCE")
    ],
    position: Annotated[
        str | None, typer.Argument(help="Of the event: PARTITION/OFFSET.", metavar="POSITION")
    ] = None,
    event: Annotated[
        str | None,
        typer.Option("--event", help="By its event id, with the audit key.", metavar="ID"),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="The proof file.", metavar="FILE")] = Path(
        "decision.tlog-proof"
    ),
    leaf_file: Annotated[
        Path | None,
        typer.Option("--leaf", help="The leaf by itself too, for other tools.", metavar="FILE"),
    ] = None,
    files: FilesOption = None,
) -> None:
    """Write a proof that a decision is in the log, for somebody who trusts the log's key alone.

    The file holds the whole audit record that the decision stands in, up to 256 decisions: of the
    others too it shows pseudonyms, keyed digests, times, rules and topics.
    """
    settings = load_settings()
    log = open_log(files or str(ledger_directory(settings)))
    wanted = _wanted(settings, source, position, event)
    note = public_checkpoint(log)
    with read_progress("leaves") as on_progress:
        leaf = find_decision(log, Checkpoint.parse(note.text).size, wanted, on_progress)
    out.write_bytes(prove(log, note, leaf).encode())
    if leaf_file is not None:
        leaf_file.write_bytes(leaf.encoded)
    print_note(f"{out}: leaf {leaf.number}, {len(leaf.batch['lines'])} decisions in its record")


def _check(
    file: Annotated[
        Path, typer.Argument(help="The proof file, or an archive.", metavar="FILE|DIR")
    ],
    key: KeyOption = None,
    policy: PolicyOption = None,
    offset: Annotated[
        int | None, typer.Option("--offset", min=0, help="Show the decision on this offset alone.")
    ] = None,
    audit_key: Annotated[
        Path | None,
        typer.Option(
            "--audit-key", help="Hold an archive's commands against the audit.", metavar="FILE"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a proof file or an archive offline, and show what it proves.

    Exit codes: 3 neither of them, 4 the policy does not accept its checkpoint, 7 not proved.
    """
    trusted = pinned_policy(load_settings(), key, policy)
    if file.is_dir():
        _check_archive(file, trusted, audit_key, as_json)
        return
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InvalidInput(
            "The proof file cannot be read.", where=str(file), found=error.strerror or str(error)
        ) from error
    checked = check(data, trusted, int(time.time()) + CLOCK_SECONDS_FORGIVEN)
    lines = [
        line for line in checked.leaf.batch["lines"] if offset is None or line["offset"] == offset
    ]
    if not lines:
        raise InvalidInput("the record says nothing of this offset", found=str(offset))
    document = shown_batch(checked, lines)
    if as_json:
        print_json(document)
        return
    print_table(
        "proved", ["", ""], [(k, v) for k, v in document.items() if not isinstance(v, list)]
    )
    print_table("decisions", *lines_table(document["lines"]))


def _check_archive(directory: Path, trusted: Policy, key: Path | None, as_json: bool) -> None:
    digest = digest_under(key) if key is not None else None
    latest_seconds = int(time.time()) + CLOCK_SECONDS_FORGIVEN
    checked = check_archive(directory, trusted, latest_seconds, digest)
    if as_json:
        checkpoint = checked.witnessed.checkpoint
        print_json({
            **checked.about, "log": checkpoint.origin, "root": checkpoint.root.hex(),
            "records": checked.leaves, "commands": checked.commands,
        })  # fmt: skip
        return
    print_line(f"the archive is whole: {described(checked)}")


def _wanted(settings: Settings, source: str, position: str | None, event: str | None) -> Wanted:
    if (position is None) == (event is None):
        raise InvalidInput("a decision is named by POSITION or by --event, not by both")
    topic = source if "." in source else ingress_topic(source)  # no entry has a dot
    if event is not None:
        return Wanted(topic, event=audit_digest(settings).event(event.encode()))
    partition, slash, offset = str(position).partition("/")
    if not slash or not partition.isdecimal() or not offset.isdecimal():
        raise InvalidInput("not a position", expected="PARTITION/OFFSET", found=str(position))
    return Wanted(topic, int(partition), int(offset))
