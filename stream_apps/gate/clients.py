"""How the gate's consumer is configured, and why."""

from sharebus.infra.credentials import ClientConfig


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
