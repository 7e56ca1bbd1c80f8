"""The chains of all writers of the audit, followed record by record (ledger/chain.py).

What the tree cannot tell: that a record is missing which was never signed, and that somebody other
than a writer wrote.
"""

from collections.abc import Iterable
from io import BytesIO
from typing import Any, Final, NamedTuple

from fastavro import parse_schema, schemaless_reader

from sharebus import NumbersDisagree
from sharebus.consumers.oversight.alarm import (
    Altered,
    AuditAlarm,
    Duplicated,
    Foreign,
    Place,
    Removed,
)
from sharebus.ledger.chain import WriterHead, verify_next
from sharebus.schemas.framing import FRAME_BYTES
from sharebus.schemas.record import audit_batch

_HEAD_FIELDS: Final = ("writer", "sequence", "previous_sha256")


class Break(NamedTuple):
    """The first record that breaks its writer's chain, and what that means."""

    kind: type[AuditAlarm]
    place: Place
    problem: str
    expected: str
    found: str


class WriterChains:
    """Where each writer's chain stands; ``broken`` is the first break since the last settlement."""

    def __init__(self, heads: Iterable[WriterHead] = ()) -> None:
        self._heads = {head.writer: head for head in heads}
        self._last_places: dict[str, Place] = {}
        self.broken: Break | None = None
        schema = audit_batch().avro_schema
        # A record begins with its place in the chain, and the rest need not be read for it.
        head = {**schema, "name": "AuditHead", "fields": schema["fields"][: len(_HEAD_FIELDS)]}
        self._schema: Any = parse_schema(head)

    @property
    def heads(self) -> tuple[WriterHead, ...]:
        """One for each writer that was seen."""
        return tuple(self._heads.values())

    def take(self, key: bytes | None, value: bytes, place: Place) -> None:
        """Follow one record; a break is kept, and the chain goes on from what is there."""
        try:
            batch: Any = schemaless_reader(BytesIO(value[FRAME_BYTES:]), self._schema, None)
            writer, sequence = batch["writer"], batch["sequence"]
        except Exception as error:  # whatever the bytes make the Avro reader do
            self._break(Foreign, place, "no record of an app", "an audit record", str(error))
            return
        if key != writer.encode():
            self._break(Foreign, place, "a record under another's key", writer, repr(key))
            return
        head = self._heads.get(writer) or WriterHead(writer)
        try:
            self._heads[writer] = verify_next(head, batch, value)
        except NumbersDisagree as error:
            self._broken_by(head, sequence, place, error)
            self._heads[writer] = WriterHead(writer, sequence).after(value)
        self._last_places[writer] = place

    def _broken_by(
        self, head: WriterHead, sequence: int, place: Place, error: NumbersDisagree
    ) -> None:
        writer = head.writer
        if sequence > head.next_sequence:
            problem = f"records of writer {writer} are missing before this one"
            self._break(Removed, place, problem, error.expected, error.found)
        elif sequence < head.next_sequence:
            problem = f"writer {writer} has written this number before"
            self._break(Duplicated, place, problem, error.expected, error.found)
        else:
            before = self._last_places.get(writer)
            problem = f"the record of writer {writer} before this one has another content"
            if before is None:  # it was verified in an earlier run
                problem += ", or this one is not that writer's"
            self._break(Altered, before or place, problem, error.expected, error.found)

    def _break(
        self, kind: type[AuditAlarm], place: Place, problem: str, expected: str, found: str
    ) -> None:
        if self.broken is None:
            self.broken = Break(kind, place, problem, expected, found)
