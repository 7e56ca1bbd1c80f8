"""A view and a policy version resolve to the grants, and so the purposes, that were in force."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from sharebus.governance.facts import AnyFact, PolicyFacts
from sharebus.governance.grant import Grant
from sharebus.governance.release import PolicyHistory
from sharebus.governance.view import view_of_grant

from .docket.town import FIVE, Town, facts

DAY = date(2026, 3, 2)
TAX = "tax.desk"


def history_of(*later: AnyFact) -> PolicyHistory:
    history = PolicyHistory()
    for fact in (*facts(), *later):
        history.take(fact, history.version + 1)
    return history


def grant(scenario: str = "开业登记", **changes: object) -> Grant:
    stated = {name: FIVE[name] for name in ("legal_basis", "scope", "mode")}
    document = {
        "id": "r-1", "entry": "closed", "system": TAX, "fields": ["code", "name"],
        "purpose": {**stated, "scenario": scenario}, "term": FIVE["term"], **changes,
    }  # fmt: skip
    return Grant.model_validate(document)


def scenarios(history: PolicyHistory, version: int, day: date = DAY) -> list[str]:
    return [each.purpose.scenario for _, each in history.readers("closed", version, day)]


def test_release_has_the_purpose_that_was_granted_when_it_was_made() -> None:
    history = history_of(grant("开业登记"), grant("欠税清缴"), grant(revoked=True))
    last = history.version
    assert [scenarios(history, version) for version in range(last - 3, last + 1)] == [
        [], ["开业登记"], ["欠税清缴"], [],
    ]  # fmt: skip


def test_grant_whose_term_has_not_begun_or_is_over_is_none_that_was_read_by() -> None:
    history = history_of(grant())
    assert scenarios(history, history.version, date(2025, 12, 31)) == []
    assert scenarios(history, history.version, date(2026, 12, 31)) == ["开业登记"]
    assert scenarios(history, history.version, date(2027, 1, 1)) == []


def test_systems_of_one_view_are_told_each_with_its_own_purpose() -> None:
    other = grant("资格审核", id="r-2", system="health.desk")
    wider = grant("统计", id="r-3", system="health.desk", fields=["code"])
    history = history_of(grant(), other, wider)
    found = history.readers("closed", history.version, DAY)
    views: dict[str, set[str]] = {}
    for view, each in found:
        views.setdefault(view, set()).add(each.purpose.scenario)
    assert sorted(map(sorted, views.values())) == [["开业登记", "资格审核"], ["统计"]]


def test_suspended_agency_reads_nothing_until_it_is_restored() -> None:
    tax = facts().agencies["tax"]
    history = history_of(grant(), tax.model_copy(update={"suspended": True}), tax)
    last = history.version
    assert [len(scenarios(history, version)) for version in range(last - 2, last + 1)] == [1, 0, 1]
    spans = [(span.first_version, span.end_version) for span in history.spans("r-")]
    assert spans == [(last - 2, last - 1), (last, None)]


def test_spans_of_an_emergency_end_with_it_and_change_view_with_an_agreement() -> None:
    town = Town()
    town.file("office", "emergency", "e-1", "declare", reason="台风", entries=["closed"],
              agencies=["tax"], until="2026-03-10", seal_by="2026-03-20")  # fmt: skip
    town.agree()
    town.file("office", "emergency", "e-1", "end")
    made = [fact for outcome in town.outcomes for fact in outcome.facts]
    history = history_of(*made)
    first, second = history.spans("em-")
    assert [span.grant.fields for span in (first, second)] == [
        ("code", "name"), ("code", "name", "phone"),
    ]  # fmt: skip
    assert first.view != second.view
    assert first.end_version == second.first_version
    assert second.end_version is not None
    assert second.has_begun(second.first_version)
    assert not second.has_begun(second.first_version - 1)
    assert second.has_ended(second.end_version)
    assert not second.has_ended(second.end_version - 1)


CHANGES = st.lists(
    st.tuples(st.sampled_from(["r-1", "r-2"]), st.sampled_from(["甲", "乙"]), st.booleans()),
    max_size=12,
)


@given(CHANGES)
def test_every_version_resolves_to_what_the_facts_said_then(
    changes: list[tuple[str, str, bool]],
) -> None:
    made = [grant(scenario, id=name, revoked=revoked) for name, scenario, revoked in changes]
    history = history_of(*made)
    known = PolicyFacts()
    for version, fact in enumerate((*facts(), *made)):
        known.apply(fact, version)
        entry = known.entries.get("closed")
        expected = [
            (view_of_grant(entry, each).name, each)
            for each in known.grants_of("closed")
            if entry is not None and known.may_read(each, DAY)
        ]
        assert list(history.readers("closed", version, DAY)) == expected
    spans = list(history.spans("r-"))
    for version in range(history.version + 1):
        read = {
            span.grant for span in spans if span.has_begun(version) and not span.has_ended(version)
        }
        assert read == {each for _, each in history.readers("closed", version, DAY)}
