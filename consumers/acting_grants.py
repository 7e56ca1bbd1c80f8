"""The grants by which a system reads an entry, as its agency was told of them."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from confluent_kafka import Message

from sharebus.governance.docket.emergency import emergency_grant_id
from sharebus.governance.identity import SystemName
from sharebus.governance.self_service import automatic_grant_id
from sharebus.governance.view import SHARED
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.log_reader import LogReader
from sharebus.schemas.case_fact import case_of_notice
from sharebus.schemas.record import case_notice
from sharebus.schemas.topic import notices_topic, view_topic

_KEYS: Final = (b"@case/grant/", b"@case/emergency/")


class ActingGrant(NamedTuple):
    """A grant under which a system acts: for what (Order 809 Art 20), and until which local day.

    ``last_day`` is empty where the grant follows from the catalog (自行获取) and has no end.
    """

    id: str
    legal_basis: str
    scenario: str
    scope: str
    last_day: str


def acting_grants(
    config: ClientConfig, system: SystemName, entry: str, topic: str
) -> tuple[ActingGrant, ...]:
    """The grants in force of a system on an entry; by id.

    Those of requests and of emergencies are in the notices of its agency. Without one, ``topic``
    tells whether the system reads by the automatic grant. A grant of the reviewed files that no
    command has been about is told to nobody, and so not here.

    :raises Unavailable: the notices cannot be read.
    """
    newest: dict[bytes, bytes] = {}

    def take(message: Message) -> None:
        key, value = message.key(), message.value()
        if isinstance(key, bytes) and key.startswith(_KEYS) and value is not None:
            newest[key] = value

    log = LogReader(config)
    try:
        log.read(notices_topic(system.agency), 0, 0, take)
    finally:
        log.close()
    found = sorted(_of_notices(newest.values(), system, entry))
    if not found and topic == view_topic(entry, SHARED):
        found = [ActingGrant(automatic_grant_id(entry, str(system)), "", "自行获取", "", "")]
    return tuple(found)


def _of_notices(values: Iterable[bytes], system: SystemName, entry: str) -> Iterator[ActingGrant]:
    for value in values:
        case = case_of_notice(case_notice().decode(value))
        content = case.content
        if case.case_kind == "grant":
            document = content["document"]
            of_both = (document["entry"], document["system"]) == (entry, str(system))
            if of_both and case.state == "in_force":
                purpose = document["purpose"]
                yield ActingGrant(
                    case.id, purpose["legal_basis"], purpose["scenario"], purpose["scope"],
                    document["term"]["last_day"],
                )  # fmt: skip
        elif (
            case.state == "declared"
            and entry in content["entries"]
            and system.agency in content["agencies"]
        ):
            yield ActingGrant(
                emergency_grant_id(case.id, entry, str(system)), "", str(content["reason"]),
                f"emergency {case.id}", str(content["until"]),
            )  # fmt: skip
