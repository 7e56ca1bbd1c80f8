import pytest
from confluent_kafka import KafkaError

from sharebus import Refused, SharebusError, Unavailable
from sharebus.consumers.broker_error import error_for_reader
from sharebus.governance.identity import SystemName


def translated(code: int) -> SharebusError | None:
    system = SystemName("planning", "gis")
    return error_for_reader(KafkaError(code), system, "shared.divisions", "agency.planning.gis")


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError._AUTHENTICATION,
        KafkaError.SASL_AUTHENTICATION_FAILED,
    ],
)
def test_missing_right_is_refused_with_a_remedy(code: int) -> None:
    refusal = translated(code)
    assert isinstance(refusal, Refused)
    assert refusal.remedy


def test_missing_topic_is_unavailable() -> None:
    assert isinstance(translated(KafkaError.UNKNOWN_TOPIC_OR_PART), Unavailable)


@pytest.mark.parametrize("code", [KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT])
def test_lost_connection_ends_nothing_since_the_client_reconnects(code: int) -> None:
    assert translated(code) is None
