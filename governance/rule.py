"""The closed list of outcomes and rules that a decision can name.

A rule's code stands in the audit, in quarantine headers, in metrics and in receipts; its title is
what a person reads. Codes are never reused for another meaning.
"""

from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """What became of one event."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    CLOSED = "closed"


class Rule(StrEnum):
    """Why an event was refused (or flagged, for the ``content.*`` rules)."""

    ENTRY_UNKNOWN = "entry.unknown"
    ENTRY_SUSPENDED = "entry.suspended"
    RECORD_UNREADABLE = "record.unreadable"
    RECORD_HARMFUL = "record.harmful"
    RECORD_TOO_LARGE = "record.too_large"
    KEY_MISSING = "key.missing"
    KEY_MISMATCH = "key.mismatch"
    KEY_PARTITION = "key.partition"
    HEADER_TOO_MANY = "header.too_many"
    HEADER_MISSING = "header.missing"
    HEADER_DUPLICATE = "header.duplicate"
    HEADER_INVALID = "header.invalid"
    HEADER_FORGED = "header.forged"
    HEADER_CONTRADICTS = "header.contradicts"
    TIME_FUTURE = "time.future"
    ID_REUSED = "id.reused"
    FRAME_EMPTY = "frame.empty"
    FRAME_MAGIC = "frame.magic"
    SCHEMA_UNKNOWN = "schema.unknown"
    SCHEMA_FOREIGN = "schema.foreign"
    VALUE_UNDECODABLE = "value.undecodable"
    VALUE_NOT_CANONICAL = "value.not_canonical"
    VALUE_OUT_OF_RANGE = "value.out_of_range"
    REFERENCE_INVALID = "reference.invalid"
    DELIVERY_CLOSED = "delivery.closed"
    CONTENT_CHECK = "content.check"


RULE_TITLES: Final[dict[Rule, str]] = {
    Rule.ENTRY_UNKNOWN: "the topic belongs to no published catalog entry",
    Rule.ENTRY_SUSPENDED: "the catalog entry or its provider is suspended",
    Rule.RECORD_UNREADABLE: "the broker holds bytes at this offset that no client can unpack",
    Rule.RECORD_HARMFUL: "processes of the gate died of this event, so it was not opened again",
    Rule.RECORD_TOO_LARGE: "key, headers or value are larger than the entry allows",
    Rule.KEY_MISSING: "the record has no key",
    Rule.KEY_MISMATCH: "the record's key is not the key of its payload",
    Rule.KEY_PARTITION: "the record is not in the partition that murmur2 gives for its key",
    Rule.HEADER_TOO_MANY: "the record has more headers than a change event needs",
    Rule.HEADER_MISSING: "a required CloudEvents header is missing",
    Rule.HEADER_DUPLICATE: "a CloudEvents header occurs twice",
    Rule.HEADER_INVALID: "a CloudEvents header has a malformed value",
    Rule.HEADER_FORGED: "the header claims another source than the topic's only writer",
    Rule.HEADER_CONTRADICTS: "a schema id in a header contradicts the one in the payload",
    Rule.TIME_FUTURE: "the change is said to have happened in the future",
    Rule.ID_REUSED: "the event id was seen before with another payload",
    Rule.FRAME_EMPTY: "the value is empty or too short to hold a schema id",
    Rule.FRAME_MAGIC: "the value does not begin with magic byte 0",
    Rule.SCHEMA_UNKNOWN: "the schema id is not registered",
    Rule.SCHEMA_FOREIGN: "the schema is another subject's, or has a field that was taken away",
    Rule.VALUE_UNDECODABLE: "the value does not decode under its schema",
    Rule.VALUE_NOT_CANONICAL: "the value is not the one encoding that its content has",
    Rule.VALUE_OUT_OF_RANGE: "a number, date or decimal is outside its range",
    Rule.REFERENCE_INVALID: "location, digest, size or expiry of the reference is not valid",
    Rule.DELIVERY_CLOSED: "the delivery was closed before",
    Rule.CONTENT_CHECK: "a field fails a content check of the catalog entry",
}
"""One sentence per rule, for people."""
