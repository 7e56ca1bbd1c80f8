"""The notary's loop: read committed records, keep them as a log, sign, commit, publish.

It signs at most once a second, while there is something new. What contradicts what was signed
before ends it with exit code 78; a transaction that cannot be ended, or another notary that took
over, with 70.
"""

import logging
import threading
import time
from contextlib import ExitStack
from typing import Final

from confluent_kafka.admin import AdminClient

from sharebus import Unavailable
from sharebus.infra.admin_client import connect_admin, read_topic_id
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.settings import Settings
from sharebus.infra.tile_directory import TileWriter, ledger_directory
from sharebus.ledger.entry import LeafEntry
from sharebus.ledger.errors import LedgerError
from sharebus.ledger.hashing import leaf_hash
from sharebus.schemas.genesis import Genesis
from sharebus.schemas.topic import AUDIT, AUDIT_CHECKPOINTS
from sharebus.stream_apps.notary import metrics
from sharebus.stream_apps.notary.contradiction import Contradiction
from sharebus.stream_apps.notary.intake import AuditIntake
from sharebus.stream_apps.notary.notary import Leaf, Notary
from sharebus.stream_apps.notary.quorum import Quorum
from sharebus.stream_apps.notary.register import NAME, CheckpointRegister
from sharebus.stream_apps.notary.signing import load_policy, load_signer

log = logging.getLogger(__name__)

SEAL_SECONDS: Final = 1.0
_WAIT_SECONDS: Final = 0.1
_LOOK_SECONDS: Final = 5.0
_AGAIN_SECONDS: Final = 1.0


class NotaryLoop:
    """The one notary of a bus; a second one fences it."""

    def __init__(self, settings: Settings) -> None:
        self._config = client_config(settings, credentials_for(settings, NAME))
        self._signer = load_signer(settings)
        self._policy = load_policy(settings, self._signer.key)
        self._files = TileWriter(ledger_directory(settings))
        self._oldest_ms = 0
        self._next_seal = self._next_look = 0.0

    def run(self, stop: threading.Event) -> None:
        """Run until ``stop`` is set.

        :raises Contradiction: a person must look. :raises AppStopped: start again.
        """
        try:
            with ExitStack() as stack:
                self._run(stop, stack)
        except LedgerError as wrong:
            raise Contradiction(
                wrong.problem, where=wrong.where, expected=wrong.expected, found=wrong.found,
                remedy=wrong.remedy,
            ) from wrong  # fmt: skip

    def _run(self, stop: threading.Event, stack: ExitStack) -> None:
        admin = connect_admin(self._config)
        topic_id = _wait_for_topics(admin, stop)
        if topic_id is None:
            return
        self._files.open()
        keys = [log.key for log in self._policy.logs if log.key.name == self._signer.key.name]
        register = CheckpointRegister(self._config, self._signer.key.name, keys)
        stack.callback(register.close)
        register.open()
        notary = Notary(self._signer, self._policy, topic_id, self._files, register)
        self._intake = AuditIntake(self._config, admin, topic_id)
        stack.callback(self._intake.close)
        self._quorum = stack.enter_context(Quorum(notary))
        found = register.last()
        notary.resume(found.held)
        self._start(notary)
        while notary.is_restoring and not stop.is_set():
            notary.take(self._intake.collect(_WAIT_SECONDS))
        if stop.is_set():
            return
        notary.check_public()
        for stray in found.strays:
            notary.require_same_history(stray, f"topic {AUDIT_CHECKPOINTS}")
        self._quorum.check()
        self._cluster_id = str(admin.describe_cluster().result(30).cluster_id)
        self._tell(notary)
        if notary.held:
            self._quorum.begin()
        log.info("%s is ready: tree size %d", NAME, notary.signed_size)
        while not stop.is_set():
            try:
                self._step(notary)
            except Unavailable as away:
                log.warning("it will be tried again\n%s", away)
                time.sleep(_AGAIN_SECONDS)

    def _start(self, notary: Notary) -> None:
        """Read on where the last checkpoint ends; the last leaf of it must stand there."""
        before = max(notary.next_offset, notary.held.next_offset if notary.held else 0)
        self._intake.watch(before)
        if notary.is_restoring:
            log.warning("files of the log are missing: they are made again from the topic")
        if not notary.size:
            self._intake.start(0)
            return
        self._intake.start(notary.next_offset - 1)
        last = self._intake.first()
        if last.offset != notary.next_offset - 1 or leaf_hash(last.entry) != notary.last_leaf():
            raise Contradiction(
                "the last record that was signed is not in the topic any more",
                where=f"topic {AUDIT}, offset {notary.next_offset - 1}",
                expected=f"leaf {notary.size - 1}, {notary.last_leaf().hex()}",
                found=f"offset {last.offset}, {leaf_hash(last.entry).hex()}",
            )

    def _step(self, notary: Notary) -> None:
        leaves = self._intake.collect(_WAIT_SECONDS)
        if leaves:
            if notary.size == 0:
                self._check_genesis(leaves[0], notary)
            if notary.size == notary.signed_size:
                self._oldest_ms = self._intake.oldest_ms
            notary.take(leaves)
        self._quorum.settle()
        now = time.monotonic()
        is_new = notary.size > notary.signed_size
        if is_new and now >= self._next_seal and not self._quorum.is_asking:
            self._intake.watch(notary.next_offset)
            notary.seal()
            self._next_seal, self._next_look = now + SEAL_SECONDS, now + _LOOK_SECONDS
            metrics.CHECKPOINT_TIME.set_to_current_time()
            self._quorum.begin()
            self._tell(notary)
        elif now >= self._next_look:
            self._intake.watch(notary.next_offset)
            self._next_look = now + (SEAL_SECONDS if self._intake.open_seconds else _LOOK_SECONDS)
            self._tell(notary)

    def _check_genesis(self, first: Leaf, notary: Notary) -> None:
        """The first leaf names cluster and topic: no other log can take this one's place."""
        found = Genesis.of(LeafEntry.decode(first.entry).value)
        expected = Genesis(self._cluster_id, AUDIT, notary.topic_id)
        if found != expected:
            raise Contradiction(
                "the first record of the log is not its genesis",
                where=f"topic {AUDIT}, offset {first.offset}",
                expected=str(expected), found=str(found) if found else "another record",
            )  # fmt: skip

    def _tell(self, notary: Notary) -> None:
        unsigned = notary.size - notary.signed_size
        metrics.TREE_SIZE.set(notary.signed_size)
        metrics.UNSIGNED_LEAVES.set(unsigned)
        waited_ms = time.time_ns() // 1_000_000 - self._oldest_ms if unsigned else 0
        metrics.UNSIGNED_SECONDS.set(waited_ms / 1000)
        metrics.BACKLOG.set(max(0, self._intake.committed_end - notary.next_offset))
        metrics.OPEN_SECONDS.set(self._intake.open_seconds)


def _wait_for_topics(admin: AdminClient, stop: threading.Event) -> str | None:
    """The id of ``audit``, once both topics are there; None when asked to end."""
    while not stop.is_set():
        topic_id = read_topic_id(admin, AUDIT)
        if topic_id and read_topic_id(admin, AUDIT_CHECKPOINTS):
            return topic_id
        stop.wait(_AGAIN_SECONDS)
    return None
