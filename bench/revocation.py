"""How long a revocation takes: from the decision's commit to *effective-at*.

Every subscriber has a fetch parked at the broker for a minute. Its grant is revoked by a fact, one
after the other, and the enforcer, a process of its own, records since when the right has ended
(design, decision 5). Run: ``python bench/revocation.py``.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Final

from bench_stage import PROVIDER, Stage, agencies, entry_of, grant_of, stage
from confluent_kafka import Consumer, Message, TopicPartition

from sharebus.governance.collection import Collection
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import Grant
from sharebus.governance.identity import SystemName
from sharebus.governance.view import view_of_grant
from sharebus.infra.admin_client import connect_admin
from sharebus.infra.audit_key import audit_digest
from sharebus.infra.catalog_files import CatalogFiles
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.enrolment import enrol, save_password
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.schemas.record import audit_batch, platform_records
from sharebus.schemas.topic import AUDIT, FACTS_POLICY, view_topic
from sharebus.stream_apps.enforcer import office
from sharebus.stream_apps.enforcer.apply import apply_catalog
from sharebus.stream_apps.enforcer.plan import FactChanges
from sharebus.stream_apps.enforcer.publish import CATALOG, FactsPublisher

AGENCY: Final = "bench-subscriber"
_WAIT_SECONDS_MAX: Final = 120.0


def main() -> None:
    """Print the distribution as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=200)
    parser.add_argument("--per-second", type=float, default=5.0, help="decisions a second")
    arguments = parser.parse_args()
    with stage() as here:
        grants = provision(here, arguments.subscribers)
        with here.app("enforcer"):
            admin = connect_admin(here.admin_config)
            wait_for(lambda: office.is_held(admin))
            entry = here.facts().entries[grants[0].entry]
            parked = [park(here, entry, grant) for grant in grants]
            decided_ms = revoke(here, grants, arguments.per_second)
            ended_ms = effective(here, len(grants))
    seconds = sorted((ended_ms[name] - decided_ms[name]) / 1000 for name in decided_ms)
    cuts = statistics.quantiles(seconds, n=100)
    result = {
        "subscribers": len(seconds),
        "p50_s": cuts[49],
        "p99_s": cuts[98],
        "max_s": seconds[-1],
    }
    rounded = {name: round(value, 3) for name, value in result.items()}
    print(json.dumps({"subscribers": len(parked), **rounded}), flush=True)
    os._exit(0)  # a client that the broker does not listen to takes long to leave


def provision(here: Stage, count: int) -> list[Grant]:
    """One view with so many grantees, each a system with a password."""
    provider, subscriber = agencies()
    systems = [
        {"id": f"reader-{number}", "name": "bench", "roles": ["subscriber"]}
        for number in range(count)
    ]
    subscriber = subscriber.model_validate({**subscriber.model_dump(), "systems": systems})
    entry = entry_of("bench-revoked", is_masked=True)
    grants = [
        grant_of(entry).model_copy(
            update={"id": f"g-{number}", "system": f"{AGENCY}.reader-{number}"}
        )
        for number in range(count)
    ]
    collection = Collection((provider, subscriber), (entry,), tuple(grants))
    apply_catalog(here.settings, CatalogFiles(collection, {}))
    assert entry.provider.agency == PROVIDER
    names = [SystemName(AGENCY, f"reader-{number}") for number in range(count)]
    for name, password in enrol(here.settings, names).items():
        save_password(here.settings, name, password)
    return grants


def park(here: Stage, entry: CatalogEntry, grant: Grant) -> Consumer:
    """A reader of uncommitted data whose fetch waits at the broker."""
    login = client_config(here.settings, credentials_for(here.settings, grant.grantee.principal))
    consumer = Consumer(
        {
            **login,
            "group.id": "agency.nobody",
            "isolation.level": "read_uncommitted",
            "fetch.wait.max.ms": 60_000,
            "fetch.min.bytes": 900_000,
            "socket.timeout.ms": 70_000,
        },
        logger=librdkafka_log,
    )
    topic = view_topic(entry.id, view_of_grant(entry, grant).name)
    consumer.assign([TopicPartition(topic, 0, 0)])
    consumer.poll(0.1)
    return consumer


def revoke(here: Stage, grants: list[Grant], per_second: float) -> dict[str, int]:
    """Publish one decision after the other; gives when each was committed, by principal."""
    facts = here.facts()
    ids = {record.subject: max(facts.schemas[record.subject]) for record in platform_records()}
    decided_ms = {}
    with FactsPublisher(here.admin_config, audit_digest(here.settings), CATALOG) as publisher:
        for grant in grants:
            started = time.monotonic()
            fact = grant.model_copy(update={"revoked": True})
            publisher.publish(FactChanges((fact,), ()), ids, facts.version, FACTS_POLICY)
            decided_ms[grant.grantee.principal] = time.time_ns() // 1_000_000
            time.sleep(max(0.0, 1 / per_second - (time.monotonic() - started)))
    return decided_ms


def effective(here: Stage, count: int) -> dict[str, int]:
    """Since when each right on the view has ended, as the audit says, by principal."""
    ended_ms: dict[str, int] = {}

    def take(message: Message) -> None:
        batch = audit_batch().decode(message.value() or b"")
        for line in batch["lines"] if batch["kind"] == "broker" else ():
            route = batch["routes"][line["route"]] if line["route"] >= 0 else [""]
            if line["rule"] == "right.ended" and route[0].startswith("view."):
                ended_ms[line["place"]] = line["ingress_ms"]

    log = LogReader(here.admin_config)
    position = 0

    def all_ended() -> bool:
        nonlocal position
        position = log.read(AUDIT, 0, position, take)
        return len(ended_ms) >= count

    wait_for(all_ended)
    log.close()
    return ended_ms


def wait_for(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + _WAIT_SECONDS_MAX
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit("it did not come about")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
