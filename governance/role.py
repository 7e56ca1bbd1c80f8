"""Who takes part in sharing (law.md, Words)."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """Who acts or consents; the titles shown to people are configuration."""

    COORDINATOR = "coordinator"
    SUPERVISOR = "supervisor"
    SECRECY = "secrecy"
    ARCHIVES = "archives"
    GOVERNMENT = "government"
    PROVIDER = "provider"
    SUBSCRIBER = "subscriber"


OFFICES: Final = frozenset(Role) - {Role.PROVIDER, Role.SUBSCRIBER}
"""Roles that an agency holds in its jurisdiction, rather than as a party of a case."""
