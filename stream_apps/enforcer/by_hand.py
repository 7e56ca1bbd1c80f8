"""The enforcer's work done once, by an administrator: ``sharebus broker``."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final, NamedTuple

from sharebus import InvalidInput
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.settings import Settings
from sharebus.stream_apps.enforcer.apply import PRINCIPAL, local_date
from sharebus.stream_apps.enforcer.desired import is_of_platform
from sharebus.stream_apps.enforcer.difference import Plan
from sharebus.stream_apps.enforcer.enforcement import Enforcement
from sharebus.stream_apps.enforcer.publish import CATALOG
from sharebus.stream_apps.enforcer.view_end import UnusedView

_LOST_WITH: Final = {
    "ingress": "events that were not decided yet, and a month of those that were",
    "accepted": "the state of the entry: its provider publishes a --snapshot",
    "shared": "the state of an entry without an accepted topic: its provider publishes a "
    "--snapshot; of any other nothing, for it is filled again",
    "view": "nothing: it is filled again from what was accepted",
    "deliveries": "which deliveries were closed",
    "notices": "what the agency was told",
    "commands": "commands that were not decided; the registrar stops until a person lets it go on",
    "quarantine": "events that were refused in the last 90 days",
}


class Difference(NamedTuple):
    """What differs from the facts of a policy version; of a view without a grant, when it goes."""

    plan: Plan
    unused: tuple[UnusedView, ...]
    version: int


def plan_by_hand(settings: Settings) -> Difference:
    """See what differs; nothing is done.

    :raises Unavailable: broker or registry do not answer.
    """
    with _enforcement(settings) as enforcement:
        plan, unused = enforcement.planned(local_date())
        return Difference(plan, unused, enforcement.facts.version)


def apply_by_hand(
    settings: Settings, *, rights_removed_max: int | None = None, remade: Sequence[str] = ()
) -> Difference:
    """Do what may be done, though an enforcer runs; gives what was done and what is left.

    ``remade`` are lost topics that are to be made anew, empty.

    :raises InvalidInput: one of them is not lost, or is the platform's own.
    :raises Refused: more rights would be taken away than may be; nothing was done.
    :raises Unavailable: broker or registry do not answer.
    """
    today = local_date()
    limit = settings.rights_removed_max if rights_removed_max is None else rights_removed_max
    with _enforcement(settings) as enforcement:
        enforcement.rights_removed_max = limit
        plan, unused = enforcement.planned(today)
        plan.require_within(limit)
        for topic in remade:
            loss_of(topic)
        enforcement.follow(today)
        for topic in remade:
            enforcement.remake(topic, today)
        if remade:
            enforcement.forget()
            enforcement.catch_up()
            enforcement.follow(today)
        enforcement.delete_due(unused)
        conflicts = enforcement.conflicts
        return Difference(plan._replace(conflicts=conflicts), unused, enforcement.facts.version)


def loss_of(topic: str) -> str:
    """What is gone with a topic, for the person who makes it anew.

    :raises InvalidInput: it is the platform's own: an empty one would hide that all is lost.
    """
    loss = _LOST_WITH.get(topic.partition(".")[0])
    if loss is None or is_of_platform(topic):
        raise InvalidInput(
            "This topic cannot be made anew.",
            where=f"topic {topic}",
            expected="a topic of an entry or of an agency",
            remedy="Restore it from a copy: see docs/operating.md.",
        )
    return loss


@contextmanager
def _enforcement(settings: Settings) -> Iterator[Enforcement]:
    config = client_config(settings, credentials_for(settings, PRINCIPAL))
    with ExitStack() as stack:
        enforcement = Enforcement(settings, config, CATALOG, stack)
        enforcement.catch_up()
        if not enforcement.facts.schemas:
            raise InvalidInput(
                "There are no facts yet that the broker could be compared with.",
                remedy="`sharebus up`, or `sharebus catalog apply`, begins.",
            )
        yield enforcement
