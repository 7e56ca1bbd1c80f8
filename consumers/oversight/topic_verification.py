"""Verifies the audit from its topic: every leaf against every checkpoint, writer by writer."""

from sharebus.consumers.oversight.alarm import Place, Recreated
from sharebus.consumers.oversight.checkpoint_feed import CheckpointFeed
from sharebus.consumers.oversight.log_files import LogFiles
from sharebus.consumers.oversight.topic_walk import OnProgress, TopicWalk
from sharebus.consumers.oversight.trust import Trust, Verification
from sharebus.consumers.oversight.verified_log import VerifiedLog
from sharebus.infra.admin_client import connect_admin, read_topic_id
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.log_reader import LogReader
from sharebus.schemas.topic import AUDIT


def verify_topic(
    config: ClientConfig,
    trust: Trust,
    held: VerifiedLog | None,
    *,
    is_full: bool = False,
    files: LogFiles | None = None,
    on_progress: OnProgress = lambda _done, _end: None,
) -> Verification:
    """Verify the topic behind what is held, or all of it.

    With ``is_full`` what is held must still be found in it.

    :raises AuditAlarm: something is wrong; the subclass says what.
    :raises Unavailable: the broker does not answer, or a transaction stays open.
    """
    topic_id = read_topic_id(connect_admin(config), AUDIT)
    if topic_id is None or (held is not None and topic_id != held.topic_id):
        raise Recreated(
            "the topic is not the one that was verified before" if topic_id else "no such topic",
            Place(), held and held.since,
            expected=f"topic id {held.topic_id}" if held else "", found=topic_id or "none",
        )  # fmt: skip
    log = LogReader(config)
    walk = TopicWalk(log, topic_id, trust, held, is_full, files, on_progress)
    walk.feed = CheckpointFeed(config, trust.keys, walk.checkpoint_offset)
    try:
        return walk.run()
    finally:
        walk.feed.close()
        log.close()
