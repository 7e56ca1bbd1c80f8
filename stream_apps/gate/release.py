"""What a view gets for an accepted change: a record, a tombstone, or nothing at all."""

from typing import Final

from sharebus.schemas import cloudevent as ce
from sharebus.schemas.audit_digest import pseudonym
from sharebus.stream_apps.gate.judge import HeaderList, Payload
from sharebus.stream_apps.gate.key_set import KeySet
from sharebus.stream_apps.gate.plan import ViewPlan

Output = tuple[str, bytes | None, bytes | None, int, HeaderList]
"""Topic, key, value, partition, headers."""

FROM_START: Final = -1
"""The recorded cursor of a refill: what it has confirmed is kept in memory alone, so that after an
interruption it begins again."""

DELETED: Final = ce.TYPE_DELETED.encode()


class ViewState:
    """One view of this partition: live, or being filled from the accepted topic.

    While it is filled, ``cursor`` is the next accepted offset to copy. A refill is the filling of a
    view that holds keys from an earlier life; ``confirmed`` are those that it has written again.
    ``provided_at`` says of which topic it is: see :class:`ViewPlan`.
    """

    __slots__ = ("confirmed", "cursor", "is_refill", "key_set", "live", "provided_at")

    def __init__(
        self,
        live: bool,
        cursor: int,
        key_set: KeySet | None,
        *,
        is_refill: bool = False,
        provided_at: int = -1,
    ) -> None:
        self.live = live
        self.cursor = cursor
        self.key_set = key_set
        self.is_refill = is_refill
        self.provided_at = provided_at
        self.confirmed: set[bytes] = set()


def release(
    view: ViewPlan,
    state: ViewState,
    key: bytes,
    payload: Payload | None,
    headers: HeaderList,
    partition: int,
) -> Output | None:
    """The record that a view gets for an accepted change, if it gets one; no payload: a deletion.

    A row that does not pass is tombstoned if the view holds its key; so is a deletion. A key
    the view never held leaves no trace.
    """
    key_set, secret = state.key_set, view.pseudonym_secret
    view_key = key if secret is None else pseudonym(key, secret)
    value: bytes | None = None
    if payload is not None and view.passes(payload.row):
        value = view.cut[payload.schema_id](payload)
        if key_set is not None:
            key_set.add(view_key)
    elif key_set is not None:
        if view_key not in key_set:
            return None
        key_set.discard(view_key)
    elif payload is not None or view.passes_key is None or not view.passes_key(key):
        return None  # the filter looks at the key alone, so the view never held it
    if value is None and payload is not None:
        headers = replaced(headers, ce.TYPE, DELETED)
    if secret is not None:
        headers = _pseudonymous(headers, secret)
    return (view.topic, view_key, value, partition, headers)


def replaced(headers: HeaderList, name: str, value: bytes) -> HeaderList:
    """The headers with another value under one name."""
    return [(header, value if header == name else old) for header, old in headers]


def _pseudonymous(headers: HeaderList, secret: bytes) -> HeaderList:
    """Ids chosen by the provider may hold the key that the view withholds."""
    return [
        (header, pseudonym(value, secret) if header in (ce.ID, ce.CORRECTS) else value)
        for header, value in headers
    ]
