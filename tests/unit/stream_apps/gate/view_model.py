"""What a view must hold, worked out without the gate's code."""

import json
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from io import BytesIO
from typing import Any, NamedTuple

from fastavro import schemaless_reader

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import Grant
from sharebus.governance.view import view_of_grant
from sharebus.schemas import topic as topics

from . import case

State = dict[bytes, dict[str, Any]]
"""Compacted: key to row."""


class Told(NamedTuple):
    """A view's name and topic, and what its policy says."""

    grant: Grant
    topic: str
    secret: bytes | None
    key_fields: tuple[str, ...]


def told(entry: CatalogEntry, grant: Grant, view_key: bytes = case.VIEW_KEY) -> Told:
    view = view_of_grant(entry, grant)
    secret = None
    if not set(entry.key_fields) <= set(grant.fields):
        name = f"{entry.id}/{view.name}".encode()
        secret = blake2b(name, key=view_key, digest_size=32).digest()
    return Told(grant, topics.view_topic(entry.id, view.name), secret, entry.key_fields)


def passes(grant: Grant, row: Mapping[str, Any]) -> bool:
    """The row filter, as the law of the bus words it."""
    for condition in grant.row_filter.all if grant.row_filter else ():
        value = row[condition.field]
        if value is None:
            return False
        if condition.one_of is not None and value not in condition.one_of:
            return False
        if condition.starts_with and not any(value.startswith(s) for s in condition.starts_with):
            return False
    return True


def view_key(view: Told, key: bytes) -> bytes:
    if view.secret is None:
        return key
    return blake2b(key, key=view.secret, digest_size=16).hexdigest().encode()


def model(view: Told, accepted: State) -> State:
    """What the view must hold."""
    released = set(view.grant.fields)
    return {
        view_key(view, key): {name: row[name] for name in row if name in released}
        for key, row in accepted.items()
        if passes(view.grant, row)
    }


def decode(value: bytes, fields: Iterable[Mapping[str, Any]], released: Any) -> dict[str, Any]:
    """A framed value of an entry with these fields, of which some are released."""
    schema = case.schema(field for field in fields if field["name"] in released)
    decoded: Any = schemaless_reader(BytesIO(value[5:]), json.loads(json.dumps(schema)), None)
    return decoded
