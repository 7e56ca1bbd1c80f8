"""docs/rules.md against the closed list of rules."""

import re
from typing import get_args

from sharebus.governance.content_checks import CheckName
from sharebus.governance.rule import RULE_TITLES, Rule
from sharebus.schemas.filed_command import COMMAND_RULE_TITLES, CommandRule

from . import pages

PAGE = pages.DOCS / "rules.md"


def test_page_has_each_rule_with_its_title_in_order() -> None:
    rows = pages.table(pages.text_of(PAGE), "rule", "what is wrong", "what the provider does")
    assert [(pages.code(rule), title) for rule, title, _ in rows] == [
        (rule.value, RULE_TITLES[rule]) for rule in Rule
    ]


def test_page_has_a_remedy_for_each_rule() -> None:
    rows = pages.table(pages.text_of(PAGE), "rule", "what is wrong", "what the provider does")
    assert [rule for rule, _, remedy in rows if not re.match("[A-Z].*[.]$", remedy)] == []


def test_page_has_each_rule_of_commands_with_its_title_in_order() -> None:
    rows = pages.table(pages.text_of(PAGE), "command rule", "what is wrong")
    assert [(pages.code(rule), title) for rule, title in rows] == [
        (rule.value, COMMAND_RULE_TITLES[rule]) for rule in CommandRule
    ]


def test_page_has_each_content_check() -> None:
    rows = pages.table(pages.section(PAGE, "## Content checks"), "check", "what passes")
    assert {pages.code(name) for name, _ in rows} == set(get_args(CheckName))
