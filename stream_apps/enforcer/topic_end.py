"""Deletes the topics that nothing asks for any more, with all that they hold.

Views that nobody was granted for some days, and copies that an entry has left by another class.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Final

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.shared_copy import copy_left
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.log_reader import LogReader
from sharebus.schemas.topic import accepted_topic, value_subject
from sharebus.stream_apps.enforcer import metrics
from sharebus.stream_apps.enforcer.broker import BrokerState
from sharebus.stream_apps.enforcer.plan import FactChanges
from sharebus.stream_apps.enforcer.publication import Publication, now_ms, withdrawn
from sharebus.stream_apps.enforcer.subjects import Subjects
from sharebus.stream_apps.enforcer.view_end import UnusedView, ViewEnds
from sharebus.stream_apps.progress import ProgressReader

log = logging.getLogger(__name__)

_DELETED_AT_ONCE: Final = 20
"""Topics that one look deletes: changes wait meanwhile."""


class TopicEnds:
    """Methods raise as those of ``Enforcement``; they give the topics that are gone."""

    def __init__(
        self,
        config: ClientConfig,
        reader: FactsReader,
        view_ends: ViewEnds,
        broker: BrokerState,
        publication: Publication,
        subjects: Subjects,
    ) -> None:
        self._config = config
        self._reader = reader
        self._view_ends = view_ends
        self._broker = broker
        self._publication = publication
        self._subjects = subjects

    def delete_views(
        self, views: Iterable[UnusedView], kept_days: int, standing: int
    ) -> tuple[str, ...]:
        """Delete some of the views that are due, but those that were granted meanwhile.

        Their schemas are no facts any more before the topics go, so that whoever is granted one
        from then on waits until it is provided anew.
        """
        due = [view.topic for view in views if view.due_ms <= now_ms()][:_DELETED_AT_ONCE]
        if facts := withdrawn(self._reader.facts, due):
            self._publication.publish(FactChanges(facts, ()), standing)
            self._reader.catch_up()
        left = [view.topic for view in self._view_ends.unused(due, (), kept_days)]
        gone = [topic for topic in left if value_subject(topic) not in self._reader.facts.schemas]
        self._delete(gone, "view.deleted", standing)
        metrics.VIEWS_DELETED.inc(len(gone))
        return tuple(gone)

    def delete_copies(self, standing: int) -> tuple[str, ...]:
        """Delete the copies that were left, where the gate has moved all that they held.

        Their schemas are facts until they are gone: as long, the rules let the entry change its
        class no more, so that no copy can be wanted again which holds old rows.
        """
        facts = self._reader.facts
        left = {copy_left(facts, entry): entry for entry in facts.entries.values()}
        left.pop(None, None)
        if not left:
            return ()
        progress = self._read_progress()
        moved = [topic for topic, entry in left.items() if topic and _is_moved(progress, entry)]
        gone = moved[:_DELETED_AT_ONCE]
        self._delete(gone, "copy.deleted", standing)
        return tuple(gone)

    def _read_progress(self) -> ProgressReader:
        # Read anew: a copy is left for seconds, and in most hours none is.
        log_reader = LogReader(self._config)
        try:
            progress = ProgressReader(log_reader)
            progress.catch_up()
        finally:
            log_reader.close()
        return progress

    def _delete(self, topics: Sequence[str], rule: str, standing: int) -> None:
        if not topics:
            return
        self._broker.delete(topics)
        for topic in topics:
            self._publication.tell(rule, topic, topic)
        log.info("%s: %s", rule, ", ".join(topics))
        facts = withdrawn(self._reader.facts, topics)
        self._publication.publish(FactChanges(facts, ()), standing)
        self._subjects.remove(map(value_subject, topics))


def _is_moved(progress: ProgressReader, entry: CatalogEntry) -> bool:
    """Whether the gate has recorded of every partition that what it accepted lies elsewhere.

    Of what is not shared any more it serves no partition, and so records nothing.
    """
    records = (progress.partition(entry.id, number) for number in range(entry.partitions))
    is_served = entry.sharing_class != "not_shared"
    return all(
        record["accepted_topic"] == accepted_topic(entry) if record else not is_served
        for record in records
    )
