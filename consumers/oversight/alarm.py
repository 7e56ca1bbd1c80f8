"""What can be wrong with the audit's log, each with an exit code of its own (docs/ledger.md)."""

from datetime import UTC, datetime
from typing import ClassVar, Final, NamedTuple

from sharebus import NumbersDisagree
from sharebus.ledger.checkpoint import Checkpoint


class Place(NamedTuple):
    """Where the first wrong record is or was, as far as it can be told.

    ``leaf`` is its number in the log, ``offset`` that in ``audit``, or of what stands in its place;
    ``file`` the path of a tile or bundle.
    """

    leaf: int | None = None
    offset: int | None = None
    file: str = ""
    topic: str = "audit"

    def __str__(self) -> str:
        parts = [f"topic {self.topic}, partition 0"]
        if self.offset is not None:
            parts.append(f"offset {self.offset}")
        if self.leaf is not None:
            parts.append(f"leaf {self.leaf}")
        return ", ".join([self.file, *parts[1:]] if self.file else parts)


class Since(NamedTuple):
    """The last checkpoint that agreed with the log, and when it came (POSIX ms; 0: not known)."""

    checkpoint: Checkpoint
    seen_ms: int

    def __str__(self) -> str:
        size = f"tree size {self.checkpoint.size}"
        if not self.seen_ms:
            return size
        moment = datetime.fromtimestamp(self.seen_ms / 1000, UTC).astimezone()
        return f"{size}, {moment.isoformat(sep=' ', timespec='seconds')}"


class AuditAlarm(NumbersDisagree):
    """The log is not what was signed. ``since`` is the last checkpoint that agreed, if any."""

    kind: ClassVar[str]

    def __init__(
        self,
        problem: str,
        place: Place,
        since: Since | None = None,
        *,
        expected: str = "",
        found: str = "",
    ) -> None:
        last_good = f"last good checkpoint: {since}" if since else "no good checkpoint before"
        super().__init__(
            f"{self.kind}: {problem}",
            where=f"{place}; {last_good}",
            expected=expected,
            found=found,
            remedy="Keep topic, files and checkpoints as they are; docs/ledger.md, "
            '"When an alarm is raised".',
        )
        self.place = place
        self.since = since


class Altered(AuditAlarm):
    """A record, a bundle or a tile has another content than the one that was signed."""

    kind, exit_code = "altered", 21


class Removed(AuditAlarm):
    """A record that was signed, or that its writer's chain names, is not there."""

    kind, exit_code = "removed", 22


class Inserted(AuditAlarm):
    """A record stands between others though it was not there when they were signed."""

    kind, exit_code = "inserted", 23


class Reordered(AuditAlarm):
    """Two records stand in each other's place."""

    kind, exit_code = "reordered", 24


class Duplicated(AuditAlarm):
    """A record stands there twice."""

    kind, exit_code = "duplicated", 25


class Truncated(AuditAlarm):
    """The beginning or the end of the log is gone."""

    kind, exit_code = "truncated", 26


class Recreated(AuditAlarm):
    """The topic was deleted and made again, or is that of another log."""

    kind, exit_code = "recreated", 27


class Forked(AuditAlarm):
    """The log's key signed two histories: a stolen key, or a notary that was made to."""

    kind, exit_code = "forked", 28


class Frozen(AuditAlarm):
    """The checkpoint is an old one: records wait unsigned, or a newer one was seen before."""

    kind, exit_code = "frozen", 29


class Foreign(AuditAlarm):
    """A record that no app of the platform writes."""

    kind, exit_code = "foreign", 30


ALARMS: Final[tuple[type[AuditAlarm], ...]] = (
    Altered, Removed, Inserted, Reordered, Duplicated, Truncated, Recreated, Forked, Frozen,
    Foreign,
)  # fmt: skip
