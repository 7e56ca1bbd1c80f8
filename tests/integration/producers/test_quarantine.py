import json
from io import BytesIO
from typing import Any

import pytest
from confluent_kafka import Producer
from fastavro import schemaless_reader

from sharebus.governance.entry import CatalogEntry
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.producers.outbox import producer_config
from sharebus.schemas import cloudevent
from sharebus.schemas.framing import FRAME_BYTES
from sharebus.schemas.topic import ingress_topic

from .conftest import Register

pytestmark = pytest.mark.integration


def send_raw(register: Register, entry: CatalogEntry, value: bytes | None, **headers: str) -> None:
    """A record as a careless client sends it."""
    principal = register.system.principal
    producer = Producer(
        producer_config(
            client_config(register.settings, credentials_for(register.settings, principal))
        )
    )
    given = {
        "event_id": "raw-1", "source": cloudevent.source_of(principal), "data_period": "2026-11",
        "event_type": cloudevent.TYPE_UPSERTED, "time": "2026-11-22T00:00:00Z", "delivery": "raw",
        **headers,
    }  # fmt: skip
    producer.produce(
        ingress_topic(entry.id), value, b"1", 0, headers=cloudevent.change_headers(**given)
    )
    assert producer.flush(30) == 0


def refused(register: Register, entry: CatalogEntry, count: int = 1) -> list[dict[str, Any]]:
    """What the command lists of an entry, as soon as there is so much."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        code, out, err = register.run(
            "quarantine", "list", "--as", str(register.system), "--entry", entry.id, "--json"
        )
        assert code == 0, err
        found[:] = json.loads(out)
        return len(found) >= count

    register.wait_for(is_there)
    return found


def resubmit(register: Register, position: str, *arguments: str) -> tuple[int, Any, str]:
    code, out, err = register.run(
        "quarantine", "resubmit", position, "--as", str(register.system), "--json", *arguments
    )
    return code, json.loads(out) if out else None, err


def test_refused_event_is_listed_shown_corrected_and_accepted(
    register: Register, open_entry: CatalogEntry
) -> None:
    with register.provider(open_entry) as provider, provider.delivery("2026-11", "d1") as delivery:
        delivery.upsert({"code": "1", "name": "a\u202eb", "since": "2026-01-02"}, event_id="e-1")
        delivery.upsert({"code": "2", "name": "乙", "since": None}, event_id="e-2")
    assert delivery.receipt is not None
    assert (delivery.receipt.outcome, delivery.receipt.refused) == ("incomplete", 1)
    [event] = refused(register, open_entry)
    assert (event["rule"], event["place"], event["event_id"]) == ("content.check", "name", "e-1")

    code, out, _err = register.run(
        "quarantine", "show", event["position"], "--as", str(register.system), "--json"
    )
    shown = json.loads(out)
    assert code == 0
    assert shown["row"] == {"code": "1", "name": "a\u202eb", "since": "2026-01-02"}
    assert shown["reason"].startswith("content.check (name): ")

    code, _receipt, err = resubmit(register, event["position"])
    assert code == 3
    assert "would be refused again" in err

    code, receipt, err = resubmit(register, event["position"], "--set", "name=甲")
    assert (code, receipt["outcome"], receipt["period"]) == (0, "complete", "2026-11"), err
    corrected = register.accepted(open_entry)[-1]
    headers = dict(corrected.headers() or ())
    assert headers[cloudevent.CORRECTS] == b"e-1"
    assert headers[cloudevent.ID] != b"e-1"
    assert "甲".encode() in register.present(open_entry)["1"]

    accepted_count = len(register.accepted(open_entry))
    code, again, err = resubmit(register, event["position"], "--set", "name=甲")
    assert (code, again["outcome"]) == (0, "complete"), err
    assert len(register.accepted(open_entry)) == accepted_count


def test_event_that_cannot_be_decoded_needs_every_field(
    register: Register, open_entry: CatalogEntry
) -> None:
    send_raw(register, open_entry, b"\0\0\0\0\1garbage")
    [event] = refused(register, open_entry)
    code, _receipt, err = resubmit(register, event["position"], "--set", "code=1")
    assert code == 3
    assert "no name, since" in err
    code, receipt, err = resubmit(
        register, event["position"], "--set", "code=1", "--set", "name=a=b", "--set", "since="
    )
    assert (code, receipt["outcome"]) == (0, "complete"), err
    value = register.present(open_entry)["1"]
    row = schemaless_reader(BytesIO(value[FRAME_BYTES:]), open_entry.avro_schema, None)
    assert row == {"code": "1", "name": "a=b", "since": None}


def test_event_without_a_valid_period_needs_one(
    register: Register, open_entry: CatalogEntry
) -> None:
    with register.provider(open_entry) as provider:
        encoder = provider.encoder
        value = encoder.value(encoder.stored({"code": "1", "name": None, "since": None}))
    send_raw(register, open_entry, value, data_period="\x1b[31mnever")
    [event] = refused(register, open_entry)
    assert (event["rule"], event["place"]) == ("header.invalid", "ce_dataperiod")
    code, _receipt, err = resubmit(register, event["position"])
    assert code == 3
    assert "--period" in err
    assert "\x1b" not in err
    code, receipt, _err = resubmit(register, event["position"], "--period", "2026-W47")
    assert (code, receipt["period"]) == (0, "2026-W47")


def test_refused_deletion_is_sent_again_as_a_deletion(
    register: Register, open_entry: CatalogEntry
) -> None:
    with register.provider(open_entry) as provider, provider.delivery("2026-11") as delivery:
        delivery.upsert({"code": "1", "name": None, "since": None})
    send_raw(
        register, open_entry, None, event_type=cloudevent.TYPE_DELETED, time="2999-01-01T00:00:00Z"
    )
    [event] = refused(register, open_entry)
    assert event["rule"] == "time.future"
    assert "1" in register.present(open_entry)
    code, receipt, err = resubmit(register, event["position"])
    assert (code, receipt["outcome"]) == (0, "complete"), err
    assert register.present(open_entry) == {}


def test_quarantine_is_for_its_own_agency_alone(
    register: Register, open_entry: CatalogEntry
) -> None:
    send_raw(register, open_entry, b"")
    refused(register, open_entry)
    code, out, err = register.run("quarantine", "list", "--as", str(register.colleague), "--json")
    assert (code, json.loads(out)) == (0, []), err
    code, _out, err = register.run("quarantine", "show", "0/0", "--as", str(register.colleague))
    assert code == 3
    assert "no refused event" in err


@pytest.mark.parametrize("position", ["0/999999", "7/0", "x", "0/-1"])
def test_position_that_is_none_is_told(register: Register, position: str) -> None:
    code, _out, err = register.run(
        "quarantine", "show", "--as", str(register.system), "--", position
    )
    assert code == 3
    assert "no refused event" in err
