"""Who takes part, what is asked for, and what an entry would give less of: document by document."""

from typing import Any

import pytest
from pydantic import ValidationError

from sharebus import Refused
from sharebus.governance.agency import Agency, SystemRole
from sharebus.governance.application import (
    Application,
    check_application,
    is_self_service,
    read_application,
)
from sharebus.governance.entry import CatalogEntry, Unconditional
from sharebus.governance.narrowing import narrowings

from . import town

ALL = ("code", "district", "name")
BOTH = ["provider", "subscriber"]
KEY = {"id": "k1", "algorithm": "ed25519", "public_key": "ab"}
ASKED: dict[str, Any] = {
    "entry": "persons", "system": town.SYSTEM, "fields": ["code"], "legal_basis": "示例法",
    "scenario": "核对", "scope": "全部", "mode": "subscribe",
    "term": {"first_day": town.FIRST_DAY, "last_day": town.LAST_DAY},
}  # fmt: skip


def system(name: str, roles: Any = ("provider",)) -> dict[str, Any]:
    return {"id": name, "name": name, "roles": list(roles)}


@pytest.mark.parametrize(
    "changes",
    [
        {"systems": []},
        {"left": True},
        {"systems": [system("levy"), system("levy", ["subscriber"])]},
        {"systems": [system("levy", [])]},
        {"keys": [KEY, {**KEY, "public_key": "cd"}]},
        {"offices": ["provider"]},
        {"offices": ["coordinator", "subscriber"]},
        {"id": "platform"},
        {"jurisdiction": "33020"},
        {"code": "short"},
        {"made": "up"},
    ],
    ids=str,
)
def test_agency_that_contradicts_itself_is_no_document(changes: dict[str, Any]) -> None:
    document = town.reader().model_dump(mode="json")
    assert Agency.model_validate(document) == town.reader()
    with pytest.raises(ValidationError):
        Agency.model_validate({**document, **changes})


def test_agency_says_what_its_document_leaves_out() -> None:
    agency = town.reader()
    assert (agency.kind, agency.suspended, agency.left) == ("agency", False, False)
    assert (agency.offices, agency.keys) == ((), ())
    offices = town.reader(offices=["coordinator", "government"], keys=[KEY])
    assert len(offices.offices) == 2
    spaced = {**agency.model_dump(mode="json"), "name": " 税务局 "}
    assert Agency.model_validate(spaced).name == "税务局"
    with pytest.raises(ValidationError, match="frozen"):
        agency.suspended = True  # type: ignore[misc]


def test_systems_are_named_all_or_by_what_they_do() -> None:
    systems = [system("s1"), system("s2", ["subscriber"]), system("s3", BOTH)]
    agency = town.reader(systems=systems)
    named = {
        role: [name.system for name in agency.system_names(role)]
        for role in (None, SystemRole.PROVIDER, SystemRole.SUBSCRIBER)
    }
    assert list(named.values()) == [["s1", "s2", "s3"], ["s1", "s3"], ["s2", "s3"]]
    assert {name.agency for name in agency.system_names()} == {"tax"}


def test_application_that_is_not_complete_is_told_everything_at_once() -> None:
    content = {name: ASKED[name] for name in ("entry", "system")}
    with pytest.raises(Refused) as refused:
        read_application({**content, "fields": []}, "tax")
    for missing in ("fields", "legal_basis", "scenario", "scope", "mode", "term"):
        assert f"{missing}: " in refused.value.found
    assert "entry: " not in refused.value.found
    with pytest.raises(Refused) as refused:
        read_application({**ASKED, "term": {**ASKED["term"], "last_day": "soon"}}, "tax")
    assert refused.value.found.startswith("term.last_day: ")


def test_agency_applies_for_its_own_systems() -> None:
    assert read_application({**ASKED, "note": "of the command"}, "tax").system == town.SYSTEM
    for agency in ("ta", "tax.levy", "levy", "health"):
        with pytest.raises(Refused) as refused:
            read_application(ASKED, agency)
        assert refused.value.found == town.SYSTEM


@pytest.mark.parametrize(
    ("kind", "changes", "found"),
    [
        ("not_shared", {}, "示例法 Art 5"),
        ("open", {"fields": ["code", "z", "a"]}, "a, z"),
        ("open", {"row_filter": {"all": [{"field": "z", "one_of": ["1"]}]}}, "z"),
    ],
    ids=["not shared", "unknown fields", "unknown field of the filter"],
)
def test_what_cannot_be_given_cannot_be_asked_for(
    kind: str, changes: dict[str, Any], found: str
) -> None:
    application = Application.model_validate({**ASKED, **changes})
    with pytest.raises(Refused) as refused:
        check_application(application, town.entry(kind))
    assert refused.value.found == found
    filtered = {**ASKED, "row_filter": {"all": [town.IN_HAISHU]}}
    check_application(Application.model_validate(filtered), town.entry("open"))
    check_application(Application.model_validate(ASKED), town.entry("closed"))


def test_application_is_granted_at_once_where_nothing_stands_in_its_way() -> None:
    application = Application.model_validate(ASKED)
    assert is_self_service(application, town.entry("open", marks={"name": "personal"}))
    for entry in (
        town.entry("open", marks={"code": "personal"}), town.entry("closed"), town.entry(),
    ):  # fmt: skip
        assert not is_self_service(application, entry)


@pytest.mark.parametrize("is_automatic", [True, False])
def test_grant_says_what_was_asked_for(is_automatic: bool) -> None:
    filtered = {**ASKED, "row_filter": {"all": [town.IN_HAISHU]}}
    application = Application.model_validate(filtered)
    grant = application.grant("r-1", ("district",), "a-1", is_automatic=is_automatic)
    assert grant == town.grant(
        ["district"], "r-1", conditions=[town.IN_HAISHU], agreement="a-1",
        purpose={"legal_basis": "示例法", "scenario": "核对", "scope": "全部"},
        approval="automatic" if is_automatic else "provider",
    )  # fmt: skip
    assert application.told_fields == {"code", "district"}


def of_types(**types: Any) -> CatalogEntry:
    entry = town.entry()
    fields = [{**field, **types.get(field["name"], {})} for field in entry.avro_schema["fields"]]
    return entry.model_copy(update={"avro_schema": {**entry.avro_schema, "fields": fields}})


def test_type_that_changes_narrows_and_a_default_does_not() -> None:
    entry = town.entry()
    other = of_types(name={"type": ["null", "string"]})
    assert narrowings(entry, other) == ["field name has another type"]
    assert narrowings(entry, of_types(name={"default": ""})) == []


def test_scope_that_loses_agencies_narrows_and_names_them() -> None:
    def among(*agencies: str) -> CatalogEntry:
        sharing = Unconditional.model_validate({"class": "unconditional", "agencies": agencies})
        return town.entry("open").model_copy(update={"sharing": sharing})

    lost = ["agencies no longer concerned: health, tax"]
    assert narrowings(among("tax", "market", "health"), among("market")) == lost
    assert narrowings(among("tax"), town.entry("open")) == []
    assert narrowings(among("tax"), among("health", "tax")) == []
    assert narrowings(town.entry("open"), town.entry("open")) == []
    everybody = ["agencies no longer concerned: some of all"]
    assert narrowings(town.entry("open"), among("tax")) == everybody
