"""Cosigns a checkpoint if it extends the last one that was cosigned: C2SP tlog-witness.

With its cosignature an agency says: this is the largest tree of the log that I have seen, and all
that I saw before is its beginning. So a log that shows two histories needs as many dishonest
witnesses as a reader's quorum has members.
"""

import time
from collections.abc import Callable, Iterable
from hashlib import sha256

from sharebus import InvalidInput, NumbersDisagree
from sharebus.consumers.witness.store import Cosigned, Turn, WitnessStore
from sharebus.ledger.checkpoint import Checkpoint, open_checkpoint
from sharebus.ledger.cosignature import Cosigner
from sharebus.ledger.errors import Malformed
from sharebus.ledger.keys import NoteKey
from sharebus.ledger.note import Signature
from sharebus.ledger.proofs import verify_consistency
from sharebus.ledger.witness_request import AddCheckpoint


class UnknownLog(InvalidInput):
    """The witness was not told of a log with this origin."""


class OtherSize(NumbersDisagree):
    """The request begins at another tree size than the last one that was cosigned: ``size``."""

    def __init__(self, size: int, asked: int) -> None:
        super().__init__(
            "the request begins at another tree size than the witness holds",
            expected=str(size), found=str(asked),
        )  # fmt: skip
        self.size = size


class Witness:
    """One witness key over the logs whose keys it was given.

    Several keys of one origin are one log whose key is being changed.
    """

    def __init__(
        self,
        cosigner: Cosigner,
        logs: Iterable[NoteKey],
        store: WitnessStore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cosigner = cosigner
        self._store = store
        self._clock = clock
        self._keys: dict[str, list[NoteKey]] = {}
        for key in logs:
            self._keys.setdefault(key.name, []).append(key)
        self._origins = {sha256(origin.encode()).hexdigest(): origin for origin in self._keys}

    def add_checkpoint(self, body: bytes) -> Signature:
        """Answer one request; what was cosigned is on disk before this returns.

        :raises Malformed: not a request, or from a larger tree to a smaller (400).
        :raises UnknownLog: of a log that the witness does not know (404).
        :raises Untrusted: the log's key did not sign it (403).
        :raises OtherSize: it does not begin where the witness stands (409).
        :raises Unproven: it does not extend what was cosigned (422).
        """
        request = AddCheckpoint.parse(body)
        origin = Checkpoint.parse(request.checkpoint.text).origin
        keys = self._keys.get(origin)
        if not keys:
            raise UnknownLog("the witness does not know this log", found=origin)
        checkpoint = open_checkpoint(request.checkpoint, origin, keys)
        if request.old_size > checkpoint.size:
            raise Malformed(
                "a log does not become smaller",
                expected=f"old size of at most {checkpoint.size}", found=str(request.old_size),
            )  # fmt: skip
        with self._store.turn(origin) as turn:
            return self._cosign(turn, request, checkpoint)

    def _cosign(self, turn: Turn, request: AddCheckpoint, checkpoint: Checkpoint) -> Signature:
        held = turn.held()
        if request.old_size != held.size:
            raise OtherSize(held.size, request.old_size)
        verify_consistency(held.size, held.root, checkpoint.size, checkpoint.root, request.proof)
        cosignature = self._cosigner.cosign(request.checkpoint.text, int(self._clock()))
        note = request.checkpoint.with_signatures([cosignature])
        turn.keep(Cosigned(checkpoint.size, checkpoint.root, note.encode()))
        return cosignature

    def latest(self, origin_sha256: str) -> bytes:
        """The last checkpoint that was cosigned of the log whose origin has this digest, in hex.

        :raises UnknownLog: of no log that the witness knows, or of none that it cosigned yet.
        """
        origin = self._origins.get(origin_sha256)
        note = b""
        if origin is not None:
            with self._store.turn(origin) as turn:
                note = turn.held().note
        if not note:
            raise UnknownLog("the witness has cosigned nothing of this log", found=origin_sha256)
        return note
