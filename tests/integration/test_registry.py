"""The registry client against a real registry."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sharebus import InvalidInput, Unavailable
from sharebus.infra.registry import COMPATIBILITY, SchemaRegistry
from sharebus.infra.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def client(registry: Settings) -> Iterator[SchemaRegistry]:
    with SchemaRegistry(registry) as client:
        yield client


@pytest.fixture
def subject() -> str:
    # With a slash and a space: a subject is quoted in addresses.
    return f"test/{uuid.uuid4().hex} value"


def record(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "Shop", "namespace": "test", "fields": list(fields)}


CODE = {"name": "code", "type": "string"}
OPENED = {"name": "opened", "type": ["null", "string"], "default": None}
SIZE = {"name": "size", "type": "long"}


def test_schema_registered_twice_or_under_two_subjects_has_one_id(
    client: SchemaRegistry, subject: str
) -> None:
    first = client.register(subject, record(CODE))
    assert client.register(subject, record(CODE)) == first
    reordered = dict(reversed(record(CODE).items()))
    assert client.register(f"{subject} 2", reordered) == first
    assert client.versions(subject) == [1]
    assert client.by_id(first) == record(CODE)


def test_compatible_schema_becomes_the_latest_version(client: SchemaRegistry, subject: str) -> None:
    client.register(subject, record(CODE))
    client.check_compatible(subject, record(CODE, OPENED))
    assert client.id_of(subject, record(CODE, OPENED)) is None
    second = client.register(subject, record(CODE, OPENED))
    assert client.latest(subject) == (second, record(CODE, OPENED))
    assert client.id_of(subject, record(CODE, OPENED)) == second
    assert client.versions(subject) == [1, 2]


def test_incompatible_schema_is_refused_with_the_subject_and_leaves_it_as_it_was(
    client: SchemaRegistry, subject: str
) -> None:
    client.register(subject, record(CODE))
    for attempt in (client.check_compatible, client.register):
        with pytest.raises(InvalidInput, match="not compatible") as refused:
            attempt(subject, record(CODE, SIZE))
        assert subject in refused.value.where
        assert "size at /fields/1" in refused.value.found
    assert client.versions(subject) == [1]


def test_schema_must_fit_all_earlier_versions_not_only_the_last(
    client: SchemaRegistry, subject: str
) -> None:
    client.register(subject, record(CODE, {**SIZE, "default": 0}))
    client.register(subject, record(CODE))
    with pytest.raises(InvalidInput, match="not compatible"):
        client.register(subject, record(CODE, {"name": "size", "type": "string", "default": ""}))


def test_unknown_subject_has_no_versions(client: SchemaRegistry, subject: str) -> None:
    assert client.versions(subject) == []
    assert client.latest(subject) is None
    assert client.id_of(subject, record(CODE)) is None
    client.check_compatible(subject, record(CODE))
    assert subject not in client.subjects()
    client.register(subject, record(CODE))
    assert subject in client.subjects()


def test_text_that_is_no_schema_is_refused(client: SchemaRegistry, subject: str) -> None:
    with pytest.raises(InvalidInput, match="no Avro schema"):
        client.register(subject, {"type": "planet"})


def test_unknown_id_is_an_error(client: SchemaRegistry) -> None:
    with pytest.raises(InvalidInput, match="no schema with this id"):
        client.by_id(2_000_000_000)


def test_registry_that_is_not_there_is_said_to_be(registry: Settings) -> None:
    nowhere = registry.model_copy(update={"registry_url": "http://127.0.0.1:1/apis/ccompat/v7"})
    with SchemaRegistry(nowhere) as client, pytest.raises(Unavailable, match="does not answer"):
        client.subjects()


def test_subject_is_deleted_for_good_and_can_begin_anew(
    client: SchemaRegistry, subject: str
) -> None:
    client.register(subject, record(CODE))
    client.delete(subject)
    assert client.versions(subject) == []
    assert subject not in client.subjects()
    client.delete(subject)
    client.register(subject, record(SIZE))  # what contradicted the versions before
    assert client.versions(subject) == [1]


def test_compatibility_of_a_subject_is_read_and_set(client: SchemaRegistry, subject: str) -> None:
    assert client.compatibility(subject) is None
    client.register(subject, record(CODE))
    assert client.compatibility(subject) == COMPATIBILITY
    client.set_compatibility(subject, "NONE")
    assert client.compatibility(subject) == "NONE"


def test_subject_that_two_begin_at_the_same_time_is_refused_to_neither(
    registry: Settings, client: SchemaRegistry, subject: str
) -> None:
    with SchemaRegistry(registry) as other, ThreadPoolExecutor(2) as pool:
        for number in range(20):
            name = f"{subject} {number}"
            both = [pool.submit(each.register, name, record(CODE)) for each in (client, other)]
            assert len({one.result() for one in both}) == 1
            assert client.compatibility(name) == COMPATIBILITY
            assert client.versions(name) == [1]
