"""How the gate's producer and consumer are configured, and why."""

from sharebus.infra.credentials import ClientConfig
from sharebus.schemas.partition import PARTITIONER


def producer_config(config: ClientConfig, name: str) -> ClientConfig:
    """The one producer of a gate; ``name``, its transactional id, fences its former self."""
    return {
        **config,
        "transactional.id": name,
        "transaction.timeout.ms": 5_000,  # a dead gate holds readers of the audit no longer
        "partitioner": PARTITIONER,
        "compression.type": "lz4",
        "linger.ms": 5,
        "batch.size": 1_000_000,
        "message.max.bytes": 1_048_576 * 2,
        "queue.buffering.max.messages": 100_000,
        "queue.buffering.max.kbytes": 65_536,
        "retry.backoff.ms": 5,  # the offsets call retries while the last commit settles
    }


def consumer_config(config: ClientConfig, session_timeout_ms: int) -> ClientConfig:
    """The consumer of ingress topics, a member of the group ``gate``."""
    return {
        **config,
        "group.id": "gate",
        # Not a static member: one that returns gets its old partitions back unasked, and those of
        # entries that came while it was away are then served by nobody (decision 0009).
        "session.timeout.ms": session_timeout_ms,
        "heartbeat.interval.ms": session_timeout_ms // 4,
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",  # where to begin is decided by assignment, never guessed
        "partition.assignment.strategy": "cooperative-sticky",
        "topic.metadata.refresh.interval.ms": 1_000,  # new entries are served within 5 s
        "socket.timeout.ms": 10_000,  # an answer that does not come must not hold the gate for 60 s
        "queued.max.messages.kbytes": 16_384,
        # Without it every single event ends a fetch, and on one broker the fetches of ten slow
        # entries cost more than the transactions (latency p50 150 to 110 ms).
        "fetch.min.bytes": 100_000,
        "fetch.wait.max.ms": 20,
    }
