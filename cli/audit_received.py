"""``sharebus audit received``: who was given a record, or what somebody was given and refused."""

import re
from typing import Annotated, Any

import typer

from sharebus import InvalidInput
from sharebus.cli.audit_pins import FilesOption, IndexOption, SinceOption, UntilOption
from sharebus.cli.audit_search import instant_option_ms, open_index, time_text
from sharebus.cli.output import JsonOption, print_json, print_note, print_table
from sharebus.consumers.oversight.read_tables import Denied, Given, Unknown
from sharebus.consumers.oversight.search_index import Times
from sharebus.infra.settings import load_settings

_RECORD = re.compile(r"([a-zA-Z0-9._-]+)/([0-9]{1,9})/([0-9]{1,18})")


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command(
        "received", epilog="Example:  sharebus audit received --record shared.divisions-a/0/17"
    )(_received)


def _received(
    record: Annotated[
        str | None,
        typer.Option("--record", help="Who was given it.", metavar="TOPIC/PARTITION/OFFSET"),
    ] = None,
    reader: Annotated[
        str | None,
        typer.Option("--reader", help="What it was given and refused.", metavar="PRINCIPAL"),
    ] = None,
    since: SinceOption = "",
    until: UntilOption = "",
    index: IndexOption = None,
    files: FilesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who received what, as the broker itself logged it and a meter wrote it into the audit.

    By the minute, and only when it is over. "at most" is what the reader could see, where its next
    fetch does not tell what it was given. Gaps are told: then nobody knows.
    """
    if (record is None) == (reader is None):
        raise InvalidInput("what to look for is said once", expected="--record or --reader")
    settings = load_settings()
    times = Times(
        instant_option_ms(since, "--from", 0),
        instant_option_ms(until, "--until", Times().until_ms, is_end=True),
    )
    place = None if record is None else _place(record)
    found = open_index(settings, index, files)
    denied: list[Denied] = []
    try:
        if place is not None:
            given = [
                each
                for each in found.reads.receivers(*place)
                if times.since_ms <= each.minute_ms <= times.until_ms
            ]
        else:
            given = found.reads.given_to(reader or "", *times)
            denied = found.reads.denied_to(reader or "", *times)
        gaps = found.reads.gaps(*times)
    finally:
        found.close()
    if as_json:
        print_json({
            "given": [each._asdict() for each in given],
            "refused": [each._asdict() for each in denied],
            "gaps": [each._asdict() for each in gaps],
        })  # fmt: skip
        return
    _print(given, denied, gaps)


def _place(record: str) -> tuple[str, int, int]:
    match = _RECORD.fullmatch(record)
    if match is None:
        raise InvalidInput(
            "this names no record", where="--record", expected="shared.divisions-a/0/17",
            found=record,
        )  # fmt: skip
    return match[1], int(match[2]), int(match[3])


def _print(given: list[Given], denied: list[Denied], gaps: list[Unknown]) -> None:
    print_table(
        "given", ("minute", "principal", "topic", "offsets", "bytes", "leaf"),
        [
            (
                time_text(each.minute_ms), each.principal, f"{each.topic} {each.partition}",
                _offsets(each), each.given_bytes, each.leaf,
            )
            for each in given
        ],
    )  # fmt: skip
    if denied:
        rows: list[tuple[Any, ...]] = [
            (
                time_text(each.minute_ms), each.operation, each.resource, each.request, each.rule,
                each.times, each.leaf,
            )
            for each in denied
        ]  # fmt: skip
        columns = ("minute", "operation", "on", "request", "rule", "times", "leaf")
        print_table("refused", columns, rows)
    for gap in gaps:
        print_note(f"Not known from {time_text(gap.from_ms)} to {time_text(gap.to_ms)}: {gap.why}.")


def _offsets(given: Given) -> str:
    at_most = "" if given.is_exact else "at most "
    return f"{at_most}{given.first_offset} to {given.end_offset - 1}"
