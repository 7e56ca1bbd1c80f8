"""Another class of an entry is filed first, and ends what rested on the one before."""

import pytest

from sharebus.governance.docket import Outcome
from sharebus.governance.facts import PolicyFacts, RegisteredSchema
from sharebus.governance.grant import Grant

from .town import CLASSES, FIVE, Town, accepted, entry_document, refusal

UNMARKED = ("code", "name")


def plain_document(kind: str, fields: tuple[str, ...] = UNMARKED) -> dict[str, object]:
    """An entry without marked fields, which shares one copy while it is unconditional."""
    document = entry_document("shops", sharing=CLASSES[kind])
    document["data_items"] = [i for i in document["data_items"] if i["field"] in fields]
    record = [{"name": field, "type": "string", "default": ""} for field in fields]
    document["avro_schema"] = {"type": "record", "name": "Row", "fields": record}
    return document


@pytest.fixture
def town() -> Town:
    """A town with an unconditional entry that two agencies have."""
    town = Town()
    document = plain_document("open")
    town.file("market", "entry", "shops", "draft", document=document)
    town.file("market", "entry", "shops", "submit", head=True)
    town.file("vault", "entry", "shops", "consent")
    town.file("office", "entry", "shops", "confirm")
    accepted(town.file("office", "entry", "shops", "publish"))
    provided(town, "ingress", "shared")
    for who in ("tax", "health"):
        town.file(who, "request", f"r-{who}", "submit", entry="shops", system=f"{who}.desk",
                  fields=["code"], **FIVE)  # fmt: skip
    return town


def provided(town: Town, *copies: str) -> None:
    """The enforcer has provided these topics with the schema in force."""
    for copy in copies:
        subject, schema = f"{copy}.shops-value", town.docket.facts.entries["shops"].avro_schema
        fact = RegisteredSchema(subject=subject, schema_id=7, avro_schema=schema)
        town.docket.facts.apply(fact, town.docket.facts.version + 1)


def withdrawn(town: Town, copy: str) -> None:
    facts: PolicyFacts = town.docket.facts
    schema = facts.schemas[f"{copy}.shops-value"][7]
    gone = RegisteredSchema(
        subject=f"{copy}.shops-value", schema_id=7, avro_schema=schema, withdrawn=True
    )
    facts.apply(gone, facts.version + 1)


def revise(town: Town, change: str, document: dict[str, object]) -> Outcome:
    town.filed_change(change, "shops", "revise", document=document)
    return town.file("office", "entry", "shops", "revise", document=document, change=change)


def grants_on(town: Town) -> dict[str, Grant]:
    return {name: grant for name, grant in town.grants().items() if grant.entry == "shops"}


def test_another_class_takes_a_filed_change(town: Town) -> None:
    document = plain_document("closed")
    wrong = refusal(town.file("office", "entry", "shops", "revise", document=document))
    assert wrong.found == "class unconditional becomes conditional"
    accepted(revise(town, "ch-1", document))
    assert town.docket.facts.entries["shops"].sharing_class == "conditional"


def test_what_was_granted_at_once_ends_with_the_class(town: Town) -> None:
    assert {grant.approval for grant in grants_on(town).values()} == {"automatic"}
    outcome = revise(town, "ch-1", plain_document("closed"))
    assert grants_on(town) == {}
    assert {notice.agency for notice in outcome.notices} >= {"market", "tax", "health"}
    town.file("tax", "request", "r-2", "submit", entry="shops", system="tax.desk",
              fields=["code"], **FIVE)  # fmt: skip
    assert grants_on(town) == {}, "under conditions the provider decides"
    accepted(town.accept("r-2", "code"))
    assert set(grants_on(town)) == {"r-2"}


def test_entry_that_is_shared_no_more_is_listed_and_one_that_is_again_is_not(town: Town) -> None:
    facts = town.docket.facts
    accepted(revise(town, "ch-1", plain_document("secret")))
    assert facts.not_shared["shops"].basis.article == 28
    assert (facts.entries["shops"].sharing_class, grants_on(town)) == ("not_shared", {})
    accepted(revise(town, "ch-2", plain_document("closed")))
    assert "shops" not in facts.not_shared


def test_no_other_class_while_what_was_accepted_is_being_moved(town: Town) -> None:
    accepted(revise(town, "ch-1", plain_document("closed")))
    provided(town, "accepted")
    for number, kind in enumerate(("open", "secret")):
        wrong = refusal(revise(town, f"ch-2-{number}", plain_document(kind)))
        assert wrong.found.endswith("topic shared.shops still stands")
        assert "wait some seconds" in wrong.expected
    withdrawn(town, "shared")
    accepted(revise(town, "ch-3", plain_document("open")))
    provided(town, "shared")
    wrong = refusal(revise(town, "ch-4", plain_document("closed")))
    assert wrong.found.endswith("topic accepted.shops still stands")


def test_rows_with_a_field_that_is_no_more_do_not_become_one_copy(town: Town) -> None:
    accepted(revise(town, "ch-1", plain_document("closed")))
    accepted(revise(town, "ch-2", plain_document("closed", ("code",))))
    wrong = refusal(revise(town, "ch-3", plain_document("open", ("code",))))
    assert "another id" in wrong.expected
    assert "without name" in wrong.found


def test_mark_is_late_only_for_who_can_read_it(town: Town) -> None:
    document = plain_document("closed")
    marked = [{**item, "mark": "personal"} for item in document["data_items"][1:]]  # type: ignore[index]
    document["data_items"] = [document["data_items"][0], *marked]  # type: ignore[index]
    accepted(revise(town, "ch-1", document))
    again = {**document, "sharing": CLASSES["open"]}
    wrong = refusal(revise(town, "ch-2", again))
    assert "data_items.name.mark" in wrong.expected
