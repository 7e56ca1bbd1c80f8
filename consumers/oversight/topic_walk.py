"""One pass over the audit's topic, leaves against checkpoints.

Nothing that a server says is believed: the topic's records are hashed again, and the root must be
the one that the pinned key signed. The log's files are asked only to name the record that is wrong,
and only as far as they have the signed root themselves.
"""

import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import Message

from sharebus.consumers.oversight.alarm import (
    Altered,
    AuditAlarm,
    Foreign,
    Forked,
    Frozen,
    Place,
    Recreated,
    Removed,
    Since,
    Truncated,
)
from sharebus.consumers.oversight.checkpoint_feed import CheckpointFeed, Signed
from sharebus.consumers.oversight.log_files import LogFiles
from sharebus.consumers.oversight.signed_leaves import Found, name_record
from sharebus.consumers.oversight.trust import Trust, Verification
from sharebus.consumers.oversight.verified_log import VerifiedLog
from sharebus.consumers.oversight.writer_chains import WriterChains
from sharebus.infra.audit_leaf import leaf_entry
from sharebus.infra.log_reader import LogReader
from sharebus.ledger.compact import CompactRange
from sharebus.ledger.errors import Malformed, Untrusted
from sharebus.ledger.hashing import leaf_hash
from sharebus.ledger.policy import CLOCK_SECONDS_FORGIVEN
from sharebus.schemas.genesis import Genesis
from sharebus.schemas.topic import AUDIT

_BEHIND_MAX: Final = 64
"""Records behind a wrong checkpoint that are looked at to tell what happened."""

OnProgress = Callable[[int, int], None]
"""Offsets of ``audit``: the next one to read, and the end."""


class TopicWalk:
    """One pass over the topic."""

    feed: CheckpointFeed

    def __init__(
        self,
        log: LogReader,
        topic_id: str,
        trust: Trust,
        held: VerifiedLog | None,
        is_full: bool,
        files: LogFiles | None,
        on_progress: OnProgress,
    ) -> None:
        self._log = log
        self._topic_id = topic_id
        self._trust = trust
        self._held = held
        self._files = files
        self._on_progress = on_progress
        start = None if is_full else held
        self._range = start.range if start else CompactRange()
        self._next_offset = start.next_offset if start else 0
        self.checkpoint_offset = start.checkpoint_offset if start else 0
        self._chains = WriterChains(start.heads if start else ())
        self._heads = self._chains.heads
        self._good: Signed | None = None
        self._since: Since | None = held.since if held else None
        self._known = {held.checkpoint.size: held.checkpoint.root} if held else {}
        self._anchor = held.checkpoint if held and is_full else None
        self._is_rewritten = False
        self._pending: list[bytes] = []
        self._offsets: list[int] = []
        self._oldest_ms = 0
        self._wrong: Signed | None = None
        self._end = 0
        self._records = 0
        self._unwitnessed: Signed | None = None

    @property
    def _count(self) -> int:
        return self._range.size + len(self._pending)

    def run(self) -> Verification:
        """Verify all that is there; may be called once.

        :raises AuditAlarm: something is wrong. :raises Unavailable: the broker does not answer.
        """
        # Checkpoints were listed before, so they cover nothing that is committed from now on.
        self._log.settle(AUDIT, 0)
        low, self._end = self._log.bounds(AUDIT, 0)
        if low > 0:
            raise Truncated(
                "the beginning of the topic was deleted", Place(0, 0), self._since,
                expected="records from offset 0 on", found=f"nothing below offset {low}",
            )  # fmt: skip
        if self._end < self._next_offset:
            raise self._cut_off(f"{self._next_offset - 1}")
        self._log.read(AUDIT, 0, self._next_offset, self._take, on_unreadable=self._damaged)
        self._compare()
        self._finish()
        good = self._good
        log = self._held
        if good is not None:
            log = VerifiedLog(
                good.record.note, good.seen_ms, self._range, self._heads, self._topic_id,
                good.record.next_offset, good.offset + 1,
            )  # fmt: skip
        if log is None:
            raise Frozen("the log has no checkpoint yet", Place(0, 0), found="an empty topic")
        return Verification(log, self._records, len(self._pending))

    def _take(self, message: Message) -> None:
        offset = message.offset() or 0
        place = Place(self._count, offset)
        try:
            entry = leaf_entry(message)
            encoded = entry.encode()
        except Malformed as error:
            raise Foreign(error.problem, place, self._since, found=error.found) from error
        if place.leaf == 0:
            self._check_genesis(entry.value, place)
        if self._wrong is None:
            self._compare()
        self._chains.take(entry.key, entry.value, place)
        if not self._pending:
            self._oldest_ms = message.timestamp()[1]
        self._pending.append(leaf_hash(encoded))
        self._offsets.append(offset)
        self._records += 1
        if self._anchor is not None and self._count == self._anchor.size:
            self._is_rewritten = self._root() != self._anchor.root
        if self._wrong and self._count >= self._wrong.checkpoint.size + _BEHIND_MAX:
            raise self._alarm(self._wrong)
        if self._records % 1000 == 0:
            self._on_progress(offset + 1, self._end)

    def _damaged(self, offset: int) -> None:
        raise Altered(
            "a batch of records cannot be unpacked", Place(self._count, offset), self._since,
            expected="the records that were signed", found="bytes that hold no record",
        )  # fmt: skip

    def _check_genesis(self, value: bytes, place: Place) -> None:
        genesis = Genesis.of(value)
        if genesis is None or (genesis.topic, genesis.topic_id) != (AUDIT, self._topic_id):
            raise Recreated(
                "the first record does not name this topic", place, self._since,
                expected=f"{AUDIT}, topic id {self._topic_id}",
                found=str(genesis) if genesis else "no genesis record",
            )  # fmt: skip

    def _compare(self) -> None:
        """Hold what was read against the checkpoints up to it."""
        while self._wrong is None and (head := self.feed.head()) is not None:
            size, root = head.checkpoint.size, head.checkpoint.root
            if size > self._count:
                return
            if head.record.topic_id != self._topic_id:
                raise Recreated(
                    "a checkpoint is of another topic", Place(topic=AUDIT, leaf=size - 1),
                    self._since, expected=self._topic_id, found=head.record.topic_id,
                )  # fmt: skip
            if size < self._count:
                self._check_known(head)
            elif root != self._root():
                self._wrong = head
                return
            else:
                self._agree(head)
            self.feed.advance()

    def _root(self) -> bytes:
        return self._range.extend(self._pending).root()

    def _check_known(self, head: Signed) -> None:
        """An older one again proves nothing; one that was never seen is a second history."""
        size, root = head.checkpoint.size, head.checkpoint.root
        if self._known.get(size) != root:
            raise Forked(
                "the log's key signed a tree behind a larger one that was signed before",
                Place(offset=head.offset, leaf=size - 1, topic="audit.checkpoints"), self._since,
                expected=f"tree size {self._range.size} or more", found=f"tree size {size}",
            )  # fmt: skip

    def _agree(self, head: Signed) -> None:
        if self._is_rewritten:
            assert self._anchor is not None  # noqa: S101 - it is what was rewritten
            raise Forked(
                "another history was signed than the one that was verified before",
                Place(leaf=self._anchor.size - 1), None,
                expected=f"root {self._anchor.root.hex()} at tree size {self._anchor.size}",
                found="another root, and checkpoints that agree with it",
            )  # fmt: skip
        if self._chains.broken:
            raise self._chain_alarm()
        self._range = self._range.extend(self._pending)
        self._heads = self._chains.heads
        self._pending.clear()
        self._offsets.clear()
        self._good, self._since = head, head.since
        self._known[head.checkpoint.size] = head.checkpoint.root
        self._see_witnesses(head)

    def _see_witnesses(self, head: Signed) -> None:
        if self._trust.policy.quorum is None:
            return
        try:
            latest_seconds = int(time.time()) + CLOCK_SECONDS_FORGIVEN
            self._trust.policy.accept(head.record.note, latest_seconds)
        except Untrusted:
            self._unwitnessed = self._unwitnessed or head
        else:
            self._unwitnessed = None

    def _finish(self) -> None:
        """What only the end of the topic can show."""
        if self._wrong:
            raise self._alarm(self._wrong)
        head = self.feed.head()
        if head is not None:
            raise self._alarm(head)
        if self._chains.broken:
            raise self._chain_alarm()
        anchor = self._anchor
        if self._is_rewritten:
            raise Altered(
                "the records are not those that were verified before", Place(), self._since,
                expected="their root", found="another, and no checkpoint that covers them",
            )  # fmt: skip
        if anchor is not None and self._count < anchor.size:
            raise self._cut_off(f"leaf {anchor.size - 1}, which was verified before")
        if anchor is not None and self._range.size < anchor.size:
            raise Frozen(
                "the last checkpoint is older than one that was verified before",
                Place(leaf=anchor.size - 1, topic="audit.checkpoints"), self._since,
                expected=f"tree size {anchor.size} or more", found=f"tree size {self._range.size}",
            )  # fmt: skip
        if self._pending:
            self._check_age("records wait for a signature", self._oldest_ms)
        if self._unwitnessed:
            self._check_age("a checkpoint waits for its witnesses", self._unwitnessed.seen_ms)

    def _check_age(self, what: str, since_ms: int) -> None:
        waited_seconds = time.time() - since_ms / 1000
        if waited_seconds > self._trust.unsigned_seconds_max:
            offset = self._offsets[0] if self._offsets else None
            raise Frozen(
                what, Place(self._range.size, offset), self._since,
                expected=f"at most {self._trust.unsigned_seconds_max:g} s",
                found=f"{waited_seconds:.0f} s",
            )  # fmt: skip

    def _alarm(self, signed: Signed) -> AuditAlarm:
        """What is wrong with the records that a checkpoint covers."""
        size = signed.checkpoint.size
        first = self._range.size
        found = Found(self._range, self._pending, self._offsets)
        named = name_record(self._files, signed, found, self._since) if self._files else None
        if named is not None:
            return named
        if self._end < signed.record.next_offset:
            return self._cut_off(f"{signed.record.next_offset - 1}")
        if self._chains.broken:
            return self._chain_alarm()
        kind = Altered if self._count >= size else Removed
        return kind(
            "the records are not those that were signed", Place(leaf=first), self._since,
            expected=f"root {signed.checkpoint.root.hex()} over leaves {first} to {size - 1}",
            found="another; the log's files (--files) would name the record",
        )  # fmt: skip

    def _cut_off(self, last: str) -> Truncated:
        return Truncated(
            "the end of the topic is gone", Place(self._count, self._end), self._since,
            expected=f"records up to {last}", found=f"the end at offset {self._end}",
        )  # fmt: skip

    def _chain_alarm(self) -> AuditAlarm:
        broken = self._chains.broken
        assert broken is not None  # noqa: S101 - whoever calls has seen it
        return broken.kind(
            broken.problem, broken.place, self._since,
            expected=broken.expected, found=broken.found,
        )  # fmt: skip
