"""Whom an overseer believes, and what it found."""

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

from sharebus.consumers.oversight.verified_log import VerifiedLog
from sharebus.ledger.keys import NoteKey
from sharebus.ledger.policy import Policy

UNSIGNED_SECONDS_MAX: Final = 60.0
"""For how long a record may wait for its checkpoint, or a checkpoint for its quorum."""


@dataclass(frozen=True)
class Trust:
    """What an overseer pins: the policy, and how long things may take.

    ``checkpoint_seconds_max`` is how old a cosignature may be. A log in which nothing happens signs
    nothing, so it is for those who know that something must.
    """

    policy: Policy
    unsigned_seconds_max: float = UNSIGNED_SECONDS_MAX
    checkpoint_seconds_max: float = math.inf

    @property
    def keys(self) -> list[NoteKey]:
        """The keys of the first log of the policy."""
        origin = self.policy.logs[0].key.name
        return [log.key for log in self.policy.logs if log.key.name == origin]


class Verification(NamedTuple):
    """All is well: what was verified, how many records of it now, how many wait for a signature."""

    log: VerifiedLog
    records: int
    unsigned: int
