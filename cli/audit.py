"""``sharebus audit``: proves that the audit is whole, and what it says."""

import math
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sharebus import InvalidInput, NumbersDisagree
from sharebus.cli import audit_erase, audit_export, audit_proof, audit_received, audit_search
from sharebus.cli.audit_pins import (
    FilesOption,
    KeyOption,
    PolicyOption,
    PrincipalOption,
    pinned_policy,
    read_progress,
)
from sharebus.cli.output import JsonOption, print_error, print_json, print_line, print_table
from sharebus.consumers.oversight.alarm import AuditAlarm
from sharebus.consumers.oversight.books import read_books
from sharebus.consumers.oversight.files_verification import verify_files
from sharebus.consumers.oversight.log_files import LogFiles, open_log
from sharebus.consumers.oversight.reconciliation import reconcile
from sharebus.consumers.oversight.topic_verification import verify_topic
from sharebus.consumers.oversight.trust import (
    UNSIGNED_SECONDS_MAX,
    Trust,
    Verification,
)
from sharebus.consumers.oversight.verified_log import VerifiedLog
from sharebus.infra.audit_key import audit_digest
from sharebus.infra.credentials import client_config, credentials_for, read_private
from sharebus.infra.embedded.secrets import NOTARY_KEY, key_path
from sharebus.infra.settings import Settings, load_settings
from sharebus.infra.tile_directory import ledger_directory
from sharebus.ledger.keys import NoteSigner

_EXAMPLE_VERIFY: Final = "sharebus audit verify --policy audit.policy --full"


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    group = typer.Typer(no_args_is_help=True, help="Prove that the audit is whole.")
    group.command("verify", epilog=f"Example:  {_EXAMPLE_VERIFY}")(_verify)
    audit_proof.register(group)
    audit_search.register(group)
    audit_received.register(group)
    audit_export.register(group)
    audit_erase.register(group)
    group.command(
        "completeness", epilog="Example:  sharebus audit completeness --entry legal-persons"
    )(_completeness)
    group.command("key", epilog="Example:  sharebus audit key")(_key)
    app.add_typer(group, name="audit")


def _verify(
    key: KeyOption = None,
    policy: PolicyOption = None,
    files: FilesOption = None,
    topic: Annotated[
        bool, typer.Option("--topic/--files-only", help="Read the topic, or the files alone.")
    ] = True,
    is_full: Annotated[
        bool, typer.Option("--full", help="From the first record, not where the last run ended.")
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option("--state", help="Where it remembers what it verified.", metavar="FILE"),
    ] = None,
    unsigned_seconds: Annotated[
        float,
        typer.Option("--unsigned-seconds", min=1, help="How long a record may wait unsigned."),
    ] = UNSIGNED_SECONDS_MAX,
    checkpoint_seconds: Annotated[
        float | None,
        typer.Option("--checkpoint-seconds", min=1, help="How old a cosignature may be."),
    ] = None,
    principal: PrincipalOption = "admin",
    as_json: JsonOption = False,
) -> None:
    """Hash the audit again, and hold it against what the log's key and the witnesses signed.

    One line when all is well; else the first record that is wrong, what is wrong with it and since
    when, with an exit code of its own (21 to 30).
    """
    settings = load_settings()
    if not topic and files is None:
        raise InvalidInput("--files-only needs --files", expected="a directory or a URL")
    oldest = math.inf if checkpoint_seconds is None else checkpoint_seconds
    trust = Trust(pinned_policy(settings, key, policy), unsigned_seconds, oldest)
    name = "audit-topic.json" if topic else "audit-files.json"
    path = state or settings.data_dir / "oversight" / name
    held = _held(path, trust)
    try:
        with read_progress("records" if topic else "leaves") as on_progress:
            if topic:
                config = client_config(settings, credentials_for(settings, principal))
                found = verify_topic(
                    config, trust, held, is_full=is_full, files=_log_files(settings, files),
                    on_progress=on_progress,
                )  # fmt: skip
            else:
                found = verify_files(
                    open_log(files or ""), trust, held, is_full=is_full, on_progress=on_progress
                )
    except AuditAlarm as alarm:
        if as_json:
            print_json(_alarm_document(alarm))
        else:
            print_error(alarm)
        raise typer.Exit(alarm.exit_code) from alarm
    found.log.save(path)
    _tell(found, as_json)


def _tell(found: Verification, as_json: bool) -> None:
    checkpoint = found.log.checkpoint
    if as_json:
        print_json({
            "ok": True, "origin": checkpoint.origin, "tree_size": checkpoint.size,
            "root": checkpoint.root.hex(), "verified_now": found.records,
            "unsigned": found.unsigned, "checkpoint_ms": found.log.seen_ms,
        })  # fmt: skip
        return
    waiting = f", {found.unsigned} not signed yet" if found.unsigned else ""
    print_line(
        f"the audit is whole: {checkpoint.origin}, {checkpoint.size} records "
        f"({found.records} verified now{waiting}), as of {found.log.since}"
    )


def _completeness(
    entries: Annotated[
        list[str] | None, typer.Option("--entry", help="Of this entry only; may be repeated.")
    ] = None,
    principal: PrincipalOption = "admin",
    as_json: JsonOption = False,
) -> None:
    """Compare the audit with every topic: each event decided once, each release there once.

    Topics must be whole: it is right until ingress events are 30 days old, and while compaction has
    taken nothing. Exit code 7 when something does not add up.
    """
    settings = load_settings()
    config = client_config(settings, credentials_for(settings, principal))
    books = read_books(config, audit_digest(settings), entries)
    found = reconcile(books)
    decisions = sum(len(batch["lines"]) for batch, _ in books.batches)
    if as_json:
        print_json({"decisions": decisions, "discrepancies": [each._asdict() for each in found]})
    elif found:
        print_table("discrepancies", ["where", "expected", "found"], found)
    else:
        print_line(f"the books balance: {decisions} decisions")
    if found:
        raise typer.Exit(NumbersDisagree.exit_code)


def _key() -> None:
    """Print the verifier key of this installation's log, to be pinned by those who verify it."""
    settings = load_settings()
    text = read_private(key_path(settings, NOTARY_KEY), what="private key of the notary")
    print_line(NoteSigner.from_text(text.strip()).key.vkey())


def _held(path: Path, trust: Trust) -> VerifiedLog | None:
    held = VerifiedLog.load(path)
    if held is not None and held.checkpoint.origin != trust.keys[0].name:
        raise InvalidInput(
            "What was verified before is another log.", where=str(path),
            expected=trust.keys[0].name, found=held.checkpoint.origin,
        )  # fmt: skip
    return held


def _log_files(settings: Settings, files: str | None) -> LogFiles | None:
    """Those that were named, or those of this machine; they only help to name a record."""
    if files is not None:
        return open_log(files)
    here = ledger_directory(settings)
    return open_log(str(here)) if here.is_dir() else None


def _alarm_document(alarm: AuditAlarm) -> dict[str, Any]:
    since = alarm.since
    return {
        "ok": False, "kind": alarm.kind, "problem": alarm.problem, **alarm.place._asdict(),
        "expected": alarm.expected, "found": alarm.found,
        "last_good_tree_size": since.checkpoint.size if since else None,
        "last_good_ms": since.seen_ms if since else None,
    }  # fmt: skip
