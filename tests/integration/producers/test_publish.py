import csv
import json
import random
from datetime import date, datetime, timedelta, tzinfo
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fastavro import schemaless_reader
from typer.testing import CliRunner

from sharebus import InvalidInput, Refused
from sharebus.cli.main import app
from sharebus.governance.entry import CatalogEntry
from sharebus.infra.settings import environment_of
from sharebus.producers import delivery, publication
from sharebus.producers.provider import Provider
from sharebus.schemas.cloudevent import ID
from sharebus.schemas.framing import FRAME_BYTES
from sharebus.schemas.record import audit_batch
from sharebus.schemas.topic import AUDIT

from .conftest import Register, write_csv

pytestmark = pytest.mark.integration


def numbered(count: int) -> dict[str, str]:
    return {f"c{number:06d}": f"名称{number}" for number in range(count)}


def test_sdk_events_arrive_and_the_receipt_names_the_audit_record(
    register: Register, closed_entry: CatalogEntry
) -> None:
    rows = [{"code": str(n), "name": None, "since": date(2026, 1, 1)} for n in range(200)]
    with register.provider(closed_entry) as provider, provider.delivery("2026-11") as delivery:
        delivery.upsert_all(rows)
        delivery.delete("7")
    receipt = delivery.receipt
    assert receipt is not None
    assert (receipt.outcome, receipt.accepted, receipt.refused) == ("complete", 201, 0)
    assert set(register.present(closed_entry)) == {str(n) for n in range(200)} - {"7"}
    audit = {
        (record["writer"], record["sequence"]): record
        for record in (
            audit_batch().decode(message.value() or b"") for message in register.records(AUDIT, 1)
        )
    }
    assert len(receipt.partitions) == 3
    for partition in receipt.partitions:
        record = audit[partition.audit_writer, partition.audit_sequence]
        assert (record["entry"], record["source_partition"]) == (
            closed_entry.id,
            partition.partition,
        )
        closings = [line for line in record["lines"] if line["outcome"] == "closed"]
        assert partition.source_offset in [line["offset"] for line in closings]


def test_rare_characters_arrive_byte_for_byte_from_either_encoding(
    register: Register, open_entry: CatalogEntry, closed_entry: CatalogEntry, tmp_path: Path
) -> None:
    names = {"a": "\ue816\U00020164㐂", "b": "上城区", "c": "é", "d": "　全角　"}
    for entry, encoding in ((open_entry, "gb18030"), (closed_entry, "utf-8-sig")):
        path = write_csv(tmp_path / f"{encoding}.csv", names, encoding)
        report = register.publish(entry, path)
        assert report.file.encoding == encoding.removesuffix("-sig")
        decoded = {}
        for key, value in register.present(entry).items():
            body = BytesIO(value[FRAME_BYTES:])
            row: Any = schemaless_reader(body, entry.avro_schema, None)
            decoded[key] = row["name"]
        assert decoded == names


def test_same_file_for_the_same_period_is_not_published_twice(
    register: Register, closed_entry: CatalogEntry, tmp_path: Path
) -> None:
    path = write_csv(tmp_path / "in.csv", numbered(50))
    first = register.publish(closed_entry, path)
    sent_count = register.sent_count(closed_entry)
    again = register.publish(closed_entry, path)
    assert (first.sent_count, again.sent_count, again.resumed_count) == (50, 0, 50)
    assert register.sent_count(closed_entry) == sent_count == 53
    assert again.receipt == first.receipt
    other_period = register.publish(closed_entry, path, period="2026-12")
    assert (other_period.sent_count, other_period.receipt and other_period.receipt.outcome) == (
        50,
        "complete",
    )


def test_publish_killed_at_random_points_neither_loses_nor_doubles(
    register: Register, open_entry: CatalogEntry, tmp_path: Path
) -> None:
    # More rows than the 10,000 ids that the gate remembers, so resuming is what prevents doubling.
    row_count, kill_count = 25_000, 0
    path = write_csv(tmp_path / "in.csv", numbered(row_count))
    arguments = (
        "publish", open_entry.id, "--as", str(register.system), "--from", str(path),
        "--period", "2026-11", "--json",
    )  # fmt: skip
    chance = random.Random(20261122)
    while kill_count < 6:
        begun_count = register.sent_count(open_entry)
        process = register.command(*arguments)
        # Killed while it sends: as soon as a little more has arrived than before.
        enough = begun_count + chance.randint(1, 4_000)
        register.wait_for(
            lambda enough=enough, process=process: (
                register.sent_count(open_entry) >= enough or process.poll() is not None
            )
        )
        if process.poll() is None:
            process.kill()
            kill_count += 1
        process.communicate()
        if process.returncode == 0:
            break
    assert kill_count >= 2
    code, out, err = register.run(*arguments)
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert report["sent"] + report["sent_before"] == row_count
    assert report["receipt"]["outcome"] == "complete"
    ids = [dict(message.headers() or ())[ID] for message in register.accepted(open_entry)]
    assert len(ids) == len(set(ids)) == row_count
    assert len(register.present(open_entry)) == row_count


def test_bad_rows_are_kept_in_a_file_that_can_be_corrected_and_published(
    register: Register, open_entry: CatalogEntry, tmp_path: Path
) -> None:
    path = tmp_path / "in.csv"
    path.write_text('code,name,since\n1,甲,2026-01-01\n2,"乙\n丙",2026-02-30\n3,a\u202eb,\n4\n')
    base = ("publish", open_entry.id, "--as", str(register.system), "--period", "2026-11")
    code, out, err = register.run(*base, "--from", str(path), "--json")
    assert code == 3
    assert json.loads(out)["receipt"]["outcome"] == "complete"
    assert set(register.present(open_entry)) == {"1"}
    bad = tmp_path / "in.bad.csv"
    for told in (f"{path}:3: since", f"{path}:5: name", f"{path}:6: (row)", str(bad)):
        assert told in err
    with bad.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = list(csv.reader(file))
    assert header == ["sharebus_line", "sharebus_reason", "code", "name", "since"]
    rows = [[*row[:2], code, "改正", "2026-02-28"] for row, code in zip(rows, "234", strict=True)]
    with bad.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    code, _out, err = register.run(*base, "--from", str(bad))
    assert (code, set(register.present(open_entry))) == (0, {"1", "2", "3", "4"}), err


@pytest.mark.parametrize(("option", "expected"), [("--strict", 3), ("--check", 3)])
def test_strict_and_check_send_nothing(
    register: Register, open_entry: CatalogEntry, tmp_path: Path, option: str, expected: int
) -> None:
    path = tmp_path / "in.csv"
    path.write_text("code,name,since\n1,甲,\n2,乙,gestern\n")
    code, _out, err = register.run(
        "publish", open_entry.id, "--as", str(register.system), "--from", str(path),
        "--period", "2026-11", option,
    )  # fmt: skip
    assert code == expected
    assert "since: expected a date" in err
    assert register.sent_count(open_entry) == 0


def test_json_lines_are_published(
    register: Register, open_entry: CatalogEntry, tmp_path: Path
) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"name": "甲", "code": "1", "since": "2026-01-01"}\n', encoding="utf-8")
    report = register.publish(open_entry, path)
    assert report.receipt is not None
    assert report.receipt.outcome == "complete"
    assert set(register.present(open_entry)) == {"1"}


def test_several_files_make_one_delivery(
    register: Register, closed_entry: CatalogEntry, tmp_path: Path
) -> None:
    first = write_csv(tmp_path / "1.csv", {"a": "1", "b": "2"})
    second = write_csv(tmp_path / "2.csv", {"c": "3"})
    left_open = register.publish(closed_entry, first, delivery="both", close=False)
    assert left_open.receipt is None
    closed = register.publish(closed_entry, second, delivery="both")
    assert closed.receipt is not None
    assert (closed.receipt.outcome, closed.receipt.accepted) == ("complete", 3)
    third = write_csv(tmp_path / "3.csv", {"d": "4"})
    with pytest.raises(InvalidInput, match="takes no more events"):
        register.publish(closed_entry, third, delivery="both")


def test_no_change_is_receipted_as_such(register: Register, closed_entry: CatalogEntry) -> None:
    with register.provider(closed_entry) as provider:
        receipt = provider.no_change("2026-11")
    assert (receipt.outcome, receipt.partition_count) == ("no_change", 3)
    code, out, _err = register.run(
        "publish", closed_entry.id, "--as", str(register.system), "--no-change",
        "--period", "2026-12", "--json",
    )  # fmt: skip
    assert (code, json.loads(out)["outcome"]) == (0, "no_change")


def test_no_change_stated_again_is_one_statement_answered_twice(
    register: Register, open_entry: CatalogEntry
) -> None:
    with register.provider(open_entry) as provider:
        first, again = (provider.no_change("2026-11") for _ in range(2))
    assert first.outcome == again.outcome == "no_change"
    assert first.delivery == again.delivery == "2026-11-no-change"


def test_no_change_of_a_delivery_with_events_says_what_became_of_it(
    register: Register, open_entry: CatalogEntry, tmp_path: Path
) -> None:
    path = write_csv(tmp_path / "in.csv", numbered(3))
    register.publish(open_entry, path, delivery="d1", close=False)
    code, out, err = register.run(
        "publish", open_entry.id, "--as", str(register.system), "--no-change",
        "--period", "2026-11", "--delivery", "d1",
    )  # fmt: skip
    assert code == 7, err
    assert "incomplete" in out
    assert "Delivery d1 has events (3 accepted, 0 refused)" in err
    assert len(register.present(open_entry)) == 3


def test_repeated_keys_are_a_warning_and_the_last_row_stays(
    register: Register, closed_entry: CatalogEntry, tmp_path: Path
) -> None:
    path = tmp_path / "in.csv"
    path.write_text("code,name,since\n1,甲,\n2,乙,\n1,丙,\n", encoding="utf-8")
    arguments = (
        "publish", closed_entry.id, "--as", str(register.system), "--from", str(path),
        "--period", "2026-11", "--json",
    )  # fmt: skip
    for option in (["--check"], []):
        code, out, err = register.run(*arguments, *option)
        report = json.loads(out)
        assert (code, report["sent"], report["repeated_keys"]) == (0, 3, 1), err
        assert report["repeated_at"] == [{"first_line": 2, "last_line": 4, "row_count": 2}]
        assert f"{path}:2 and :4: the same entity key in 2 rows" in err
        assert "warning: 1 entity keys" in err
    assert "丙".encode() in register.present(closed_entry)["1"]


def test_clock_that_is_ahead_is_told_as_refused_though_no_receipt_counts_it(
    register: Register, open_entry: CatalogEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(hours=1)

    monkeypatch.setattr(publication, "datetime", Ahead)
    monkeypatch.setattr(delivery, "datetime", Ahead)
    for name, value in environment_of(register.settings).items():
        monkeypatch.setenv(name, value)
    path = write_csv(tmp_path / "in.csv", numbered(2))
    result = CliRunner().invoke(
        app,
        ["publish", open_entry.id, "--as", str(register.system), "--from", str(path),
         "--period", "2026-11", "--wait", "5", "--json"],
    )  # fmt: skip
    assert result.exit_code == 3, result.output
    assert "time.future (ce_time)" in result.stderr
    assert json.loads(result.stdout)["receipt"]["outcome"] == "awaited"


def test_receipt_that_is_late_comes_with_the_same_command(
    register: Register, open_entry: CatalogEntry, tmp_path: Path
) -> None:
    path = write_csv(tmp_path / "in.csv", numbered(10))
    arguments = (
        "publish", open_entry.id, "--as", str(register.system), "--from", str(path),
        "--period", "2026-11", "--json", "--wait",
    )  # fmt: skip
    register.gate.stop()
    try:
        code, out, _err = register.run(*arguments, "0.5")
        assert (code, json.loads(out)["receipt"]["outcome"]) == (5, "awaited")
    finally:
        register.gate.start()
    code, out, err = register.run(*arguments, "50")
    report = json.loads(out)
    assert (code, report["sent"], report["receipt"]["outcome"]) == (0, 0, "complete"), err


def test_catalog_names_the_only_provider(register: Register) -> None:
    [theirs] = register.entries["theirs"]
    with pytest.raises(Refused, match="does not provide") as refused:
        register.provider(theirs)
    assert refused.value.expected.startswith(str(register.colleague))
    with pytest.raises(InvalidInput, match="no catalog entry"):
        Provider("no-such-entry", str(register.system), register.settings)
