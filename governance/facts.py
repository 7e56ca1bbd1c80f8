"""The facts of policy: what is in force, folded from the records of ``facts.policy`` in order.

A fact is a whole document (founder, agency, entry, grant, registered schema, not-shared listing,
designated source, clock rules, calendar, docket rules); a later one of the same kind and id is in
its place, but for the founder, who stays the first. The policy version is the offset of the last
record applied, so two readers at the same version hold the same facts.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, model_validator

from sharebus import InvalidInput
from sharebus.governance.agency import Agency, Strict, SystemRole, Text
from sharebus.governance.clock_rule import ClockRules
from sharebus.governance.entry import CatalogEntry, ContentItem, LegalBasis
from sharebus.governance.founder import Founder
from sharebus.governance.grant import Grant
from sharebus.governance.identity import Id, SystemName
from sharebus.governance.view import View, is_released, views_of
from sharebus.governance.working_days import CalendarCorrection, WorkingDays, WorkingDayTable


class RegisteredSchema(Strict):
    """A schema the registry holds: apps read it here, so the registry may be down.

    As a fact it says too that the subject's topic is there to be written. ``withdrawn``: it is not
    any more, since the topic was deleted, or is lost.
    """

    kind: Literal["schema"] = "schema"
    subject: str
    schema_id: int = Field(ge=0)
    avro_schema: dict[str, Any]
    withdrawn: bool = False

    @property
    def id(self) -> str:
        """``<subject>/<schema id>``."""
        return f"{self.subject}/{self.schema_id}"


class NotSharedListing(Strict):
    """What every agency may know of a not-shared entry (Order 171 Art 11 ¶2)."""

    kind: Literal["not_shared"] = "not_shared"
    id: Id
    name: Text
    agency: Id
    basis: LegalBasis
    retired: bool = False


class Designation(Strict):
    """The designated source (数源部门) of a content item: the one agency that collects it.

    Order 171 Art 7. ``id`` is the content item.
    """

    kind: Literal["designation"] = "designation"
    id: ContentItem
    agency: Id
    basis: LegalBasis
    withdrawn: bool = False


class ClockRuleTable(Strict):
    """The rule table in force; every clock that starts from here on follows it."""

    kind: Literal["clock_rules"] = "clock_rules"
    id: Literal["clock-rules"] = "clock-rules"
    table: ClockRules


class DocketRules(Strict):
    """By which rules of the docket commands are decided from here on.

    The same commands come to something else under other rules, so whoever decides them again must
    know which held when.
    """

    kind: Literal["docket_rules"] = "docket_rules"
    id: Literal["docket-rules"] = "docket-rules"
    version: int = Field(ge=1)


class Calendar(Strict):
    """The working days in force, with the corrections laid over them, in their order."""

    kind: Literal["calendar"] = "calendar"
    id: Literal["calendar"] = "calendar"
    table: WorkingDayTable
    corrections: tuple[CalendarCorrection, ...] = ()

    @model_validator(mode="after")
    def _corrections_fit(self) -> "Calendar":
        for correction in self.corrections:
            try:
                WorkingDays(self.table, self.corrections, correction.jurisdiction)
            except InvalidInput as misfit:
                raise ValueError(str(misfit)) from None
        return self


AnyFact = (
    Founder
    | Agency
    | CatalogEntry
    | Grant
    | RegisteredSchema
    | NotSharedListing
    | Designation
    | ClockRuleTable
    | Calendar
    | DocketRules
)
Fact = Annotated[AnyFact, Field(discriminator="kind")]
_FACT: TypeAdapter[AnyFact] = TypeAdapter(Fact)


def fact_to_json(fact: AnyFact) -> str:
    """Canonical JSON of a fact: sorted keys and sets, so that equal facts are equal bytes."""
    return json.dumps(
        fact_document(fact), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


def fact_document(fact: AnyFact) -> dict[str, Any]:
    """The fact as JSON has it, with sorted sets."""
    document = fact.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {key: _sorted_set(key, value) for key, value in document.items()}


def fact_from_json(text: str) -> AnyFact:
    """Read a fact back.

    :raises pydantic.ValidationError: the text is no fact.
    """
    return _FACT.validate_json(text)


def fact_from_document(document: Mapping[str, Any]) -> AnyFact:
    """Read a fact back that is decoded already.

    :raises pydantic.ValidationError: the document is no fact.
    """
    return _FACT.validate_python(document)


def _sorted_sets(document: Any) -> Any:
    """Sort the lists that stand for sets; all others keep their order, which has meaning."""
    if isinstance(document, dict):
        return {key: _sorted_set(key, value) for key, value in document.items()}
    if isinstance(document, list):
        return [_sorted_sets(value) for value in document]
    return document


def _sorted_set(key: str, value: Any) -> Any:
    if key in ("one_of", "starts_with", "codes"):
        return sorted(value)
    # A schema's defaults may hold lists under any name, and their order has meaning.
    return value if key == "avro_schema" else _sorted_sets(value)


class PolicyFacts:
    """The facts in force at one policy version."""

    def __init__(self) -> None:
        self.version = -1
        """Offset in ``facts.policy`` of the last record applied; -1 before the first."""
        self.founder: Founder | None = None
        self.agencies: dict[str, Agency] = {}
        self.entries: dict[str, CatalogEntry] = {}
        self.grants: dict[str, Grant] = {}
        self.schemas: dict[str, dict[int, dict[str, Any]]] = {}
        self.provided_at: dict[str, int] = {}
        """By subject, the version at which it had a first schema, since it last had none."""
        self._grants_by_entry: dict[str, dict[str, Grant]] = {}
        self.not_shared: dict[str, NotSharedListing] = {}
        self.designations: dict[str, Designation] = {}
        self.clock_rules: ClockRuleTable | None = None
        self.calendar: Calendar | None = None
        self.docket_rules: DocketRules | None = None

    def apply(self, fact: AnyFact, version: int) -> None:
        """Fold one fact in; ``version`` is its offset."""
        match fact:
            case Founder():
                self.founder = self.founder or fact
            case Agency():
                self.agencies[fact.id] = fact
            case CatalogEntry():
                self.entries[fact.id] = fact
                if fact.sharing_class != "not_shared":
                    self.not_shared.pop(fact.id, None)  # its class has changed
            case Grant():
                before = self.grants.get(fact.id, fact)
                self._grants_by_entry.get(before.entry, {}).pop(fact.id, None)
                self.grants[fact.id] = fact
                self._grants_by_entry.setdefault(fact.entry, {})[fact.id] = fact
            case RegisteredSchema(withdrawn=True):
                self._withdraw(fact)
            case RegisteredSchema():
                self.provided_at.setdefault(fact.subject, version)
                self.schemas.setdefault(fact.subject, {})[fact.schema_id] = fact.avro_schema
            case NotSharedListing():
                self.not_shared[fact.id] = fact
                if (known := self.entries.get(fact.id)) and known.sharing_class != "not_shared":
                    del self.entries[fact.id]  # in the public catalog this says so
            case Designation():
                self.designations[fact.id] = fact
            case ClockRuleTable():
                self.clock_rules = fact
            case Calendar():
                self.calendar = fact
            case DocketRules():
                self.docket_rules = fact
        self.version = version

    def _withdraw(self, schema: RegisteredSchema) -> None:
        left = self.schemas.get(schema.subject, {})
        left.pop(schema.schema_id, None)
        if not left:
            self.schemas.pop(schema.subject, None)
            self.provided_at.pop(schema.subject, None)

    def standing(self, fact: AnyFact) -> AnyFact | None:
        """The fact in force of the same kind and id."""
        match fact:
            case Founder():
                return self.founder
            case Agency():
                return self.agencies.get(fact.id)
            case CatalogEntry():
                return self.entries.get(fact.id)
            case Grant():
                return self.grants.get(fact.id)
            case RegisteredSchema():
                known = self.schemas.get(fact.subject, {}).get(fact.schema_id)
                if fact.withdrawn:
                    return fact if known is None else None
                return fact if known == fact.avro_schema else None
            case NotSharedListing():
                return self.not_shared.get(fact.id)
            case Designation():
                return self.designations.get(fact.id)
            case ClockRuleTable() | Calendar() | DocketRules():
                only: AnyFact | None = getattr(self, fact.kind)
                return only

    def __iter__(self) -> Iterator[AnyFact]:
        """All facts in force, in an order in which they can be applied again."""
        yield from filter(None, [self.founder])
        yield from self.agencies.values()
        yield from self.entries.values()
        yield from self.grants.values()
        yield from self.not_shared.values()
        yield from self.designations.values()
        counted_by = (self.clock_rules, self.calendar, self.docket_rules)
        yield from (fact for fact in counted_by if fact)
        for subject, by_id in self.schemas.items():
            for schema_id, avro_schema in by_id.items():
                yield RegisteredSchema(
                    subject=subject, schema_id=schema_id, avro_schema=avro_schema
                )

    def grants_of(self, entry: str) -> tuple[Grant, ...]:
        """Grants on an entry, by id."""
        grants = self._grants_by_entry.get(entry, {})
        return tuple(grants[grant_id] for grant_id in sorted(grants))

    def views_of(self, entry: CatalogEntry) -> tuple[View, ...]:
        """The views the entry needs under the grants in force."""
        return views_of(entry, self.grants_of(entry.id))

    def may_read(self, grant: Grant, today: date) -> bool:
        """Whether the grant's system may read its view on a local date.

        The grant is in force, its entry can be released under it and is not suspended, and the
        system is a subscriber of an agency that is neither suspended nor gone.
        """
        entry, agency = self.entries.get(grant.entry), self.agencies.get(grant.grantee.agency)
        if entry is None or agency is None or entry.suspended or agency.suspended:
            return False
        is_subscriber = grant.grantee in agency.system_names(SystemRole.SUBSCRIBER)
        return is_subscriber and grant.is_in_force(today) and is_released(entry, grant)

    def is_suspended(self, entry: CatalogEntry) -> bool:
        """Whether the entry, or the agency that provides it, is suspended, or one of them gone."""
        agency = self.agencies.get(entry.provider.agency)
        is_halted = agency is None or agency.suspended or agency.left
        return entry.suspended or entry.retired or is_halted

    def provider_of(self, entry: CatalogEntry) -> SystemName:
        """The one system that may write the entry's ingress topic."""
        return SystemName(entry.provider.agency, entry.provider.system)
