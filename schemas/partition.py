"""The partition of a key: murmur2 as Java clients compute it, so that every client agrees.

The algorithm is Kafka's public contract (``org.apache.kafka.common.utils.Utils.murmur2``,
``BuiltInPartitioner.partitionForKey``); librdkafka's name for it is ``murmur2_random``.
"""

from typing import Final

PARTITIONER: Final = "murmur2_random"
_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """32-bit murmur2 of the bytes, unsigned."""
    length = len(data)
    h = _SEED ^ length
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _M & _MASK
        k = (k ^ (k >> 24)) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    tail = data[whole:]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * _M & _MASK
    h = (h ^ (h >> 13)) * _M & _MASK
    return h ^ (h >> 15)


def partition_of(key: bytes, partition_count: int) -> int:
    """The one partition in which records of this key belong."""
    return (murmur2(key) & 0x7FFFFFFF) % partition_count
