"""Compiles what the policy says of one entry, once per policy version instead of per event."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from sharebus import InvalidInput
from sharebus.governance.content_checks import compile_check
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.grant import RowFilter
from sharebus.governance.rule import Rule
from sharebus.governance.shared_copy import copy_left
from sharebus.governance.view import SHARED, View, compile_row_filter, view_schema
from sharebus.schemas import topic as topics
from sharebus.schemas.audit_digest import view_pseudonym_key
from sharebus.schemas.avro_reader import Row
from sharebus.schemas.cloudevent import source_of
from sharebus.schemas.entity_key import compile_entity_key, split_entity_key
from sharebus.schemas.framing import frame
from sharebus.schemas.record import delivery_closed
from sharebus.stream_apps.gate.judge import Payload, Reader, Refusal, reader_of

_DIGEST_CHARS: Final = len("sha256:") + 64


class ViewPlan(NamedTuple):
    """How one view is written.

    ``passes`` is the row filter; ``passes_key`` answers for a deletion by its key alone and is
    None when only the set of keys in the view can tell. ``cut`` gives the framed value for a
    payload that came under a given ingress schema id. ``provided_at`` is the policy version at
    which its topic was provided: one that was deleted and made anew has another.
    """

    name: str
    topic: str
    passes: Callable[[Row], bool]
    passes_key: Callable[[bytes], bool] | None
    cut: Mapping[int, Callable[[Payload], bytes]]
    pseudonym_secret: bytes | None
    provided_at: int


Right = tuple[str, tuple[str, ...], RowFilter | None]
"""A system, and the fields and rows that it may read."""


class EntryPlan(NamedTuple):
    """Everything the gate needs to decide the events of one entry under one policy version."""

    entry: CatalogEntry
    suspended: bool
    source: bytes
    readers: Mapping[int, Reader]
    """Of the schemas under which an event may come."""
    accepted_readers: Mapping[int, Reader]
    """Of those under which events were ever accepted."""
    known_schema_ids: frozenset[int]
    """Ids registered for other subjects: named in a value they are foreign, not unknown."""
    closing_schema_id: int | None
    entity_key: Callable[[Row], bytes]
    check_content: Callable[[Row, int], str]
    """Raises :class:`Refusal`, or gives the flagged fields joined by commas. Second: ingress ms."""
    accepted_topic: str
    former_topic: str | None
    """The topic that events were accepted into under another class, as long as it stands."""
    quarantine_topic: str
    notices_topic: str
    deliveries_topic: str
    views: tuple[ViewPlan, ...]
    rights: frozenset[Right]
    """Who may read which policy of the entry, whatever the day."""


class NotProvisioned(InvalidInput):
    """The entry's facts are not complete: the enforcer has not yet provided what they ask for."""


def compile_plan(facts: PolicyFacts, entry: CatalogEntry, view_key: bytes) -> EntryPlan:
    """The plan of an entry under the facts in force.

    A view that is new, of which nothing is registered yet, is not in it: it is filled once it is
    provisioned, and the other views do not wait for that.

    :raises NotProvisioned: the entry's schema is not registered, its accepted topic is not there,
        or a view has a schema for some schemas of the entry and not for all: the gate would have
        to guess, so it does not serve the entry.
    """
    subject = topics.value_subject(topics.ingress_topic(entry.id))
    by_id = facts.schemas.get(subject, {})
    if entry.avro_schema not in by_id.values():
        raise NotProvisioned(
            "the schema of an entry is not registered yet",
            where=f"entry {entry.id}",
            remedy="the enforcer provides it; see that it runs",
        )
    accepted = topics.accepted_topic(entry)
    if topics.value_subject(accepted) not in facts.schemas:
        raise NotProvisioned(
            "the topic of what is accepted is not there",
            where=f"entry {entry.id}, topic {accepted}",
            remedy="the enforcer provides it, unless it is lost: `sharebus broker plan`",
        )
    all_ids = {schema_id for ids in facts.schemas.values() for schema_id in ids}
    closing = facts.schemas.get(delivery_closed().subject, {})
    agency = entry.provider.agency
    readers = {schema_id: reader_of(schema) for schema_id, schema in by_id.items()}
    return EntryPlan(
        entry=entry,
        suspended=facts.is_suspended(entry),
        source=source_of(facts.provider_of(entry).principal).encode(),
        readers={
            schema_id: reader
            for schema_id, reader in readers.items()
            if _can_be_passed_on(entry, by_id[schema_id])
        },
        accepted_readers=readers,
        known_schema_ids=frozenset(all_ids),
        closing_schema_id=max(closing) if closing else None,
        entity_key=compile_entity_key(entry.key_fields),
        check_content=_compile_content(entry),
        accepted_topic=accepted,
        former_topic=copy_left(facts, entry),
        quarantine_topic=topics.quarantine_topic(agency),
        notices_topic=topics.notices_topic(agency),
        deliveries_topic=topics.deliveries_topic(entry.id),
        views=tuple(
            _view_plan(facts, entry, view, by_id, view_key)
            for view in facts.views_of(entry)
            if not (view.name == SHARED and entry.shares_one_copy)
            and facts.schemas.get(_view_subject(entry, view))
        ),
        rights=frozenset(
            (grant.system, grant.fields, grant.row_filter)
            for grant in facts.grants_of(entry.id)
            if facts.may_read(grant, grant.term.first_day)
        ),
    )


def _can_be_passed_on(entry: CatalogEntry, avro_schema: Mapping[str, Any]) -> bool:
    """One copy is passed on as it came, so an older schema may have no field that was taken away.

    Views are cut to the fields that the entry has now, whatever the schema.
    """
    names = {field["name"] for field in avro_schema["fields"]}
    return not entry.shares_one_copy or names <= set(entry.field_names)


def _view_subject(entry: CatalogEntry, view: View) -> str:
    return topics.value_subject(topics.view_topic(entry.id, view.name))


def _view_plan(
    facts: PolicyFacts,
    entry: CatalogEntry,
    view: View,
    ingress_schemas: Mapping[int, dict[str, Any]],
    view_key: bytes,
) -> ViewPlan:
    topic = topics.view_topic(entry.id, view.name)
    registered = {
        json.dumps(schema, sort_keys=True): schema_id
        for schema_id, schema in facts.schemas.get(_view_subject(entry, view), {}).items()
    }
    cuts: dict[int, Callable[[Payload], bytes]] = {}
    for schema_id, avro_schema in ingress_schemas.items():
        released = view_schema(avro_schema, view.fields)
        view_schema_id = registered.get(json.dumps(released, sort_keys=True))
        if view_schema_id is None:
            raise NotProvisioned(
                "a view has no registered schema for a schema of its entry",
                where=f"entry {entry.id}, view {view.name}, ingress schema id {schema_id}",
                remedy="the enforcer provides it; see that it runs",
            )
        names = [field["name"] for field in avro_schema["fields"]]
        cuts[schema_id] = _compile_cut(names, set(view.fields), view_schema_id)
    passes = compile_row_filter(view.row_filter)
    secret = view_pseudonym_key(view_key, entry.id, view.name) if view.has_pseudonym_key else None
    return ViewPlan(
        name=view.name,
        topic=topic,
        passes=passes,
        passes_key=None if view.needs_key_set else _compile_key_filter(entry, passes),
        cut=cuts,
        pseudonym_secret=secret,
        provided_at=facts.provided_at[_view_subject(entry, view)],
    )


def _compile_cut(
    names: Sequence[str], released: set[str], schema_id: int
) -> Callable[[Payload], bytes]:
    """Copies the bytes of the released fields and never looks at the others.

    A record's binary encoding is the encodings of its fields one after the other, so runs of
    released fields are copied whole.
    """
    runs: list[tuple[int, int]] = []
    for number, name in enumerate(names):
        if name in released:
            if runs and runs[-1][1] == number:
                runs[-1] = (runs[-1][0], number + 1)
            else:
                runs.append((number, number + 1))
    prefix = frame(schema_id, b"")

    def cut(payload: Payload) -> bytes:
        value, bounds = payload.value, payload.bounds
        parts = [value[bounds[first] : bounds[end]] for first, end in runs]
        return prefix + b"".join(parts)

    return cut


def _compile_key_filter(
    entry: CatalogEntry, passes: Callable[[Row], bool]
) -> Callable[[bytes], bool]:
    names = entry.key_fields
    # The filter compares the text of values, and the key is the text of its fields.
    return lambda key: passes(dict(zip(names, split_entity_key(key), strict=True)))


def _compile_content(entry: CatalogEntry) -> Callable[[Row, int], str]:
    checks = [
        (item.field, compile_check(check.name, check.codes), check.on_failure == "refuse")
        for item in entry.data_items
        for check in item.checks
    ]
    is_reference = entry.provision_method == "reference"
    if not checks and not is_reference:
        return lambda row, ingress_ms: ""

    def check_content(row: Row, ingress_ms: int) -> str:
        if is_reference:
            _check_reference(row, ingress_ms)
        flagged = ""
        for field, check, refuses in checks:
            value = row.get(field)
            if value is None or check(value) is None:
                continue
            if refuses:
                raise Refusal(Rule.CONTENT_CHECK, field)
            if field not in flagged.split(","):
                flagged = f"{flagged},{field}" if flagged else field
        return flagged

    return check_content


def _check_reference(row: Row, ingress_ms: int) -> None:
    """Location, digest, size and expiry of a payload that stays with the provider (Art 14)."""
    try:
        parts = urlsplit(row["location"])
    except ValueError:
        raise Refusal(Rule.REFERENCE_INVALID, "location") from None
    if parts.scheme not in ("https", "sftp", "s3") or not parts.netloc or parts.password:
        raise Refusal(Rule.REFERENCE_INVALID, "location")
    digest = row["digest"]
    if not (digest.startswith("sha256:") and len(digest) == _DIGEST_CHARS):
        raise Refusal(Rule.REFERENCE_INVALID, "digest")
    if not all(char in "0123456789abcdef" for char in digest[len("sha256:") :]):
        raise Refusal(Rule.REFERENCE_INVALID, "digest")
    if row["size_bytes"] < 0:
        raise Refusal(Rule.REFERENCE_INVALID, "size_bytes")
    try:
        expires = datetime.fromisoformat(row["expires_at"])
    except ValueError:
        raise Refusal(Rule.REFERENCE_INVALID, "expires_at") from None
    received = datetime.fromtimestamp(ingress_ms / 1000, UTC)
    if expires.tzinfo is None or expires <= received:
        raise Refusal(Rule.REFERENCE_INVALID, "expires_at")
