"""Catalog entries (共享目录): what Order 171 Art 12 and Order 809 Art 13 ask of each of them."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from sharebus.governance.agency import DivisionCode, Officer, Strict, Text
from sharebus.governance.identity import Id
from sharebus.governance.update_schedule import Periodic, UpdateSchedule

FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
ContentItem = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9.-]{1,80}$")]
"""What a data item is about, whoever holds it (population.address)."""
EVENT_BYTES_MAX: Final = 900_000
"""Largest event an entry may allow; the broker's own limit is 1 MiB a batch."""

REFERENCE_FIELDS: Final = {
    "location": "string", "digest": "string", "size_bytes": "long", "expires_at": "string",
}  # fmt: skip
"""Fields that the schema of an entry provided by reference must have, with their Avro types."""


class Mark(StrEnum):
    """Protection mark of a field (Order 171 Art 19; later law says personal information)."""

    NONE = "none"
    PRIVACY = "privacy"
    PERSONAL = "personal"
    SENSITIVE_PERSONAL = "sensitive_personal"
    COMMERCIAL_SECRET = "commercial_secret"  # noqa: S105 - a legal term, not a password
    STATE_SECRET = "state_secret"  # noqa: S105
    WORK_SECRET = "work_secret"  # noqa: S105


SECRET_MARKS: Final = frozenset({Mark.STATE_SECRET, Mark.WORK_SECRET})
"""Marks that exist to be refused: Order 809 Art 3 keeps such data off the platform."""


class Origin(Strict):
    """Where a content item comes from (Order 171 Art 7: no duplicate collection)."""

    kind: Literal["collected", "shared", "derived"]
    basis: Text | None = None
    """Legal basis of the collection."""
    entry: Id | None = None
    """The entry it was obtained from, when obtained by sharing."""

    @model_validator(mode="after")
    def _says_enough(self) -> "Origin":
        if self.kind == "collected" and not self.basis:
            raise ValueError("collected data names the legal basis of its collection in 'basis'")
        if self.kind == "shared" and not self.entry:
            raise ValueError("data obtained by sharing names its entry in 'entry'")
        return self


class ContentCheck(Strict):
    """A check of a field's content, and what a failure means: ``refuse`` or only ``flag``."""

    name: Literal[
        "unified_social_credit_code", "resident_id", "code_table", "control_characters",
        "bidirectional_characters",
    ]  # fmt: skip
    on_failure: Literal["refuse", "flag"]
    codes: frozenset[str] | None = None
    """The allowed codes, for ``code_table`` alone."""

    @model_validator(mode="after")
    def _codes_with_table(self) -> "ContentCheck":
        if (self.name == "code_table") != bool(self.codes):
            raise ValueError("'codes' is given for the check code_table and for no other")
        return self


class DataItem(Strict):
    """One data item (数据项) of an entry: a top-level field of its Avro schema."""

    field: FieldName
    name: Text
    mark: Mark = Mark.NONE
    origin: Origin
    content_item: ContentItem | None = None
    checks: tuple[ContentCheck, ...] = ()

    @field_validator("mark")
    @classmethod
    def _no_secrets(cls, value: Mark) -> Mark:
        if value in SECRET_MARKS:
            raise ValueError(
                f"{value} data (国家秘密/工作秘密) never enters the bus: Order 809 Art 3"
            )
        return value


class Unconditional(Strict):
    """无附加条件共享: self-service for every agency in scope (Order 171 Art 10 ¶2, Art 18)."""

    sharing_class: Literal["unconditional"] = Field("unconditional", alias="class")
    agencies: tuple[Id, ...] | None = None
    """The agencies concerned (相关行政机关); without it, all."""


class Conditional(Strict):
    """附加条件共享: shared on the stated conditions (Order 171 Art 10 ¶3)."""

    sharing_class: Literal["conditional"] = Field("conditional", alias="class")
    conditions: Text


class Rank(StrEnum):
    """Rank of an instrument (效力级别)."""

    LAW = "law"
    ADMINISTRATIVE_REGULATION = "administrative_regulation"
    LOCAL_REGULATION = "local_regulation"
    RULE = "rule"
    DOCUMENT = "document"


class LegalBasis(Strict):
    """A citation: instrument and its rank, version, article (条), paragraph (款), item (项)."""

    instrument: Text
    rank: Rank | None = None
    version: Text
    article: int = Field(ge=1)
    paragraph: int | None = Field(None, ge=1)
    item: int | None = Field(None, ge=1)


class NotShared(Strict):
    """不予共享: only by an explicit law or regulation (Order 171 Art 10 ¶4, Art 11)."""

    sharing_class: Literal["not_shared"] = Field("not_shared", alias="class")
    basis: LegalBasis


Sharing = Annotated[Unconditional | Conditional | NotShared, Field(discriminator="sharing_class")]


class ProviderOfRecord(Strict):
    """Who provides the entry: the agency, the one system that may write, the officer."""

    agency: Id
    system: Id
    officer: Officer


_PERIODS: Final = {
    "hourly": "hour", "daily": "day", "weekly": "week", "ten_days": "ten_days",
    "monthly": "month", "quarterly": "quarter", "half_yearly": "half", "yearly": "year",
}  # fmt: skip
"""The kind of data period that a frequency brings."""


class UpdateDuty(Strict):
    """Update frequency and deadline (更新时限): ``deadline`` in the words of whoever owes it.

    ``schedule`` says the same so that it can be counted; an entry without one has no due instants.
    ``grace_hours`` delays alerts and never the verdict; ``refused_max`` is how many events of a
    delivery may be refused with the delivery still whole, none if not given; ``no_change`` says
    whether a closing without events fulfils it, which it does for the longest silence if not given.
    """

    frequency: Literal[
        "once", "hourly", "daily", "weekly", "ten_days", "monthly", "quarterly", "half_yearly",
        "yearly", "on_change",
    ]  # fmt: skip
    deadline: Text
    schedule: UpdateSchedule | None = None
    grace_hours: int | None = Field(None, ge=0, le=8_784)
    refused_max: int | None = Field(None, ge=0, le=1_000_000)
    no_change: bool | None = None

    @model_validator(mode="after")
    def _schedule_is_of_the_frequency(self) -> "UpdateDuty":
        schedule = self.schedule
        if schedule is None:
            return self
        if isinstance(schedule, Periodic):
            found: str = schedule.period_kind
        else:
            found = "once" if schedule.kind == "once" else "on_change"
        expected = _PERIODS.get(self.frequency, self.frequency)
        if found != expected:
            raise ValueError(
                f"a schedule for {found} does not fit the frequency {self.frequency}, which asks "
                f"for {expected}"
            )
        return self


class Database(Strict):
    """The kind of database the entry belongs to (Order 171 Art 9, 32)."""

    kind: Literal["base", "comprehensive", "specialised"]
    domain: Text
    major: bool = False

    @model_validator(mode="after")
    def _base_is_not_major(self) -> "Database":
        if self.kind == "base" and self.major:
            raise ValueError("'major' (重大) marks comprehensive and specialised databases only")
        return self


class CatalogEntry(Strict):
    """A row of the sharing catalog, as reviewed and published.

    ``avro_schema`` is the data format: an Avro record whose top-level fields are exactly the data
    items. ``key_fields`` name the entity: their values, joined by ``|``, are the Kafka key.
    ``division_field`` holds the code of the division that a row is about, by which data flow back
    to its agencies (数据回流, Order 809 Art 24).
    """

    kind: Literal["entry"] = "entry"
    id: Id
    name: Text
    scope: Text
    jurisdiction: DivisionCode
    data_items: tuple[DataItem, ...] = Field(min_length=1)
    avro_schema: dict[str, Any]
    key_fields: tuple[FieldName, ...] = Field(min_length=1, max_length=8)
    division_field: FieldName | None = None
    provision_method: Literal["event", "reference"] = "event"
    sharing: Sharing
    provider: ProviderOfRecord
    update: UpdateDuty
    database: Database
    grade: Literal["L1", "L2", "L3", "L4"] = "L1"
    partitions: int = Field(1, ge=1, le=64)
    event_bytes_max: int = Field(100_000, ge=100, le=EVENT_BYTES_MAX)
    future_tolerance_seconds: int = Field(300, ge=0, le=int(timedelta(days=1).total_seconds()))
    suspended: bool = False
    retired: bool = False
    """No longer in the catalog: it takes no events and releases nothing."""

    @model_validator(mode="after")
    def _schema_and_items_agree(self) -> "CatalogEntry":
        if self.avro_schema.get("type") != "record":
            raise ValueError("avro_schema: expected a record")
        types = {f["name"]: f["type"] for f in self.avro_schema.get("fields", [])}
        items = [item.field for item in self.data_items]
        if len(set(items)) != len(items):
            raise ValueError("data_items: a field is listed twice")
        if set(items) != set(types):
            missing, extra = sorted(set(types) - set(items)), sorted(set(items) - set(types))
            raise ValueError(
                "data_items must be exactly the fields of avro_schema; "
                f"not described: {missing or 'none'}, not in the schema: {extra or 'none'}"
            )
        for name in self.key_fields:
            if name not in types:
                raise ValueError(f"key_fields: '{name}' is not a field of the schema")
            if types[name] not in ("string", "int", "long"):
                raise ValueError(f"key_fields: '{name}' must be a string, int or long, required")
        if self.division_field is not None:
            kind = types.get(self.division_field)
            branches = kind if isinstance(kind, list) else [kind]
            if [branch for branch in branches if branch != "null"] != ["string"]:
                raise ValueError(
                    f"division_field: '{self.division_field}' must be a field of type string"
                )
        for item in self.data_items:
            if item.checks and types[item.field] not in ("string", ["null", "string"]):
                raise ValueError(f"data_items: checks need a string field, '{item.field}' is not")
        if self.provision_method == "reference":
            for name, kind in REFERENCE_FIELDS.items():
                if types.get(name) != kind:
                    raise ValueError(f"provision_method reference needs a field {name}: {kind}")
        return self

    @property
    def sharing_class(self) -> str:
        """``unconditional``, ``conditional`` or ``not_shared``."""
        return self.sharing.sharing_class

    @property
    def field_names(self) -> tuple[str, ...]:
        """Top-level fields in the schema's order."""
        return tuple(f["name"] for f in self.avro_schema["fields"])

    @property
    def marked_fields(self) -> frozenset[str]:
        """Fields that may stand in views only, whatever the class (Order 171 Art 19)."""
        return frozenset(item.field for item in self.data_items if item.mark is not Mark.NONE)

    @property
    def shares_one_copy(self) -> bool:
        """Unconditional without marked fields: the shared topic is also the accepted topic."""
        return self.sharing_class == "unconditional" and not self.marked_fields
