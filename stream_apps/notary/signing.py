"""With whose key the log is signed, and who must cosign."""

from sharebus import InvalidInput
from sharebus.infra.credentials import read_private
from sharebus.infra.embedded.secrets import NOTARY_KEY, key_path
from sharebus.infra.log_policy import read_policy
from sharebus.infra.settings import Settings
from sharebus.ledger.keys import NoteKey, NoteSigner
from sharebus.ledger.policy import Log, Policy


def load_signer(settings: Settings) -> NoteSigner:
    """The private key of the log, from its file.

    :raises InvalidInput: there is none, others may read it, or it is the key of another log.
    """
    path = key_path(settings, NOTARY_KEY)
    if not path.exists():
        raise InvalidInput(
            "There is no key to sign the audit with.", where=str(path),
            remedy="`sharebus credentials --keys` makes it once, with the other keys of a bus; a "
            "key that was lost comes from a backup, or see docs/ledger.md, Keys.",
        )  # fmt: skip
    signer = NoteSigner.from_text(read_private(path, what="key of the notary").strip())
    if signer.key.name != settings.ledger_origin:
        raise InvalidInput(
            "the key of the notary is that of another log", where=str(path),
            expected=settings.ledger_origin, found=signer.key.name,
            remedy="Set ledger_origin as it was when the key was made: a log keeps its name.",
        )  # fmt: skip
    return signer


def load_policy(settings: Settings, key: NoteKey) -> Policy:
    """Who must cosign: what the settings' policy file says, else nobody.

    :raises InvalidInput: the file cannot be read, or does not trust this log's key.
    """
    if settings.ledger_policy is None:
        return Policy(logs=[Log(key, b"")])
    policy = read_policy(settings.ledger_policy)
    if key not in [log.key for log in policy.logs]:
        raise InvalidInput(
            "The policy of the log does not name its key.", where=str(settings.ledger_policy),
            expected=f"log {key.vkey()}",
        )  # fmt: skip
    return policy
