"""The policy file of a log (C2SP tlog-policy): whom its reader, notary or witness trusts."""

from pathlib import Path

from sharebus import InvalidInput
from sharebus.ledger.policy import Policy


def read_policy(path: Path) -> Policy:
    """Read a policy file.

    :raises InvalidInput: it cannot be read, or is no policy.
    """
    try:
        return Policy.parse(path.read_bytes())
    except OSError as error:
        raise InvalidInput(
            "The policy file cannot be read.", where=str(path), found=error.strerror or str(error)
        ) from error
