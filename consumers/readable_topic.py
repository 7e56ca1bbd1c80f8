"""Which topic of an entry a system may read: the broker shows each principal only its own."""

import time
from collections.abc import Iterable
from typing import Final

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient

from sharebus import InvalidInput, Refused, Unavailable
from sharebus.governance.identity import SystemName
from sharebus.governance.view import SHARED
from sharebus.schemas.topic import view_topic

METADATA_SECONDS_MAX: Final = 15.0
_ATTEMPT_SECONDS: Final = 1.0


def partition_counts(client: Consumer | AdminClient) -> dict[str, int]:
    """Every topic that the client's principal may know of, with its number of partitions.

    The client's ``error_cb`` is served while it waits, so a wrong password is told at once.

    :raises Unavailable: the broker does not answer.
    """
    deadline = time.monotonic() + METADATA_SECONDS_MAX
    while True:
        try:
            topics = client.list_topics(timeout=_ATTEMPT_SECONDS).topics
        except KafkaException as error:
            client.poll(0)
            if time.monotonic() < deadline:
                continue
            raise Unavailable(
                "the broker does not answer",
                found=str(error.args[0]),
                remedy="Is it running, and is its address right?",
            ) from error
        return {name: len(topic.partitions) for name, topic in topics.items()}


def choose_topic(
    shown: Iterable[str], entry: str, system: SystemName, view: str | None = None
) -> str:
    """The one topic of ``entry`` among those ``shown`` to ``system``, or that of ``view``.

    :raises Refused: there is none, or not that of ``view``: the system has no grant.
    :raises InvalidInput: there are several, and ``view`` is needed to choose.
    """
    prefix = view_topic(entry, "")
    views = sorted(
        SHARED if topic == view_topic(entry, SHARED) else topic.removeprefix(prefix)
        for topic in shown
        if topic == view_topic(entry, SHARED) or topic.startswith(prefix)
    )
    if view is not None and view in views:
        return view_topic(entry, view)
    if view is not None or not views:
        what = f"entry '{entry}'" if view is None else f"view '{view}' of entry '{entry}'"
        raise Refused(
            f"{system} may not read {what}",
            expected="a grant (授权) to this system that is in force",
            found=f"grants for the views {', '.join(views)}" if views else "no grant",
            remedy="Ask the provider for a grant, or use the system that holds one; the published "
            "catalog names the provider. A grant made just now takes a few seconds.",
        )
    if len(views) > 1:
        raise InvalidInput(
            f"{system} may read {len(views)} views of entry '{entry}'",
            expected=f"a choice of one of {', '.join(views)}",
            found="no choice",
            remedy="Give the view: `--view NAME`, or `view=` in Python.",
        )
    return view_topic(entry, views[0])
