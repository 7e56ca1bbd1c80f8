"""An agency's view of its cases is the fold of its notices, and nothing else."""

import json
from typing import Any

import pytest

from sharebus import InvalidInput
from sharebus.producers.desk.mailbox import Mailbox
from sharebus.schemas.record import case_notice

from ...governance.docket.town import Town
from .recorded import Record, RecordedLog


def mailbox(log: RecordedLog) -> Mailbox:
    reader: Any = log
    return Mailbox(reader, log.agency)


def test_latest_version_of_each_case_and_its_whole_history_are_what_was_told() -> None:
    town, log = Town(), RecordedLog("tax")
    outcomes = [town.ask("r-1", "closed"), town.accept("r-1", "code")]
    log.tell(*outcomes)
    box = mailbox(log)
    box.catch_up()
    request = box.latest("request", "r-1")
    assert request is not None
    assert request.case == town.case("request", "r-1")
    versions = box.history("request", "r-1")
    assert [version.verb for version in versions] == ["submit", "accept", "supply"]
    assert [version.case.version for version in versions] == [1, 2, 3]
    assert versions[0].author == "tax"
    assert versions[-1].author == ""
    assert all(version.basis for version in versions)
    assert {version.case.case_kind for version in box.cases()} == {"request", "grant"}


def test_case_of_others_is_not_known() -> None:
    town, log = Town(), RecordedLog("health")
    log.tell(town.ask("r-1", "closed"))
    box = mailbox(log)
    box.catch_up()
    assert box.latest("request", "r-1") is None
    assert list(box.cases()) == []


def test_expected_answer_is_kept_and_no_other() -> None:
    town, log = Town(), RecordedLog("tax")
    outcomes = [town.ask("r-1", "closed"), town.ask("r-2", "nowhere")]
    log.tell(*outcomes)
    ids = [outcome.answer.command for outcome in outcomes if outcome.answer]
    box = mailbox(log)
    box.expect(ids[1])
    box.catch_up()
    assert box.answer(ids[0]) is None
    answer = box.answer(ids[1])
    assert answer is not None
    assert answer == outcomes[1].answer


def test_receipts_of_deliveries_among_the_notices_are_passed_over() -> None:
    town, log = Town(), RecordedLog("tax")
    log.records = [Record(b"divisions-a/d-1/0", b"whatever"), Record(b"@case/request/r-1", None)]
    log.tell(town.ask("r-1", "closed"))
    box = mailbox(log)
    box.catch_up()
    assert box.latest("request", "r-1") is not None


def test_what_was_read_is_not_read_again() -> None:
    town, log = Town(), RecordedLog("tax")
    log.tell(town.ask("r-1", "closed"))
    box = mailbox(log)
    box.catch_up()
    before = log.reads
    box.catch_up()
    assert log.reads == before


def test_case_of_which_a_newer_registrar_says_more_is_read_all_the_same() -> None:
    town, log = Town(), RecordedLog("tax")
    log.tell(town.ask("r-1", "closed"))
    for record in log.records:
        if record.key().startswith(b"@case/"):
            notice = case_notice().decode(record.value() or b"")
            body = json.loads(notice["body"])
            body["clocks"] = [{**clock, "later": 1} for clock in body["clocks"]]
            notice["body"] = json.dumps({**body, "later": 1})
            record.replace(case_notice().encode(1, notice))
    box = mailbox(log)
    box.catch_up()
    request = box.latest("request", "r-1")
    assert request is not None
    assert request.case == town.case("request", "r-1")


def test_notice_that_holds_no_case_says_so() -> None:
    town, log = Town(), RecordedLog("tax")
    log.tell(town.ask("r-1", "closed"))
    (record,) = [each for each in log.records if each.key().startswith(b"@case/")]
    notice = case_notice().decode(record.value() or b"")
    record.replace(case_notice().encode(1, {**notice, "body": "{}"}))
    box = mailbox(log)
    box.catch_up()
    with pytest.raises(InvalidInput, match="no case"):
        box.latest("request", "r-1")
