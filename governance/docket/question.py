"""Designated sources, and the question of duplicate collection (Order 171 Art 7)."""

import hashlib
from collections.abc import Iterable, Iterator

from sharebus import Refused
from sharebus.governance.case import Author, Case
from sharebus.governance.docket.kind import Beginning, Kind, Opening, Taken
from sharebus.governance.docket.outcome import Filing
from sharebus.governance.docket.reading import read_document, short
from sharebus.governance.docket.register import Register
from sharebus.governance.entry import CatalogEntry, LegalBasis
from sharebus.governance.facts import AnyFact, Designation
from sharebus.governance.return_flow import division_prefix
from sharebus.governance.role import Role

_DIGEST_CHARS = 16


class Designations(Kind):
    """The coordinator designates which agency collects a content item (一数一源)."""

    name = "designation"

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """The agency that is designated is its party."""
        agency = register.agency(filing.act.content.get("agency"))
        return Opening(author.jurisdiction, agency.id, None, tuple(sorted(author.offices)))

    def check(self, register: Register, taken: Taken) -> Case:
        """A content item has one designated source at a time, which is on the bus."""
        case = taken.case
        if taken.move.verb != "designate":
            return case
        designation = self._designation(case)
        register.agency(designation.agency)
        _check_level(register, case)
        known = register.facts.designations.get(designation.id)
        if known is not None and not known.withdrawn:
            raise Refused(
                "the content item has a designated source already", found=known.agency,
                where=f"content item {designation.id}", expected="one that has none",
                remedy="withdraw the other designation first",
            )  # fmt: skip
        return case

    def facts(self, register: Register, case: Case) -> Iterable[AnyFact]:
        """The designation; a withdrawn one says so."""
        withdrawn = case.state == "withdrawn"
        yield self._designation(case).model_copy(update={"withdrawn": withdrawn})

    def begin(self, register: Register, case: Case) -> Iterable[Beginning]:
        """Questions about entries that are published already."""
        if case.state == "designated":
            for entry_id in sorted(register.facts.entries):
                entry = register.facts.entries[entry_id]
                if not entry.retired:
                    yield from questions_about(register, entry)

    def handed_over(self, case: Case, old: str, new: str) -> Case:
        """The successor collects it."""
        content = {**case.content, "agency": new}
        return super().handed_over(case, old, new).model_copy(update={"content": content})

    def _designation(self, case: Case) -> Designation:
        return read_document(
            Designation,
            {"id": case.content["content_item"], "agency": case.content["agency"],
             "basis": case.content["basis"]},
            f"designation {case.id}",
        )  # fmt: skip


class Questions(Kind):
    """An agency collects what another one is designated for: by which law, or by sharing?"""

    name = "question"

    def check(self, register: Register, taken: Taken) -> Case:
        """The answer cites a law, or the grant by which the data is taken instead."""
        case = taken.case
        if taken.move.verb == "cite":
            read_document(LegalBasis, taken.content["basis"], f"question {case.id}, basis")
        if taken.move.verb == "take":
            grant = register.find("grant", taken.content["grant"])
            if grant is None or grant.state != "in_force" or grant.subscriber != case.provider:
                raise Refused(
                    "it is taken by sharing with a grant of the agency's own that is in force",
                    where=f"question {case.id}", expected="the id of such a grant",
                    found=short(taken.content["grant"]),
                )  # fmt: skip
        return case


def questions_about(register: Register, entry: CatalogEntry) -> Iterator[Beginning]:
    """A question for each content item that another agency is the designated source of."""
    asked = set()
    for item in entry.data_items:
        designation = register.facts.designations.get(item.content_item or "")
        if designation is None or designation.withdrawn or item.origin.kind != "collected":
            continue
        if designation.agency == entry.provider.agency or designation.id in asked:
            continue
        asked.add(designation.id)
        digest = hashlib.sha256(
            f"{entry.id}/{designation.id}/{designation.agency}/{entry.provider.agency}".encode()
        )
        content = {
            "entry": entry.id, "content_item": designation.id, "agency": designation.agency,
        }  # fmt: skip
        opening = Opening(entry.jurisdiction, entry.provider.agency)
        question = f"q-{digest.hexdigest()[:_DIGEST_CHARS]}"
        yield Beginning("question", question, "raise", content, opening)


def _check_level(register: Register, case: Case) -> None:
    """A content item has one name on the whole bus, so its source is designated at the top."""
    own = division_prefix(case.jurisdiction)
    above = sorted(
        each.jurisdiction
        for each in register.facts.agencies.values()
        if Role.COORDINATOR in each.offices and not each.left
        if own.startswith(division_prefix(each.jurisdiction))
        and each.jurisdiction != case.jurisdiction
    )
    if above:
        raise Refused(
            "a designated source holds for the whole bus: the highest coordinator names it",
            where=f"designation {case.id}", expected=f"the coordinator of {above[0]}",
            found=f"that of {case.jurisdiction}",
        )  # fmt: skip


DESIGNATIONS = Designations()
QUESTIONS = Questions()
