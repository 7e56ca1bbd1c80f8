"""The partitions that a gate serves: their lanes and plans, and the entries that it holds back."""

import logging
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from sharebus import InvalidInput
from sharebus.schemas.topic import INGRESS_PREFIX, entry_of_ingress, ingress_topic
from sharebus.stream_apps.gate import metrics
from sharebus.stream_apps.gate.assignment import Assignment
from sharebus.stream_apps.gate.fill import is_filling
from sharebus.stream_apps.gate.lane import Lane
from sharebus.stream_apps.gate.plan import EntryPlan, NotProvisioned
from sharebus.stream_apps.gate.policy import Policy
from sharebus.stream_apps.gate.standing import Standing

log = logging.getLogger(__name__)

Place = tuple[str, int]
"""Ingress topic and partition."""

_PATTERN: Final = f"^{INGRESS_PREFIX.replace('.', chr(92) + '.')}.*"


class Serving:
    """Keeps a lane for each assigned partition.

    An entry that cannot be served, because its facts are not complete or because of a fault of the
    gate's own, is held back: its events wait in their topic, and the others go on. It is tried
    again with the next change of the policy, and when the gate starts.
    """

    def __init__(self, consumer: Consumer, assignment: Assignment, policy: Policy) -> None:
        self.lanes: dict[Place, Lane] = {}
        self.plans: dict[Place, EntryPlan] = {}
        self._held: dict[str, list[TopicPartition]] = {}
        self._paused: set[Place] = set()
        """Places whose events wait until what was accepted is moved, or a right is gone."""
        self._standing = Standing(assignment.progress)
        self._consumer = consumer
        self._assignment = assignment
        self._policy = policy
        self._turn = 0

    def subscribe(self) -> None:
        """Join the group; lanes come and go from now on, whenever the consumer is asked."""
        self._consumer.subscribe(
            [_PATTERN], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def _assigned(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._serve(partitions)
        for tp in partitions:
            log.info("serving %s partition %d", entry_of_ingress(tp.topic), tp.partition)

    def _serve(self, partitions: list[TopicPartition]) -> None:
        served: list[TopicPartition] = []
        for tp in partitions:
            held = self._held.get(entry_of_ingress(tp.topic), served)
            held.append(tp)
        self._consumer.incremental_assign(self._restore(served))

    def _restore(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Make their lanes anew as they were committed; gives where each goes on."""
        starts: list[TopicPartition] = []
        for lane in self._assignment.restore(self._consumer, partitions):
            place = (ingress_topic(lane.entry), lane.partition)
            self.lanes[place] = lane
            self.plans.pop(place, None)
            starts.append(TopicPartition(*place, lane.next_offset))
        return starts

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        # The loop is in consume(), so no transaction is open and nothing is half done.
        self._drop(partitions)
        gone = {(tp.topic, tp.partition) for tp in partitions}
        for entry, held in self._held.items():
            self._held[entry] = [tp for tp in held if (tp.topic, tp.partition) not in gone]

    def _drop(self, partitions: list[TopicPartition]) -> None:
        served = [tp for tp in partitions if (tp.topic, tp.partition) in self.lanes]
        for tp in served:
            del self.lanes[tp.topic, tp.partition]
            self.plans.pop((tp.topic, tp.partition), None)
            self._paused.discard((tp.topic, tp.partition))
        self._consumer.incremental_unassign(served)

    def rewind(self, places: list[Place]) -> None:
        """Bring these lanes back to where their last committed transaction left them."""
        for start in self._restore([TopicPartition(*place) for place in places]):
            self._consumer.seek(start)
        log.info("a rebalance came between; %d partitions are decided again", len(places))

    def hold(self, entry: str, why: object) -> None:
        """Serve this entry no more until the policy changes."""
        places = [place for place, lane in self.lanes.items() if lane.entry == entry]
        partitions = [TopicPartition(*place) for place in places]
        if isinstance(why, NotProvisioned):  # facts lead, so each new entry is seen like this
            log.info("entry %s waits until it is provisioned: %s", entry, why.where)
        else:
            log.critical("entry %s is held back, and its events wait\n%s", entry, why)
        self._held.setdefault(entry, []).extend(partitions)
        self._drop(partitions)
        metrics.HELD_ENTRIES.set(len(self._held))

    def learn(self) -> None:
        """Learn the policy now committed; if it is another one, try again what is held back."""
        for entry in self._standing.look():
            for place in [place for place in self._paused if entry_of_ingress(place[0]) == entry]:
                self._pause_or_resume(place, self.lanes[place])
        if not self._policy.learn() or not self._held:
            return
        held, self._held = self._held, {}
        metrics.HELD_ENTRIES.set(0)
        for partitions in held.values():
            self._serve(partitions)

    def plan_for(self, place: Place) -> EntryPlan | None:
        """The plan by which a lane decides; None for a topic without an entry that is shared.

        :raises NotProvisioned: the entry's facts are not complete.
        """
        lane = self.lanes[place]
        plan = self._policy.plan_of(lane.entry)
        if plan is not None and self.plans.get(place) is not plan:
            self._assignment.attach(lane, plan)
            before = self.plans.get(place)
            # What held when a lane was served last, before a start or a rebalance, nobody knows.
            if lane.recorded_version >= 0 if before is None else before.rights - plan.rights:
                self._standing.require(lane.entry, self._policy.version)
            self.plans[place] = plan
            self._pause_or_resume(place, lane)
        return plan

    def _pause_or_resume(self, place: Place, lane: Lane) -> None:
        if lane.is_moving or self._standing.is_awaited(lane.entry):
            self._consumer.pause([TopicPartition(*place)])
            self._paused.add(place)
        elif place in self._paused:
            self._consumer.resume([TopicPartition(*place)])
            self._paused.remove(place)

    def finish_move(self, place: Place) -> None:
        """Serve a partition again of which all that was accepted has been moved, and committed."""
        if place in self._paused and not self.lanes[place].is_moving:
            self.plans.pop(place, None)

    def is_servable(self, place: Place) -> bool:
        """Whether the lane has its plan and can decide; events that cannot be decided wait.

        An entry whose facts are not complete is held back.
        """
        if place not in self.lanes:
            return False
        try:
            self.plan_for(place)
        except InvalidInput as fault:
            self.hold(self.lanes[place].entry, fault)
            return False
        if place in self._paused:  # what was consumed already is consumed again
            self._consumer.seek(TopicPartition(*place, self.lanes[place].next_offset))
        return place not in self._paused

    @property
    def is_awaiting(self) -> bool:
        """Whether an entry waits until a right is gone: the loop must not rest meanwhile."""
        return self._standing.is_any_awaited

    def next_filling(self) -> Place | None:
        """The partition whose turn it is to fill a view; one a step, so that the others flow.

        A partition without events learns of a new plan here: all whose views stay as they are at
        once, and of the others, which ask the broker, one a step.
        """
        for place, lane in list(self.lanes.items()):
            if place in self.lanes and self._is_behind(place):
                before = lane.views.keys()
                if not self.is_servable(place) or lane.views.keys() - before:
                    break
        filling = [
            place
            for place, lane in self.lanes.items()
            if is_filling(lane) and not self._standing.is_awaited(lane.entry)
        ]
        metrics.FILLING_PARTITIONS.set(len(filling))
        metrics.PARTITIONS.set(len(self.lanes))
        self._turn += 1
        return filling[self._turn % len(filling)] if filling else None

    def _is_behind(self, place: Place) -> bool:
        try:
            plan = self._policy.plan_of(self.lanes[place].entry)
        except InvalidInput:
            return True
        return plan is not None and self.plans.get(place) is not plan
