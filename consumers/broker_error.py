"""What the broker's errors mean to somebody who reads."""

from typing import Final

from confluent_kafka import KafkaError

from sharebus import Refused, SharebusError, Unavailable
from sharebus.governance.identity import SystemName

_NO_RIGHT: Final = frozenset({KafkaError.TOPIC_AUTHORIZATION_FAILED})
_GONE: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
    }
)
_NOT_KNOWN: Final = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError.SASL_AUTHENTICATION_FAILED,
    }
)


def error_for_reader(
    error: KafkaError, system: SystemName, topic: str, group: str
) -> SharebusError | None:
    """The error that ends the reading; None for what passes by itself, as a lost connection.

    Refused: the right to the topic was taken away or never given, or the password is not valid any
    more. Unavailable: the topic is gone, or the client can do nothing further.
    """
    code, found = error.code(), error.str()
    if code in _NO_RIGHT:
        return Refused(
            f"{system} may not read {topic}",
            expected="a grant (授权) that is in force",
            found=found,
            remedy="The grant ended, was revoked, or its view was replaced by another. "
            "Ask the provider; what was acknowledged stays acknowledged.",
        )
    if code == KafkaError.GROUP_AUTHORIZATION_FAILED:
        return Refused(
            f"{system} may not use the consumer group {group}",
            expected=f"a right on groups that begin with {system.group_prefix}",
            found=found,
            remedy="The right comes with the agency's enrolment as a subscriber.",
        )
    if code in _NOT_KNOWN:
        return Refused(
            f"the broker does not accept the credentials of {system}",
            found=found,
            remedy="Enrol the system again: `sharebus credentials SYSTEM --rotate --save`.",
        )
    if code in _GONE:
        return Unavailable(
            f"topic {topic} is not there any more",
            found=found,
            remedy="The entry was withdrawn or its view was replaced; subscribe again.",
        )
    if error.fatal():
        return Unavailable("the connection to the broker cannot go on", found=found)
    return None
