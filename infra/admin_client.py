"""The administrator's connection to the broker."""

import time
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from sharebus import Refused, Unavailable
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log

_CONNECT_SECONDS: Final = 10.0
_CONNECT_ATTEMPT_SECONDS: Final = 1.0
_CALL_SECONDS_MAX: Final = 15.0


def connect_admin(config: ClientConfig) -> AdminClient:
    """A client that the broker has answered.

    :raises Refused: the broker does not know this login.
    :raises Unavailable: nobody answers there.
    """
    errors: list[KafkaError] = []
    listening: dict[str, Any] = {**config, "error_cb": errors.append}
    admin = AdminClient(listening, logger=librdkafka_log)
    where = str(config["bootstrap.servers"])
    deadline = time.monotonic() + _CONNECT_SECONDS
    while True:
        try:
            admin.list_topics(timeout=_CONNECT_ATTEMPT_SECONDS)
        except KafkaException as error:
            admin.poll(0)  # hands over the errors seen meanwhile
            refusals = [seen.str() for seen in errors if seen.code() == KafkaError._AUTHENTICATION]
            if refusals:
                raise Refused(
                    "The broker does not accept the login.", where=where, found=refusals[-1]
                ) from error
            if time.monotonic() > deadline:
                raise Unavailable(
                    "The broker does not answer.",
                    where=where,
                    found=error.args[0].str(),
                    remedy="Start it with `sharebus up`, or correct bootstrap_servers.",
                ) from error
        else:
            return admin


def read_topic_id(admin: AdminClient, topic: str) -> str | None:
    """Kafka's id of a topic; None if there is none of this name. One made anew has another.

    :raises Unavailable: the broker does not answer.
    """
    future = admin.describe_topics(TopicCollection([topic]), request_timeout=_CALL_SECONDS_MAX)
    try:
        return str(future[topic].result().topic_id)
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        if cause.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return None
        raise Unavailable(f"topic {topic} cannot be looked at", found=cause.str()) from error
