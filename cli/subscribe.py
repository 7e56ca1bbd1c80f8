"""``sharebus subscribe``: the events of an entry as JSON Lines."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Annotated, Final

import typer

from sharebus import SharebusError, Unavailable
from sharebus.cli.audit_pins import pinned_policy
from sharebus.cli.output import JsonLines, print_note
from sharebus.consumers.completeness import Completeness
from sharebus.consumers.event import Event
from sharebus.consumers.held_checkpoint import HeldCheckpoint
from sharebus.consumers.oversight.log_files import open_log
from sharebus.consumers.subscription import Subscription
from sharebus.infra.settings import load_settings

_BATCH_MAX: Final = 500
_WAIT_SECONDS: Final = 0.2
_EXIT_INTERRUPTED: Final = 130


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("subscribe", epilog="Example:  sharebus subscribe divisions-a --as nb-tax.levy")(
        _subscribe
    )


def _subscribe(
    entry: Annotated[str, typer.Argument(help="Id of the catalog entry.", metavar="ENTRY")],
    system: Annotated[
        str, typer.Option("--as", help="The reading system, AGENCY.SYSTEM.", metavar="SYSTEM")
    ],
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Begin at the first event that is kept.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow/--until-end", help="Wait for more, or stop at the end.")
    ] = True,
    count_max: Annotated[
        int | None, typer.Option("--max", help="Stop after so many events.", min=1, metavar="N")
    ] = None,
    group: Annotated[
        str | None,
        typer.Option("--group", help="Consumer group; begins with agency.AGENCY. (with the dot)."),
    ] = None,
    view: Annotated[
        str | None, typer.Option("--view", help="Which view, when the system has several.")
    ] = None,
    periods: Annotated[
        bool, typer.Option("--periods", help="Print the closed deliveries instead, and stop.")
    ] = False,
    audit_log: Annotated[
        str | None,
        typer.Option(
            "--audit-log",
            metavar="DIR|URL",
            help="Hold the checkpoint of the audit's log too, by the setting ledger_policy.",
        ),
    ] = None,
) -> None:
    """Print the events of ENTRY as JSON Lines, one object an event.

    An event is acknowledged after its line is written: the next run of the same group goes on
    behind it, and a run that was killed prints the last few lines again rather than none.
    """
    if audit_log is not None:
        _follow_log(audit_log)
    try:
        with JsonLines() as output:  # flushed before its lines are acknowledged
            if periods:
                _print_periods(entry, system, output)
                return
            with Subscription(
                entry, system, group=group, view=view, from_start=from_start
            ) as subscription:
                print_note(_acting(subscription))
                _print_events(subscription, output, follow=follow, count_max=count_max)
    except KeyboardInterrupt:
        raise typer.Exit(_EXIT_INTERRUPTED) from None


def _follow_log(where: str) -> None:
    settings = load_settings()
    path = settings.data_dir / "oversight" / "seen-checkpoint"
    HeldCheckpoint(path, pinned_policy(settings, None, None)).follow(open_log(where))


def _acting(subscription: Subscription) -> str:
    """Under which grant, for what and until when: Order 809 Art 20, 29."""
    reads = f"{subscription.system} reads {subscription.entry} under"
    try:
        grants = subscription.grants
    except Unavailable:  # what it may read does not depend on it
        return f"{reads} grants that cannot be told now."
    if not grants:
        return f"{reads} a grant of the reviewed files."
    told = "; ".join(
        " ".join(
            filter(None, [f"{grant.id}:", grant.scenario, grant.legal_basis and
                          f"({grant.legal_basis})", grant.last_day and f"until {grant.last_day}"])
        )
        for grant in grants
    )  # fmt: skip
    return f"{reads} grant {told}"


def _print_periods(entry: str, system: str, output: JsonLines) -> None:
    with Completeness(entry, system) as completeness:
        for delivery in completeness.completed_periods():
            text = json.dumps(dataclasses.asdict(delivery), ensure_ascii=False)
            output.write(text)


def _print_events(
    subscription: Subscription, output: JsonLines, *, follow: bool, count_max: int | None
) -> None:
    written: list[Event] = []

    def acknowledge() -> None:
        output.flush()
        subscription.acknowledge(*written)
        written.clear()

    def events() -> Iterator[Event | None]:
        while follow:
            yield subscription.poll(0 if written else _WAIT_SECONDS)
        yield from subscription.until_end()

    left = count_max
    try:
        for event in events():
            if event is not None:
                output.write(event.to_json())
                written.append(event)
                left = None if left is None else left - 1
            if event is None or len(written) == _BATCH_MAX or left == 0:
                acknowledge()
            if left == 0:
                return
    except (SharebusError, KeyboardInterrupt):
        acknowledge()
        raise
    acknowledge()
