"""Who takes part in sharing (law.md, Words)."""

from enum import StrEnum


class Role(StrEnum):
    """Who acts or consents; the titles shown to people are configuration."""

    COORDINATOR = "coordinator"
    SUPERVISOR = "supervisor"
    SECRECY = "secrecy"
    ARCHIVES = "archives"
    GOVERNMENT = "government"
    PROVIDER = "provider"
    SUBSCRIBER = "subscriber"
