"""What a user is told when the broker is away."""

import pytest
from confluent_kafka import KafkaError

from sharebus.infra.log_reader import unreachable


@pytest.mark.parametrize(
    "code",
    [
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TRANSPORT,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._TIMED_OUT,
    ],
)
def test_broker_that_is_away_is_told_with_its_address_and_what_to_do(code: int) -> None:
    told = str(unreachable("127.0.0.1:19092", "topic x cannot be read", KafkaError(code)))
    assert "127.0.0.1:19092" in told
    assert "run the same command again" in told.replace("\n", " ")
    assert "_ALL_BROKERS_DOWN" not in told
    assert "_UNKNOWN_PARTITION" not in told


def test_another_error_keeps_its_own_words() -> None:
    error = unreachable("a:1", "topic x cannot be read", KafkaError(KafkaError.INVALID_MSG))
    assert error.problem == "topic x cannot be read"
    assert error.found
