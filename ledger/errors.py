"""What can be wrong with the bytes of a transparency log.

LedgerError                 exit 1
├── Malformed               exit 3   the bytes are not in the format they claim to have
├── Untrusted               exit 4   no pinned key signed it, or too few witnesses did
└── Unproven                exit 7   a proof, tile or root contradicts another

Nothing else leaves this room: whatever bytes a parser is given, it answers or raises one of these.
"""

from sharebus import InvalidInput, NumbersDisagree, Refused, SharebusError

__all__ = ["LedgerError", "Malformed", "Unproven", "Untrusted"]


class LedgerError(SharebusError):
    """Root of the errors about the tamper-evident log."""


class Malformed(InvalidInput, LedgerError):
    """The bytes are not in the format they claim to have; nothing was concluded from them."""


class Untrusted(Refused, LedgerError):
    """No pinned key signed it, a pinned key's signature is wrong, or the quorum is not met."""


class Unproven(NumbersDisagree, LedgerError):
    """A proof does not lead to the root, or two things that must be equal are not."""
