"""SCRAM users of a broker, who can have one password under each of two mechanisms.

So a password is rotated without downtime: the new one is given under the other mechanism, and the
old one is ended when no system uses it any more. Which of two is newer, the broker itself keeps:
each rotation asks for one iteration more than the password before it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from pydantic import SecretStr

from sharebus import Unavailable

ITERATIONS: Final = 8192
FIRST_MECHANISM: Final = "SCRAM-SHA-512"
_MECHANISMS: Final = {
    FIRST_MECHANISM: ScramMechanism.SCRAM_SHA_512,
    "SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256,
}
_NAMES: Final = {mechanism: name for name, mechanism in _MECHANISMS.items()}
_TIMEOUT_SECONDS: Final = 10.0


class Password(NamedTuple):
    """A password and the mechanism under which the broker takes it."""

    secret: SecretStr
    mechanism: str = FIRST_MECHANISM


class Verifier(NamedTuple):
    """What the broker keeps of a password; of two, the newer has more iterations."""

    mechanism: str
    iterations: int


def set_passwords(admin: AdminClient, passwords: Mapping[str, str]) -> None:
    """Let each principal log in with its password under ``FIRST_MECHANISM``.

    Sessions that are already open go on. Raises Unavailable when the broker refuses or is silent.
    """
    first = Verifier(FIRST_MECHANISM, ITERATIONS)
    _alter(
        admin,
        [_upsertion(principal, first, password) for principal, password in passwords.items()],
        "set",
    )


def set_password(admin: AdminClient, principal: str, verifier: Verifier, password: str) -> None:
    """Let a principal log in with a password; the one under the other mechanism stays.

    Raises Unavailable when the broker refuses or is silent.
    """
    _alter(admin, [_upsertion(principal, verifier, password)], "set")


def passwords_of(admin: AdminClient, principals: Iterable[str]) -> dict[str, list[Verifier]]:
    """The passwords of each principal that has one, the oldest first.

    Raises Unavailable when the broker refuses or is silent.
    """
    asked = list(principals)
    if not asked:  # which would ask for everybody
        return {}
    futures = admin.describe_user_scram_credentials(asked)
    assert isinstance(futures, dict)  # noqa: S101 - it is one future only when asked for all users
    found = {}
    for principal, future in futures.items():
        try:
            infos = future.result(_TIMEOUT_SECONDS).scram_credential_infos
        except KafkaException as error:
            if error.args[0].code() != KafkaError.RESOURCE_NOT_FOUND:
                raise _untold(error.args[0].str()) from error
        except TimeoutError as error:
            raise _untold("no answer") from error
        else:
            verifiers = [Verifier(_NAMES[info.mechanism], info.iterations) for info in infos]
            found[principal] = sorted(verifiers, key=lambda verifier: verifier.iterations)
    return found


def users(admin: AdminClient) -> frozenset[str]:
    """Everybody who has a password. Raises Unavailable when the broker refuses or is silent."""
    future: Any = admin.describe_user_scram_credentials()
    try:
        return frozenset(future.result(_TIMEOUT_SECONDS))
    except (KafkaException, TimeoutError) as error:
        raise _untold(str(error)) from error


def remove_password(admin: AdminClient, principal: str, mechanism: str) -> None:
    """End one password; sessions that are open go on.

    Raises Unavailable when the broker refuses or is silent.
    """
    _alter(admin, [UserScramCredentialDeletion(principal, _MECHANISMS[mechanism])], "removed")


def remove_users(admin: AdminClient, principals: Iterable[str]) -> None:
    """Let them log in no more; sessions that are open go on until their rights end.

    Raises Unavailable when the broker refuses or is silent.
    """
    for principal, verifiers in passwords_of(admin, principals).items():
        for verifier in verifiers:
            remove_password(admin, principal, verifier.mechanism)


def _upsertion(principal: str, verifier: Verifier, password: str) -> UserScramCredentialAlteration:
    info = ScramCredentialInfo(_MECHANISMS[verifier.mechanism], verifier.iterations)
    return UserScramCredentialUpsertion(principal, info, password.encode())


def _alter(admin: AdminClient, alterations: list[UserScramCredentialAlteration], done: str) -> None:
    if not alterations:
        return
    for principal, future in admin.alter_user_scram_credentials(alterations).items():
        try:
            future.result(_TIMEOUT_SECONDS)
        except (KafkaException, TimeoutError) as error:
            raise Unavailable(
                f"The password of {principal} could not be {done}.", found=str(error)
            ) from error


def _untold(found: str) -> Unavailable:
    return Unavailable("The broker does not say who has a password.", found=found)
