"""SCRAM users of a broker."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from sharebus import Unavailable

ITERATIONS: Final = 8192
_TIMEOUT_SECONDS: Final = 10.0


def set_passwords(admin: AdminClient, passwords: Mapping[str, str]) -> None:
    """Let each principal log in with its password, and no longer with an older one.

    Sessions that are already open go on. Raises Unavailable when the broker refuses or is silent.
    """
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    upsertions: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(principal, info, password.encode())
        for principal, password in passwords.items()
    ]
    for principal, future in admin.alter_user_scram_credentials(upsertions).items():
        try:
            future.result(_TIMEOUT_SECONDS)
        except (KafkaException, TimeoutError) as error:
            raise Unavailable(
                f"The password of {principal} could not be set.", found=str(error)
            ) from error


def users(admin: AdminClient) -> frozenset[str]:
    """Everybody who has a password. Raises Unavailable when the broker refuses or is silent."""
    future: Any = admin.describe_user_scram_credentials()
    try:
        return frozenset(future.result(_TIMEOUT_SECONDS))
    except (KafkaException, TimeoutError) as error:
        raise Unavailable(
            "The broker does not say who has a password.", found=str(error)
        ) from error


def remove_users(admin: AdminClient, principals: Iterable[str]) -> None:
    """Let them log in no more; sessions that are open go on until their rights end.

    Raises Unavailable when the broker refuses or is silent.
    """
    deletions: list[UserScramCredentialAlteration] = [
        UserScramCredentialDeletion(principal, ScramMechanism.SCRAM_SHA_512)
        for principal in principals
    ]
    if not deletions:
        return
    for principal, future in admin.alter_user_scram_credentials(deletions).items():
        try:
            future.result(_TIMEOUT_SECONDS)
        except (KafkaException, TimeoutError) as error:
            raise Unavailable(
                f"The password of {principal} could not be removed.", found=str(error)
            ) from error
