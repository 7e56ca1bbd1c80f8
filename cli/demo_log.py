"""What the demo says of the audit's log: everything is signed, and the signature fits the topic."""

import time
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Message

from sharebus import Unavailable
from sharebus.infra.audit_leaf import leaf_entry
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import Settings
from sharebus.infra.tile_directory import TileDirectory, ledger_directory
from sharebus.ledger.compact import CompactRange
from sharebus.ledger.errors import Unproven
from sharebus.ledger.hashing import leaf_hash
from sharebus.ledger.note import Note
from sharebus.schemas.topic import AUDIT
from sharebus.stream_apps.notary.signing import load_policy, load_signer

SIGNED_SECONDS_MAX: Final = 30.0
_PAUSE_SECONDS: Final = 0.1


@dataclass
class SignedLog:
    """The public checkpoint once it covers the whole audit; how old it is, and who cosigned it."""

    origin: str
    tree_size: int
    root: str
    age_seconds: float
    witnesses: list[str]
    quorum: str


def signed_log(settings: Settings, config: ClientConfig) -> SignedLog:
    """Read the audit, wait until all of it is signed, and compare the root with the topic's.

    :raises Unavailable: the notary does not sign.
    :raises Unproven: it signed something else.
    """
    policy = load_policy(settings, load_signer(settings).key)
    leaves: list[bytes] = []

    def take(message: Message) -> None:
        leaves.append(leaf_hash(leaf_entry(message).encode()))

    reader = LogReader(config)
    try:
        reader.settle(AUDIT, 0)
        next_offset = reader.read(AUDIT, 0, 0, take)
        files = TileDirectory(ledger_directory(settings))
        deadline = time.monotonic() + SIGNED_SECONDS_MAX
        while True:
            data = files.read_checkpoint()
            if data is not None:
                accepted = policy.accept(Note.parse(data), int(time.time()) + 60)
                if accepted.checkpoint.size >= len(leaves):
                    break
            if time.monotonic() > deadline:
                raise Unavailable("the notary does not sign the audit", where=str(files.path))
            time.sleep(_PAUSE_SECONDS)
        reader.read(AUDIT, 0, next_offset, take)
    finally:
        reader.close()
    checkpoint = accepted.checkpoint
    found = CompactRange().extend(leaves[: checkpoint.size]).root()
    if found != checkpoint.root:
        raise Unproven(
            "the notary signed another audit than the topic holds",
            expected=checkpoint.root.hex(), found=found.hex(),
        )  # fmt: skip
    age_seconds = time.time() - (files.path / "checkpoint").stat().st_mtime
    return SignedLog(
        checkpoint.origin, checkpoint.size, checkpoint.root.hex(), round(age_seconds, 1),
        [name.decode(errors="replace") for name in accepted.seconds_by_witness],
        policy.quorum.decode(errors="replace") if policy.quorum else "none",
    )  # fmt: skip
