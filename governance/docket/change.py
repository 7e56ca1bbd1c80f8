"""Changes that narrow an entry: proposed, consulted on and filed before they are carried out."""

from sharebus import Refused
from sharebus.governance.case import Author, Case, Parties
from sharebus.governance.docket.entry import ENTRIES, judged
from sharebus.governance.docket.kind import Due, Kind, Opening, Taken
from sharebus.governance.docket.outcome import Filing
from sharebus.governance.docket.reading import read_text, short
from sharebus.governance.docket.register import Register
from sharebus.governance.role import Role

ACTIONS = ("suspend", "retire", "revise")


class Changes(Kind):
    """Every agency that holds a grant is told and may comment (Order 809 Art 27).

    ``content["comments"]`` holds what each has said; none sees what another one has.
    """

    name = "change"

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """The provider or the coordinator proposes it."""
        entry = register.entry(filing.act.content.get("entry"))
        actors = [Role.PROVIDER] if author.agency == entry.provider.agency else []
        if author.jurisdiction == entry.jurisdiction and Role.COORDINATOR in author.offices:
            actors.append(Role.COORDINATOR)
        return Opening(entry.jurisdiction, entry.provider.agency, None, tuple(actors))

    def parties(self, register: Register, case: Case) -> Parties:
        """Those of the entry."""
        entry = ENTRIES.adopt(register, str(case.content["entry"]))
        holders = ENTRIES.parties(register, entry)[Role.SUBSCRIBER] if entry else ()
        return {Role.PROVIDER: [case.provider or ""], Role.SUBSCRIBER: holders}

    def check(self, register: Register, taken: Taken) -> Case:
        """What is proposed can be carried out; each grantee's comment is kept."""
        case = taken.case
        if taken.move.verb == "propose":
            self._check_proposal(register, taken)
        elif taken.move.verb == "comment":
            before = taken.before.content.get("comments", {}) if taken.before else {}
            comments = {**before, taken.author.agency: read_text(taken.content, "opinion")}
            kept = {name: value for name, value in case.content.items() if name != "opinion"}
            return case.model_copy(update={"content": {**kept, "comments": comments}})
        return case

    def due(self, register: Register, case: Case, now_ms: int) -> Due | None:
        """It is carried out when its entry has moved by it."""
        entry = register.find("entry", case.content.get("entry"))
        is_carried_out = entry is not None and entry.content.get("change") == case.id
        return Due("carry_out") if case.state == "filed" and is_carried_out else None

    def seen_by(self, register: Register, case: Case, agency: str) -> Case:
        """A grantee sees its own comment alone."""
        comments = case.content.get("comments")
        if not comments or agency not in self.parties(register, case)[Role.SUBSCRIBER]:
            return case
        own = {name: said for name, said in comments.items() if name == agency}
        return case.model_copy(update={"content": {**case.content, "comments": own}})

    def _check_proposal(self, register: Register, taken: Taken) -> None:
        action, document = taken.content["action"], taken.content.get("document")
        if action not in ACTIONS or (action == "revise") != (document is not None):
            raise Refused(
                "a change suspends, retires or revises an entry; a revision has the new document",
                expected=f"action: {', '.join(ACTIONS)}", found=short(action),
            )  # fmt: skip
        entry = ENTRIES.adopt(register, str(taken.content["entry"]))
        if document is not None and entry is not None:
            judged(register, entry, document)


CHANGES = Changes()
