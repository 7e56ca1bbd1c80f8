"""A case is exported with its signed commands; without a bus its archive says what they became."""

import json
import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from sharebus import InvalidInput, SharebusError
from sharebus.consumers.oversight.archive import Part, parts_of, sums_of, write_archive
from sharebus.consumers.oversight.archive_check import CheckedArchive, check_archive
from sharebus.consumers.oversight.case_file import read_case_file
from sharebus.consumers.oversight.log_files import public_checkpoint
from sharebus.consumers.oversight.search_index import SearchIndex
from sharebus.infra.log_reader import LogReader
from sharebus.infra.tile_directory import TileDirectory
from sharebus.ledger.errors import Malformed, Unproven
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.topic import AUDIT

from ...consumers.oversight.audit_log import POLICY, Audit, Record
from .memory_registrar import MemoryRegistrar
from .test_decisions import granted


def log_of(registrar: MemoryRegistrar, directory: Path) -> TileDirectory:
    """What the notary makes of the registrar's audit."""
    records = [
        Record(each.offset(), each.key(), each.value()) for each in registrar.broker.topics[AUDIT]
    ]
    return Audit(records).write_files(directory, len(records))


def papers_of(registrar: MemoryRegistrar, case: str, *found: Any) -> dict[str, bytes]:
    kind, _, name = case.partition("/")
    return read_case_file(cast(LogReader, registrar.broker), kind, name, found)


def export_case(registrar: MemoryRegistrar, case: str, directory: Path) -> Path:
    log = log_of(registrar, directory / "log")
    note = public_checkpoint(log)
    size = len(registrar.broker.topics[AUDIT])
    index = SearchIndex(directory / "search.sqlite")
    index.update(log, size, lambda _done, _end: None)
    found = index.by_entity(registrar.digest.entity(case.encode()))
    index.close()
    papers = papers_of(registrar, case, *found)
    [bundle] = parts_of(log, size, 0, size)
    parts = [Part(n, [bundle.entries[n]]) for n in sorted({each.leaf for each in found})]
    about = {"kind": "case", "case": case}
    write_archive(directory / "archive", log, note, POLICY, parts, about, papers)
    return directory / "archive"


@pytest.fixture
def archive(registrar: MemoryRegistrar, tmp_path: Path) -> Path:
    granted(registrar)
    registrar.give("market", "request", "r-1", "accept", seen=1, accepted_fields=["phone"])
    forged = {"kind": "request", "case": "r-1", "verb": "accept", "accepted_fields": ["name"]}
    registrar.give("market", signed_by="tax", **forged)
    registrar.write("tax", b"no command")
    registrar.decide()
    return export_case(registrar, "request/r-1", tmp_path)


def check(directory: Path, digest: AuditDigest | None = None) -> CheckedArchive:
    return check_archive(directory, POLICY, 0, digest)


def test_case_is_proved_without_a_bus(
    archive: Path, registrar: MemoryRegistrar, tmp_path: Path
) -> None:
    shutil.move(archive, tmp_path / "elsewhere")
    checked = check(tmp_path / "elsewhere", registrar.digest)
    assert checked.commands == 4
    case = json.loads((tmp_path / "elsewhere" / "case" / "case.json").read_bytes())
    assert (case["id"], case["state"]) == ("r-1", "supplied")
    read = [
        json.loads(file.read_bytes()) for file in (tmp_path / "elsewhere").glob("case/*/*.json")
    ]
    assert sorted(command["verb"] for command in read) == ["accept"] * 3 + ["submit"]


def test_command_of_a_key_that_was_replaced_is_still_its_agencys(
    registrar: MemoryRegistrar, tmp_path: Path
) -> None:
    granted(registrar)
    new = registrar.signing_key("health").model_copy(update={"id": "k2"}).model_dump()
    registrar.give("market", "agency", "market", "rotate_key", key=new, replaces="k1")
    registrar.decide()
    assert [key.id for key in registrar.facts.agencies["market"].keys] == ["k2"]
    assert check(export_case(registrar, "request/r-1", tmp_path)).commands == 2


def change(archive: Path, name: str, old: bytes, new: bytes) -> None:
    """By somebody who makes the sums again."""
    [file] = archive.glob(name)
    data = file.read_bytes()
    assert old in data
    file.write_bytes(data.replace(old, new))
    (archive / "SHA256SUMS").write_text(sums_of(archive))


@pytest.mark.parametrize(("place", "old"), [("market-0", b"code"), ("market-1", b"phone")])
def test_command_that_was_changed_is_found_by_its_signature(
    archive: Path, place: str, old: bytes
) -> None:
    change(archive, f"case/commands/*{place}.avro", old, bytes(reversed(old)))
    with pytest.raises(Unproven, match="did not sign"):
        check(archive)


def test_command_that_nobody_signed_is_proved_by_its_digest(
    archive: Path, registrar: MemoryRegistrar
) -> None:
    change(archive, "case/commands/*market-2.avro", b"name", b"eman")
    assert check(archive).commands == 4
    with pytest.raises(Unproven, match="not the command that was decided"):
        check(archive, registrar.digest)


def test_command_of_which_no_record_is_there_is_found(archive: Path) -> None:
    for file in archive.glob("case/commands/*market*-0.*"):
        file.rename(file.with_name(file.name.replace("-0.", "-7.")))
    (archive / "SHA256SUMS").write_text(sums_of(archive))
    with pytest.raises(Unproven, match="no record"):
        check(archive)


@pytest.mark.parametrize("keys", [b"no json", b"[]", b'{"market": [{"id": "k1"}]}'])
def test_keys_that_are_none_prove_nothing(archive: Path, keys: bytes) -> None:
    (archive / "case" / "keys.json").write_bytes(keys)
    (archive / "SHA256SUMS").write_text(sums_of(archive))
    with pytest.raises(Malformed, match="keys"):
        check(archive)


def test_case_that_is_not_there_has_no_file(registrar: MemoryRegistrar) -> None:
    with pytest.raises(InvalidInput, match="no such case"):
        papers_of(registrar, "request/r-9")


def test_nothing_of_the_neighbours_is_in_it(archive: Path, registrar: MemoryRegistrar) -> None:
    """The unreadable command stands beside the case's, in a record of its own topic."""
    lines = (archive / "records.jsonl").read_text().splitlines()
    topics = {json.loads(line)["source_topic"] for line in lines}
    assert topics == {"commands.market", "commands.tax"}
    assert len(lines) < len(registrar.broker.topics[AUDIT])
    with pytest.raises(SharebusError):
        check(archive.parent / "log")
