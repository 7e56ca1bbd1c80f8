"""Everybody partitions alike: our murmur2 is Java's and librdkafka's."""

import ctypes
from collections.abc import Callable

import pytest
from confluent_kafka import cimpl
from hypothesis import given
from hypothesis import strategies as st

from sharebus.schemas.partition import murmur2, partition_of

JAVA_VECTORS = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}
"""From the tests of Apache Kafka's own clients (``UtilsTest.testMurmur2``)."""


@pytest.mark.parametrize(("text", "expected"), JAVA_VECTORS.items())
def test_murmur2_equals_the_published_vectors(text: str, expected: int) -> None:
    assert ctypes.c_int32(murmur2(text.encode())).value == expected


@pytest.fixture(scope="module")
def librdkafka() -> Callable[[bytes, int], int]:
    """The partitioner of the librdkafka that confluent_kafka has loaded; it needs no broker."""
    partitioner = ctypes.CDLL(cimpl.__file__).rd_kafka_msg_partitioner_murmur2
    partitioner.restype = ctypes.c_int32
    partitioner.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int32, ctypes.c_void_p,
        ctypes.c_void_p,
    ]  # fmt: skip
    return lambda key, count: int(partitioner(None, key, len(key), count, None, None))


@given(key=st.binary(min_size=1, max_size=70), count=st.integers(1, 64))
def test_partition_of_equals_librdkafka(
    librdkafka: Callable[[bytes, int], int], key: bytes, count: int
) -> None:
    assert partition_of(key, count) == librdkafka(key, count)
