"""docs/clocks.md against the default tables and the models of clocks."""

import re
from enum import StrEnum
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from sharebus.governance.clock_rule import (
    CaseEvent,
    CaseKind,
    ClockRule,
    Procedure,
)
from sharebus.governance.entry import UpdateDuty
from sharebus.governance.role import Role
from sharebus.governance.update_schedule import Periodic, UpdateSchedule
from sharebus.governance.working_days import CalendarCorrection, WorkingDays
from sharebus.infra.clock_tables import load_clock_rules, load_working_days

from . import pages

PAGE = pages.DOCS / "clocks.md"
RULES = load_clock_rules()


def default_table(*columns: str) -> list[list[str]]:
    return pages.table(pages.section(PAGE, "### The default table"), *columns)


def due(rule: ClockRule) -> str:
    if rule.times:
        return f"at most {rule.times}"
    if rule.set_by:
        return f"set by `{rule.set_by}`"
    return f"{rule.amount} {rule.unit}"


def extension(rule: ClockRule) -> str:
    if not rule.extension:
        return ""
    consents = ", ".join(f"`{role}`" for role in rule.extension.consents)
    text = f"{rule.extension.amount} {rule.unit}, consent of {consents}"
    if rule.extension.tell:
        text += "; told: " + ", ".join(f"`{role}`" for role in rule.extension.tell)
    return text + (f"; if {rule.extension.condition}" if rule.extension.condition else "")


def test_page_has_each_row_of_the_default_table_in_order() -> None:
    rows = default_table(
        "procedure", "step", "title", "who acts", "from", "due", "extension", "article",
        "valid from",
    )  # fmt: skip
    assert rows == [
        [f"`{rule.procedure}`", f"`{rule.step}`", rule.title, f"`{rule.actor}`",
         f"`{rule.starts}`", due(rule), extension(rule),
         f"{rule.basis.article}" + (f" ¶{rule.basis.paragraph}" if rule.basis.paragraph else ""),
         rule.valid_from.isoformat()]
        for rule in RULES.rules
    ]  # fmt: skip


def test_default_table_has_nothing_that_the_page_has_no_column_for() -> None:
    shown = {"at", "pauses", "jurisdiction", "valid_until"}
    assert not [
        rule for rule in RULES.rules if shown & rule.model_dump(exclude_defaults=True).keys()
    ]


def test_page_has_each_procedure() -> None:
    assert default_table("procedure", "name", "jurisdiction", "kinds of case") == [
        [f"`{procedure.id}`", procedure.name,
         f"`{procedure.jurisdiction}`" if procedure.jurisdiction else "everywhere",
         ", ".join(f"`{case}`" for case in procedure.cases)]
        for procedure in RULES.procedures
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "model"), [("field of a procedure", Procedure), ("field of a row", ClockRule)]
)
def test_page_explains_each_field(column: str, model: type[Procedure | ClockRule]) -> None:
    rows = pages.table(pages.section(PAGE, "## The rule table"), column, "meaning")
    assert [pages.code(name) for name, _ in rows] == list(model.model_fields)


@pytest.mark.parametrize(
    ("columns", "names"),
    [(("kind of case", "what it is"), CaseKind), (("event", "what happened"), CaseEvent)],
)
def test_page_explains_each_kind_of_case_and_event(
    columns: tuple[str, str], names: type[StrEnum]
) -> None:
    rows = pages.table(pages.section(PAGE, "## The rule table"), *columns)
    assert [pages.code(name) for name, _ in rows] == list(names)


def test_page_names_each_role() -> None:
    [line] = re.findall(r"^Roles are (.*?)\.$", pages.text_of(PAGE), re.DOTALL | re.MULTILINE)
    assert pages.codes(line) == list(Role)


def yaml_of(text: str) -> Any:
    [block] = re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return yaml.safe_load(block)


def test_correction_on_the_page_can_be_laid_over_the_calendar() -> None:
    correction = CalendarCorrection.model_validate(
        yaml_of(pages.section(PAGE, "## The working days"))
    )
    day = correction.days[0].day
    table = load_working_days()
    assert WorkingDays(table, [correction], "330106").is_working(day)
    assert not WorkingDays(table, [correction], "330203").is_working(day)


def test_schedule_of_the_page_is_one_that_an_entry_can_have() -> None:
    text = pages.section(PAGE, "## When data are due")
    assert isinstance(UpdateDuty.model_validate(yaml_of(text)["update"]).schedule, Periodic)
    kinds = {
        pages.code(kind) for kind, *_ in pages.table(text, "kind", "what it says", "frequency")
    }
    schema = TypeAdapter(UpdateSchedule).json_schema()
    assert kinds == set(schema["discriminator"]["mapping"])
