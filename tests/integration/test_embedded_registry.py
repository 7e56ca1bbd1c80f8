"""The embedded registry keeps schemas in the broker and refuses what is incompatible."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from sharebus import Unavailable
from sharebus.infra.embedded import secrets
from sharebus.infra.embedded.kafka import EmbeddedKafka
from sharebus.infra.embedded.registry import EmbeddedRegistry

pytestmark = pytest.mark.integration
SUBJECTS = 60
TIMEOUT_SECONDS = 60


def schema(name: str, field: str = "a") -> str:
    return json.dumps(
        {"type": "record", "name": name, "fields": [{"name": field, "type": "string"}]}
    )


@contextmanager
def client(settings) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=settings.registry_url, timeout=TIMEOUT_SECONDS) as http:
        yield http


def register(http, subject, text) -> httpx.Response:
    return http.post(f"/subjects/{subject}/versions", json={"schema": text})


def test_same_schema_under_two_subjects_has_one_id(registry):
    with client(registry) as http:
        first = register(http, "one-id-a", schema("OneId")).raise_for_status().json()["id"]
        assert register(http, "one-id-b", schema("OneId")).json()["id"] == first
        assert json.loads(http.get(f"/schemas/ids/{first}").json()["schema"])["name"] == "OneId"


def test_incompatible_schema_is_refused_once_the_subject_says_so(registry):
    with client(registry) as http:
        config = {"compatibility": "FULL_TRANSITIVE"}
        http.put("/config/strict", json=config).raise_for_status()
        register(http, "strict", schema("Strict")).raise_for_status()

        assert register(http, "strict", schema("Strict", "b")).status_code == 409
        assert register(http, "lenient", schema("Strict")).status_code == 200
        assert register(http, "lenient", schema("Strict", "b")).status_code == 200


def test_interfaces_that_nobody_uses_are_closed(registry):
    base = registry.registry_url.removesuffix("/apis/ccompat/v7")
    for path in (
        "/apis/registry/v3/groups",
        "/apis/registry/v2/groups",
        "/apis/ccompat/v6/subjects",
    ):
        assert httpx.get(base + path).status_code == 404, path


def test_ready_registry_knows_every_schema_registered_before_it_was_killed(own_settings):
    with EmbeddedKafka(own_settings) as kafka:
        service = EmbeddedRegistry(own_settings).start()
        try:
            with client(own_settings) as http:
                http.put("/config/kept-0", json={"compatibility": "FULL_TRANSITIVE"})
                ids = [
                    register(http, f"kept-{i}", schema(f"Kept{i}")).raise_for_status().json()["id"]
                    for i in range(SUBJECTS)
                ]
            service.kill()
            service.start()
            with client(own_settings) as http:
                assert len(http.get("/subjects").json()) == SUBJECTS
                assert ids == [
                    register(http, f"kept-{i}", schema(f"Kept{i}")).json()["id"]
                    for i in range(SUBJECTS)
                ]
                assert register(http, "kept-0", schema("Kept0", "b")).status_code == 409
                new = register(http, "new", schema("New")).json()["id"]
                assert new not in ids
        finally:
            service.stop()
        # Kafka's default would forget the schemas after seven days.
        assert journal_retention(kafka) == "-1"


def journal_retention(kafka) -> str:
    admin = kafka.admin()
    resource = ConfigResource(ResourceType.TOPIC, "kafkasql-journal")
    configs = admin.describe_configs([resource])[resource].result(TIMEOUT_SECONDS)
    return configs["retention.ms"].value


def test_registry_may_not_read_the_topics_of_the_bus(broker, registry):
    topic = "not-the-registrys"
    broker.admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(TIMEOUT_SECONDS)
    admin = AdminClient(broker.client_config("registry"))
    seen = admin.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
    assert seen.error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_registry_without_a_broker_says_so(own_settings, monkeypatch):
    monkeypatch.setattr("sharebus.infra.embedded.registry._REQUEST_TIMEOUT_SECONDS", 0.5)
    secrets.create_missing(own_settings)
    with pytest.raises(Unavailable, match="registry"):
        EmbeddedRegistry(own_settings).start()
