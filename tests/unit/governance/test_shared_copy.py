"""A field that everybody could read is not protected by a mark that it gets under the same name."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sharebus.governance.collection import Collection, check_change
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts, RegisteredSchema
from sharebus.governance.shared_copy import fields_ever_shared, marked_too_late
from sharebus.governance.takeover import check_documents
from sharebus.governance.view import view_schema

from .docket.town import Town, accepted, entry_document, refusal

OPEN = {"class": "unconditional"}
NAMES = ("name", "phone", "site")


def document(marks: dict[str, bool]) -> dict[str, Any]:
    """An unconditional entry with these fields beside its key and one that is always marked."""
    fields = {"code": False, "owner": True, **marks}
    return entry_document(
        "shops", sharing=OPEN, partitions=1,
        avro_schema={
            "type": "record", "name": "Row",
            "fields": [{"name": name, "type": "string", "default": ""} for name in fields],
        },
        data_items=[
            {"field": name, "name": name, "mark": "personal" if is_marked else "none",
             "origin": {"kind": "collected", "basis": "条例"}}
            for name, is_marked in fields.items()
        ],
    )  # fmt: skip


def shared_schema(entry: CatalogEntry, number: int) -> RegisteredSchema:
    """The schema that the enforcer registers for the copy that everybody reads."""
    unmarked = [name for name in entry.field_names if name not in entry.marked_fields]
    return RegisteredSchema(
        subject=f"shared.{entry.id}-value", schema_id=number,
        avro_schema=view_schema(entry.avro_schema, unmarked),
    )  # fmt: skip


def publish(facts: PolicyFacts, entry: CatalogEntry) -> None:
    facts.apply(entry, facts.version + 1)
    facts.apply(shared_schema(entry, facts.version), facts.version + 1)


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), st.booleans()), min_size=1, max_size=8))
def test_no_field_is_marked_that_the_shared_copy_holds_whatever_came_before(
    history: list[dict[str, bool]],
) -> None:
    facts = PolicyFacts()
    publish(facts, CatalogEntry.model_validate(document({})))
    for marks in history:
        before = facts.entries["shops"]
        after = CatalogEntry.model_validate(document(marks))
        if not check_change(before, after) and not list(marked_too_late(facts, after)):
            publish(facts, after)
        assert not facts.entries["shops"].marked_fields & fields_ever_shared(facts, "shops")


@given(marks=st.dictionaries(st.sampled_from(NAMES), st.booleans()))
def test_first_mark_of_a_new_field_is_no_problem(marks: dict[str, bool]) -> None:
    facts = PolicyFacts()
    publish(facts, CatalogEntry.model_validate(document({})))
    assert list(marked_too_late(facts, CatalogEntry.model_validate(document(marks)))) == []


def test_field_is_not_added_again_with_a_mark_by_a_command_or_by_a_file() -> None:
    town = Town()
    town.publish("shops", **{key: value for key, value in document({"site": False}).items()
                             if key not in ("id", "name")})  # fmt: skip
    facts = town.docket.facts
    facts.apply(shared_schema(facts.entries["shops"], 7), facts.version)
    without, again = document({}), document({"site": True})
    town.filed_change("ch-1", "shops", "revise", document=without)
    accepted(town.file("office", "entry", "shops", "revise", document=without, change="ch-1"))
    wrong = refusal(town.file("office", "entry", "shops", "revise", document=again))
    assert "data_items.site.mark" in wrong.expected
    entry = CatalogEntry.model_validate(again)
    problems = check_documents(facts, Collection((), (entry,), ()))
    assert [problem.field for problem in problems] == ["data_items.site.mark"]
    accepted(town.file("office", "entry", "shops", "revise", document=document({"phone": True})))


def test_name_is_free_again_once_the_shared_topic_is_gone() -> None:
    facts = PolicyFacts()
    publish(facts, CatalogEntry.model_validate(document({"site": False})))
    schema = shared_schema(facts.entries["shops"], facts.version - 1)
    facts.apply(schema.model_copy(update={"withdrawn": True}), facts.version + 1)
    assert list(marked_too_late(facts, CatalogEntry.model_validate(document({"site": True})))) == []
