"""The audit key: whoever has it can tell whether a digest of the audit is of a given record."""

from pathlib import Path

from sharebus.infra.credentials import read_private
from sharebus.infra.embedded.secrets import key_path
from sharebus.infra.settings import Settings
from sharebus.schemas.audit_digest import AuditDigest


def audit_digest(settings: Settings) -> AuditDigest:
    """The keyed digests of the audit, under this installation's key."""
    return digest_under(key_path(settings, "audit_key"))


def digest_under(key_file: Path) -> AuditDigest:
    """The keyed digests under the key in a file.

    :raises InvalidInput: it cannot be read, or others can read it.
    """
    return AuditDigest(bytes.fromhex(read_private(key_file, what="audit key").strip()))
