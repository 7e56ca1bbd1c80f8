"""The last checkpoint of the audit that a subscriber saw, kept on its own disk.

A log that shows one history to an overseer and another to a subscriber is found out as soon as the
subscriber sees both: it keeps a checkpoint, and asks for a proof that each later one extends it.
"""

import time
from pathlib import Path
from typing import Final

from sharebus.consumers.oversight.alarm import Forked, Frozen, Place, Since
from sharebus.consumers.oversight.log_files import LogFiles, public_checkpoint
from sharebus.infra.embedded.secrets import write_private
from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.errors import Unproven
from sharebus.ledger.note import Note
from sharebus.ledger.policy import CLOCK_SECONDS_FORGIVEN, Policy
from sharebus.ledger.proofs import consistency_proof, verify_consistency
from sharebus.ledger.tiles import tile_nodes

_FILE: Final = Place(file="checkpoint")


class HeldCheckpoint:
    """One log's checkpoint in a file. ``policy`` is pinned: nothing of it comes from the log."""

    def __init__(self, path: Path, policy: Policy) -> None:
        self._path = path
        self._policy = policy

    def follow(self, files: LogFiles) -> Checkpoint:
        """Take the log's public checkpoint if it extends the one that is held; gives it.

        :raises Forked: it does not extend it: two histories were signed. The held one is kept.
        :raises Frozen: it is older than the one that is held.
        :raises Untrusted: the policy does not accept it.
        :raises Unavailable: there is none, or nobody serves it.
        """
        note = public_checkpoint(files)
        checkpoint = self._accepted(note)
        held = self._held()
        if held is not None:
            since = Since(held, int(self._path.stat().st_mtime * 1000))
            if checkpoint.size < held.size:
                raise Frozen(
                    "the log's checkpoint is older than one that was seen before", _FILE, since,
                    expected=f"tree size {held.size} or more", found=str(checkpoint.size),
                )  # fmt: skip
            self._require_extension(held, checkpoint, files, since)
        write_private(self._path, note.encode())
        return checkpoint

    def _require_extension(
        self, held: Checkpoint, checkpoint: Checkpoint, files: LogFiles, since: Since
    ) -> None:
        proof = consistency_proof(
            held.size, checkpoint.size, tile_nodes(checkpoint.size, files.read)
        )
        try:
            verify_consistency(held.size, held.root, checkpoint.size, checkpoint.root, proof)
        except Unproven as error:
            raise Forked(
                "the log's checkpoint does not extend one that was seen before; keep both", _FILE,
                since, expected=f"root {held.root.hex()} at tree size {held.size} under it",
                found=error.found,
            ) from error  # fmt: skip

    def _accepted(self, note: Note) -> Checkpoint:
        latest_seconds = int(time.time()) + CLOCK_SECONDS_FORGIVEN
        return self._policy.accept(note, latest_seconds).checkpoint

    def _held(self) -> Checkpoint | None:
        try:
            return self._accepted(Note.parse(self._path.read_bytes()))
        except FileNotFoundError:
            return None
