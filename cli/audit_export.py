"""``sharebus audit export``: a case, or a stretch of the audit, for the archives (档案)."""

import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from sharebus import InvalidInput
from sharebus.cli.audit_pins import (
    FilesOption,
    IndexOption,
    KeyOption,
    PolicyOption,
    PrincipalOption,
    SinceOption,
    UntilOption,
    pinned_policy,
)
from sharebus.cli.audit_search import instant_option_ms, open_index
from sharebus.cli.output import print_note
from sharebus.consumers.oversight.archive import Part, parts_of, write_archive
from sharebus.consumers.oversight.archive_check import CheckedArchive, check_archive
from sharebus.consumers.oversight.case_file import read_case_file
from sharebus.consumers.oversight.log_files import LogFiles, open_log, public_checkpoint
from sharebus.consumers.oversight.search_index import ROWS_MAX
from sharebus.infra.audit_key import audit_digest
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import Settings, load_settings
from sharebus.infra.tile_directory import ledger_directory
from sharebus.ledger.entry import LeafEntry
from sharebus.ledger.policy import CLOCK_SECONDS_FORGIVEN
from sharebus.ledger.tiles import TILE_WIDTH
from sharebus.schemas.record import audit_batch

_LEAVES = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
_CASE = re.compile(r"([a-z][a-z0-9_-]{1,40})/([a-z][a-z0-9-]{1,40})")
_MS_MAX = 2**62


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command("export", epilog="Example:  sharebus audit export --case request/r-1 --out r-1")(
        _export
    )


def _export(
    out: Annotated[Path, typer.Option("--out", help="A new directory.", metavar="DIR")],
    case: Annotated[
        str | None, typer.Option("--case", help="This case.", metavar="KIND/CASE")
    ] = None,
    leaves: Annotated[
        str | None, typer.Option("--leaves", help="These records.", metavar="FIRST-LAST")
    ] = None,
    since: SinceOption = "",
    until: UntilOption = "",
    key: KeyOption = None,
    policy: PolicyOption = None,
    index: IndexOption = None,
    files: FilesOption = None,
    principal: PrincipalOption = "admin",
) -> None:
    """Write an archive that proves itself: what the log's key signed, and how to check it.

    A stretch of the audit is exported in whole bundles of 256 records. A case with its signed
    commands takes the audit key, to find it, and a principal that reads them. What was written is
    checked before it is called done.
    """
    if [bool(case), bool(leaves), bool(since or until)].count(True) != 1:
        raise InvalidInput(
            "what to export is said once", expected="--case, --leaves, or --from and --until"
        )
    settings = load_settings()
    trusted = pinned_policy(settings, key, policy)
    log = open_log(files or str(ledger_directory(settings)))
    note = public_checkpoint(log)
    latest_seconds = int(time.time()) + CLOCK_SECONDS_FORGIVEN
    checkpoint = trusted.accept(note, latest_seconds).checkpoint
    about: dict[str, Any] = {
        "origin": checkpoint.origin, "tree_size": checkpoint.size,
        "exported_ms": time.time_ns() // 1_000_000,
    }  # fmt: skip
    papers: dict[str, bytes] = {}
    if case is not None:
        parts, papers = _case(settings, log, checkpoint.size, case, index, files, principal)
        about |= {"kind": "case", "case": case}
    else:
        first, end = _range(log, checkpoint.size, leaves, since, until)
        parts = parts_of(log, checkpoint.size, first, end)
        about |= {"kind": "segment"}
    write_archive(out, log, note, trusted, parts, about, papers)
    print_note(f"{out}: {described(check_archive(out, trusted, latest_seconds))}")


def case_named(text: str) -> tuple[str, str]:
    """The kind and the id of a case that is written ``KIND/CASE``.

    :raises InvalidInput: it is not.
    """
    match = _CASE.fullmatch(text)
    if match is None:
        raise InvalidInput("not a case", expected="KIND/CASE", found=text)
    return match[1], match[2]


def described(checked: CheckedArchive) -> str:
    """One line on what an archive holds."""
    about = checked.about
    what = f"case {about['case']}, {checked.commands} commands, " if "case" in about else ""
    checkpoint = checked.witnessed.checkpoint
    return f"{what}{checked.leaves} records of {checkpoint.size} of {checkpoint.origin}"


def _case(
    settings: Settings, log: LogFiles, size: int, case: str, index: Path | None, files: str | None,
    principal: str,
) -> tuple[Iterable[Part], dict[str, bytes]]:  # fmt: skip
    case_kind, case_id = case_named(case)
    searched = open_index(settings, index, files)
    try:
        found = searched.by_entity(audit_digest(settings).entity(case.encode()))
    finally:
        searched.close()
    if not 0 < len(found) < ROWS_MAX:
        raise InvalidInput(
            "the audit has no records of this case" if not found else "too many for one archive",
            where=case, expected=f"1 to {ROWS_MAX - 1} records", found=str(len(found)),
            remedy="A decision is in the log about a second after it was taken.",
        )  # fmt: skip
    reader = LogReader(client_config(settings, credentials_for(settings, principal)))
    try:
        papers = read_case_file(reader, case_kind, case_id, found)
    finally:
        reader.close()
    return [_leaf(log, size, each) for each in sorted({each.leaf for each in found})], papers


def _leaf(log: LogFiles, size: int, number: int) -> Part:
    """A record without its neighbours in the bundle, which are none of the case's business."""
    [bundle] = parts_of(log, size, number, number + 1)
    return Part(number, [bundle.entries[number - bundle.first]])


def _range(log: LogFiles, size: int, leaves: str | None, since: str, until: str) -> tuple[int, int]:
    if leaves is not None:
        match = _LEAVES.fullmatch(leaves)
        if match is None:
            raise InvalidInput("not a range of records", expected="FIRST-LAST", found=leaves)
        return int(match[1]), int(match[2]) + 1

    def begins_ms(number: int) -> int:
        [bundle] = parts_of(log, size, number * TILE_WIDTH, number * TILE_WIDTH + 1)
        return int(audit_batch().decode(LeafEntry.decode(bundle.entries[0]).value)["decided_ms"])

    # Writers' clocks differ a little: a bundle more at each end holds what is near the edge.
    bundles = range(-(-size // TILE_WIDTH))
    since_ms = instant_option_ms(since, "--from", 0)
    until_ms = instant_option_ms(until, "--until", _MS_MAX, is_end=True)
    first = max(0, bisect_left(bundles, since_ms, key=begins_ms) - 2)
    last = bisect_right(bundles, until_ms, key=begins_ms) + 1
    return first * TILE_WIDTH, min(size, last * TILE_WIDTH)
