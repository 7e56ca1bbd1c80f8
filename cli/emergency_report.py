"""``sharebus emergency report``: every event that an emergency released, from the log alone."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Annotated, NamedTuple

import typer

from sharebus import InvalidInput
from sharebus.cli.audit_pins import PrincipalOption
from sharebus.cli.case_view import time_text
from sharebus.cli.output import print_line, print_note, print_table
from sharebus.consumers.oversight.releases import PolicyLog, Released, read_released, spans_of
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.settings import load_settings

COMMAND = "report"
EXAMPLE = "sharebus emergency report e-1 --out released.jsonl"


class _View(NamedTuple):
    """What one view released, in sum."""

    events: int = 0
    standing: int = 0
    systems: frozenset[str] = frozenset()
    versions: tuple[int, int] = (0, 0)
    instants_ms: tuple[int, int] = (0, 0)

    def with_(self, event: Released) -> "_View":
        """The same with one event more; they come in order of the audit."""
        first_version, first_ms = self.versions[0], self.instants_ms[0]
        if not self.events:
            first_version, first_ms = event.policy_version, event.released_ms
        return _View(
            self.events + 1, self.standing + event.is_standing,
            self.systems | set(event.systems), (first_version, event.policy_version),
            (first_ms, event.released_ms),
        )  # fmt: skip


def report(
    emergency: Annotated[str, typer.Argument(help="Id of the emergency.", metavar="EMERGENCY")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write every event as JSON Lines.")
    ] = None,
    principal: PrincipalOption = "admin",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every event as JSON Lines, for programs.")
    ] = False,
) -> None:
    """List every event that an emergency released: entry, view, policy version, source, to whom.

    From facts and audit alone. *Standing* are events that stood in a view when the emergency's
    grants came, as far as no newer event or compaction had replaced them. The digests are the
    audit's. ``file-report`` takes the file that --out writes.
    """
    settings = load_settings()
    config = client_config(settings, credentials_for(settings, principal))
    spans = spans_of(PolicyLog(config).history, emergency)
    totals = {(span.grant.entry, span.view): _View() for span in spans}
    with ExitStack() as files:
        written = files.enter_context(_opened(out)) if out else None

        def take(event: Released) -> None:
            totals[event.entry, event.view] = totals[event.entry, event.view].with_(event)
            line = json.dumps(event._asdict(), ensure_ascii=False)
            if as_json:
                print_line(line)
            if written:
                written.write(f"{line}\n")

        read_released(config, spans, take)
    if not as_json:
        _print(emergency, totals)
    if out:
        print_note(f"Every event is in {out}.")


def _opened(path: Path) -> IO[str]:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            "The file cannot be written.", where=str(path), found=error.strerror or str(error)
        ) from error


def _print(emergency: str, totals: dict[tuple[str, str], _View]) -> None:
    print_table(
        f"emergency {emergency}: released",
        ("entry", "view", "events", "standing", "to", "policy versions", "first", "last"),
        (
            (
                entry, view, total.events, total.standing, ", ".join(sorted(total.systems)),
                "{} to {}".format(*total.versions),
                *(time_text(at_ms) if total.events else "" for at_ms in total.instants_ms),
            )
            for (entry, view), total in sorted(totals.items())
        ),
    )  # fmt: skip
    print_line(f"{sum(total.events for total in totals.values())} events in {len(totals)} views")
