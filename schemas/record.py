"""The platform's own records: bundled Avro schemas, written and read in Confluent framing.

Apps read with the bundled schema and never ask the registry; the schema id is there for readers
outside the platform.
"""

import json
from copy import deepcopy
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any, Final

from fastavro import parse_schema, schemaless_reader, schemaless_writer

from sharebus import InvalidInput
from sharebus.schemas.framing import FRAME, FRAME_BYTES, MAGIC, frame
from sharebus.schemas.topic import AUDIT, FACTS_CASES, FACTS_POLICY, FACTS_PROGRESS, value_subject

DELIVERY_CLOSED_SUBJECT: Final = "sharebus.DeliveryClosed"


class PlatformRecord:
    """One record type of the platform: ``encode`` and ``decode`` between dict and framed bytes.

    ``subject`` is where its schema is registered. ``avro_schema`` is the bundled one unless told.
    """

    def __init__(self, name: str, subject: str, avro_schema: dict[str, Any] | None = None) -> None:
        self.name = name
        self.subject = subject
        self.avro_schema = bundled_schema(name) if avro_schema is None else avro_schema
        self._parsed = parse_schema(deepcopy(self.avro_schema))

    def encode(self, schema_id: int, record: dict[str, Any]) -> bytes:
        """Framed bytes of a record."""
        body = BytesIO()
        schemaless_writer(body, self._parsed, record)
        return frame(schema_id, body.getvalue())

    def decode(self, value: bytes) -> dict[str, Any]:
        """The record in framed bytes.

        :raises InvalidInput: the bytes are no such record.
        """
        try:
            magic, _ = FRAME.unpack_from(value)
            if magic != MAGIC:
                raise ValueError(f"magic byte {magic}")
            record = schemaless_reader(BytesIO(value[FRAME_BYTES:]), self._parsed, None)
        except Exception as error:
            raise InvalidInput(
                f"these bytes are no {self.name} record",
                expected="Confluent framing and the bundled schema",
                found=f"{len(value)} bytes, {type(error).__name__}",
            ) from error
        assert isinstance(record, dict)  # noqa: S101 - the schemas are records
        return record


def bundled_schema(name: str) -> dict[str, Any]:
    """The Avro schema of a record, as it comes with this version."""
    text = files("sharebus.schemas").joinpath(f"avro/{name}.avsc").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


@cache
def _record(name: str, subject: str) -> PlatformRecord:
    return PlatformRecord(name, subject)


def policy_fact() -> PlatformRecord:
    """Records of ``facts.policy``."""
    return _record("policy_fact", value_subject(FACTS_POLICY))


def audit_batch() -> PlatformRecord:
    """Records of ``audit``."""
    return _record("audit_batch", value_subject(AUDIT))


def progress() -> PlatformRecord:
    """Records of ``facts.progress``."""
    return _record("progress", value_subject(FACTS_PROGRESS))


def delivery_closed() -> PlatformRecord:
    """The closing of a delivery, on ingress topics beside the entry's own records."""
    return _record("delivery_closed", DELIVERY_CLOSED_SUBJECT)


def delivery_receipt() -> PlatformRecord:
    """Receipts, on ``notices.<agency>``."""
    return _record("delivery_receipt", "sharebus.DeliveryReceipt")


def delivery_announced() -> PlatformRecord:
    """Closed deliveries, on ``deliveries.<entry>``."""
    return _record("delivery_announced", "sharebus.DeliveryAnnounced")


def case_fact() -> PlatformRecord:
    """Records of ``facts.cases``: cases and answers, in the form of the facts of policy."""
    return _record("policy_fact", value_subject(FACTS_CASES))


def command() -> PlatformRecord:
    """Commands, on ``commands.<agency>``."""
    return _record("command", "sharebus.Command")


def command_answer() -> PlatformRecord:
    """Answers to commands, on ``notices.<agency>``."""
    return _record("command_answer", "sharebus.CommandAnswer")


def case_notice() -> PlatformRecord:
    """New versions of cases, on ``notices.<agency>``."""
    return _record("case_notice", "sharebus.CaseNotice")


def platform_records() -> tuple[PlatformRecord, ...]:
    """All of them, as they are registered."""
    return (
        policy_fact(), audit_batch(), progress(), delivery_closed(), delivery_receipt(),
        delivery_announced(), case_fact(), command(), command_answer(), case_notice(),
    )  # fmt: skip
