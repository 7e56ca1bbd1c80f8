"""Shows that one decision is in the log: finds it, writes a proof file, checks one offline.

A proof file holds the leaf, which is a whole audit record: up to 256 decisions of one writer on one
source partition. What it tells of the others is what the audit tells of them: pseudonyms and keyed
digests, times, rules and topics, and no value of any event.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sharebus import InvalidInput
from sharebus.consumers.oversight.log_files import LogFiles
from sharebus.consumers.oversight.topic_walk import OnProgress
from sharebus.ledger.bundle import decode_bundle
from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.entry import LeafEntry
from sharebus.ledger.errors import Malformed
from sharebus.ledger.hashing import leaf_hash
from sharebus.ledger.note import Note
from sharebus.ledger.policy import Policy, Witnessed
from sharebus.ledger.proof_file import ProofFile
from sharebus.ledger.proofs import inclusion_proof
from sharebus.ledger.tiles import ENTRIES, Tile, tile_nodes, tiles_of_level
from sharebus.schemas.record import audit_batch

Line = dict[str, Any]


class Wanted(NamedTuple):
    """Which decision: of a source topic, by the place or the pseudonym of its event."""

    topic: str
    partition: int | None = None
    offset: int | None = None
    event: bytes | None = None

    def is_possible(self, encoded: bytes) -> bool:
        """Whether a leaf can hold it at all, without decoding it."""
        return self.topic.encode() in encoded

    def lines_of(self, batch: dict[str, Any]) -> list[Line]:
        """The lines of an audit record that are it."""
        is_source = self.topic == batch["source_topic"]
        if not is_source or self.partition not in (None, batch["source_partition"]):
            return []
        return [
            line
            for line in batch["lines"]
            if self.offset in (None, line["offset"]) and self.event in (None, line["event"])
        ]


class Leaf(NamedTuple):
    """A record of the audit in the log: its number, its bytes, and what it says."""

    number: int
    encoded: bytes
    batch: dict[str, Any]


class Checked(NamedTuple):
    """What a proof file proved: the checkpoint, who cosigned it, and the record."""

    witnessed: Witnessed
    leaf: Leaf


def find_decision(
    files: LogFiles, size: int, wanted: Wanted, on_progress: OnProgress = lambda _done, _end: None
) -> Leaf:
    """The first record of the log that holds the decision.

    :raises InvalidInput: there is none among the first ``size`` leaves.
    """
    for number, encoded in _leaves(files, size, on_progress):
        if wanted.is_possible(encoded):
            batch = audit_batch().decode(LeafEntry.decode(encoded).value)
            if wanted.lines_of(batch):
                return Leaf(number, encoded, batch)
    raise InvalidInput(
        "the log holds no such decision", where=f"its {size} leaves", expected=str(wanted),
        remedy="A decision is in the log about a second after it was taken.",
    )  # fmt: skip


def prove(files: LogFiles, note: Note, leaf: Leaf) -> ProofFile:
    """A proof that the leaf is under the checkpoint; whoever checks it need not trust the files."""
    size = Checkpoint.parse(note.text).size
    proof = inclusion_proof(leaf.number, size, tile_nodes(size, _remembering(files)))
    return ProofFile(leaf.number, tuple(proof), note, leaf.encoded)


def check(data: bytes, policy: Policy, latest_seconds: int) -> Checked:
    """What a proof file proves, with nothing but a policy.

    :raises Malformed: it is none, or holds no leaf.
    :raises Untrusted: the policy does not accept its checkpoint.
    :raises Unproven: the leaf is not in the log.
    """
    proof = ProofFile.parse(data)
    if proof.extra is None:
        raise Malformed("the proof file does not hold the record that it is about")
    witnessed = proof.verify(leaf_hash(proof.extra), policy, latest_seconds)
    batch = audit_batch().decode(LeafEntry.decode(proof.extra).value)
    return Checked(witnessed, Leaf(proof.leaf_index, proof.extra, batch))


def _leaves(files: LogFiles, size: int, on_progress: OnProgress) -> Iterator[tuple[int, bytes]]:
    number = 0
    for bundle in tiles_of_level(ENTRIES, size):
        for encoded in decode_bundle(files.read(bundle), bundle):
            yield number, encoded
            number += 1
        on_progress(number, size)


def _remembering(files: LogFiles) -> Callable[[Tile], bytes]:
    """A proof asks for one tile more than once."""
    known: dict[Tile, bytes] = {}

    def read(tile: Tile) -> bytes:
        if tile not in known:
            known[tile] = files.read(tile)
        return known[tile]

    return read
