"""What the notary holds, or a witness, contradicts the topic."""

from typing import ClassVar

from sharebus import SharebusError
from sharebus.stream_apps.stopped import EXIT_NEEDS_PERSON


class Contradiction(SharebusError):
    """To sign now would sign another history than the one that was signed before.

    The message names what contradicts what. Nothing was signed and a person must look; see
    docs/ledger.md, "When the notary refuses to run".
    """

    exit_code: ClassVar[int] = EXIT_NEEDS_PERSON
