"""An application for data: the five things it states, and the grant that follows from it."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, StrictBool, ValidationError, field_validator

from sharebus import Refused
from sharebus.governance.agency import Strict, Text
from sharebus.governance.collection import filter_problems, is_in_scope
from sharebus.governance.entry import CatalogEntry, FieldName, NotShared, Unconditional
from sharebus.governance.grant import Grant, Purpose, RowFilter, Term, told_fields
from sharebus.governance.identity import Id


class Application(Strict):
    """What a system asks for: legal basis, scenario, scope, mode and term (Order 809 Art 20)."""

    entry: Id
    system: str
    fields: tuple[FieldName, ...] = Field(min_length=1)
    row_filter: RowFilter | None = None
    return_flow: StrictBool = False
    """Whether it asks for what is about the agency's own division (数据回流, Order 809 Art 24)."""
    legal_basis: Text
    scenario: Text
    scope: Text
    mode: Literal["subscribe"]
    term: Term

    @field_validator("fields")
    @classmethod
    def _fields_differ(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):  # no grant could follow
            raise ValueError("a field is listed twice")
        return value

    @property
    def told_fields(self) -> frozenset[str]:
        """The fields that the system would learn of."""
        return told_fields(self.fields, self.row_filter)

    def grant(
        self, grant_id: str, fields: tuple[str, ...], agreement: str | None, *, is_automatic: bool
    ) -> Grant:
        """The grant of these fields; ``agreement`` is the case of the agreement it rests on."""
        return Grant(
            id=grant_id, entry=self.entry, system=self.system, fields=fields,
            row_filter=self.row_filter, return_flow=self.return_flow, term=self.term,
            agreement=agreement,
            purpose=Purpose(legal_basis=self.legal_basis, scenario=self.scenario,
                            scope=self.scope, mode=self.mode),
            approval="automatic" if is_automatic else "provider",
        )  # fmt: skip


def read_application(content: Mapping[str, Any], agency: str) -> Application:
    """The application that a command states.

    :raises Refused: something of it is missing or wrong, or the system is another agency's; every
        problem is named, for the list of what is missing is given once (Order 809 Art 21).
    """
    known = {name: content[name] for name in Application.model_fields if name in content}
    try:
        application = Application.model_validate(known)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
        ]
        raise Refused(
            "the application is not complete (Order 809 Art 20)",
            expected="entry, system, fields, legal basis, scenario, scope, mode, term",
            found="; ".join(problems),
        ) from None
    if application.system.partition(".")[0] != agency:
        raise Refused(
            "an agency applies for its own systems",
            expected=f"{agency}.…",
            found=application.system,
        )
    return application


def check_application(application: Application, entry: CatalogEntry) -> None:
    """Whether the entry can be asked for in this way.

    :raises Refused: it is not shared, or it has no such field, to release or to filter by.
    """
    where = f"entry {entry.id}"
    if isinstance(entry.sharing, NotShared):
        basis = entry.sharing.basis
        raise Refused(
            "the entry is not shared (不予共享)", where=where,
            expected="an entry that is", found=f"{basis.instrument} Art {basis.article}",
        )  # fmt: skip
    unknown = sorted(set(application.fields) - set(entry.field_names))
    if unknown:
        raise Refused(
            "the entry has no such field", where=where,
            expected=", ".join(entry.field_names), found=", ".join(unknown),
        )  # fmt: skip
    if application.row_filter is not None:
        for problem in filter_problems(where, application.row_filter, entry):
            raise Refused(
                "the entry has no rows that this filter could tell apart", where=where,
                expected=problem.expected, found=problem.found,
            )  # fmt: skip


def is_self_service(application: Application, entry: CatalogEntry) -> bool:
    """Whether it is granted at once: unconditional, in scope, unmarked (Order 171 Art 10, 18)."""
    sharing = entry.sharing
    if not isinstance(sharing, Unconditional):
        return False
    agency = application.system.partition(".")[0]
    return is_in_scope(sharing, agency) and not entry.marked_fields & application.told_fields
