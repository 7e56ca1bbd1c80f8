"""An archive is checked by nothing but itself and a key; whatever is changed in it is found."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sharebus import InvalidInput, SharebusError
from sharebus.consumers.oversight.archive import Part, parts_of, sums_of, write_archive
from sharebus.consumers.oversight.archive_check import CheckedArchive, check_archive
from sharebus.consumers.oversight.log_files import public_checkpoint
from sharebus.infra.tile_directory import TileDirectory
from sharebus.ledger.errors import Malformed, Unproven, Untrusted
from sharebus.ledger.keys import NoteSigner
from sharebus.ledger.policy import Policy
from sharebus.schemas.canonical import canonical_json

from .audit_log import ORIGIN, POLICY, Audit

SIZE = 1_100
ABOUT = {"kind": "segment", "origin": ORIGIN}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> TileDirectory:
    return Audit.of(SIZE).write_files(tmp_path_factory.mktemp("log"), SIZE)


def export(log: TileDirectory, directory: Path, parts: Iterable[Part]) -> Path:
    write_archive(directory, log, public_checkpoint(log), POLICY, parts, ABOUT)
    return directory


@pytest.fixture(scope="module")
def archive(log: TileDirectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two bundles, and of single records."""
    directory = tmp_path_factory.mktemp("exported") / "archive"
    entries = [entry for part in parts_of(log, SIZE, 0, SIZE) for entry in part.entries]
    singles = [Part(number, [entries[number]]) for number in (0, 700, SIZE - 1)]
    return export(log, directory, [*parts_of(log, SIZE, 300, 513), *singles])


def check(directory: Path, policy: Policy = POLICY) -> CheckedArchive:
    return check_archive(directory, policy, 0)


def plainly(directory: Path) -> int:
    """By the program in the archive, which knows nothing of ours."""
    return subprocess.run(
        [sys.executable, "-I", "-S", directory / "check.py"], capture_output=True, check=False
    ).returncode


@pytest.mark.parametrize(
    ("first", "end", "held"),
    [(0, 1, 256), (255, 257, 512), (256, 512, 256), (1_099, 1_100, 76), (0, SIZE, SIZE)],
)
def test_segment_is_proved_whole_bundle_by_bundle(
    log: TileDirectory, tmp_path: Path, first: int, end: int, held: int
) -> None:
    directory = export(log, tmp_path / "archive", parts_of(log, SIZE, first, end))
    checked = check(directory)
    assert checked.leaves == held
    assert checked.witnessed.checkpoint.size == SIZE
    assert checked.about["origin"] == ORIGIN
    lines = (directory / "records.jsonl").read_text().splitlines()
    assert [json.loads(line)["leaf"] for line in lines][:: held - 1 or 1] == [
        first // 256 * 256,
        first // 256 * 256 + held - 1,
    ]
    assert plainly(directory) == 0


def test_archive_needs_nothing_but_itself_and_the_key(archive: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(archive, moved)
    assert check(moved).leaves == 512 + 3
    assert plainly(moved) == 0
    stranger = Policy.parse(
        f"log {NoteSigner.from_seed(ORIGIN, bytes(31) + b'x').key.vkey()}\nquorum none\n".encode()
    )
    with pytest.raises(Untrusted):
        check(moved, stranger)
    # Thirty years on, the keys that stand in it serve whoever has compared them.
    assert check(moved, Policy.parse((moved / "keys.policy").read_bytes())).leaves == 515


def test_signature_is_checked_by_openssl(archive: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    plain = archive / "plain"
    command = [
        openssl, "pkeyutl", "-verify", "-pubin", "-inkey", plain / "log-key.pem", "-rawin",
        "-in", plain / "checkpoint.txt", "-sigfile", plain / "checkpoint.sig",
    ]  # fmt: skip
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert (archive / "checkpoint").read_bytes().startswith((plain / "checkpoint.txt").read_bytes())


def test_sums_are_those_of_sha256sum(archive: Path) -> None:
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(command, cwd=archive, check=False).returncode == 0


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_flipped_bit_is_found(archive: Path, data: st.DataObject) -> None:
    files = sorted(path for path in archive.rglob("*") if path.is_file())
    file = data.draw(st.sampled_from(files), "file")
    whole = file.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(whole) - 1), "bit")
    flipped = bytearray(whole)
    flipped[bit // 8] ^= 1 << bit % 8
    file.write_bytes(flipped)
    try:
        with pytest.raises(SharebusError):
            check(archive)
    finally:
        file.write_bytes(whole)


def test_file_that_was_taken_out_or_put_in_is_named(archive: Path, tmp_path: Path) -> None:
    changed = tmp_path / "archive"
    shutil.copytree(archive, changed)
    (changed / "more.txt").write_text("more")
    with pytest.raises(Unproven, match=r"more\.txt"):
        check(changed)
    assert plainly(changed) == 1
    (changed / "more.txt").unlink()
    (changed / "schemas" / "command.avsc").unlink()
    with pytest.raises(Unproven, match=r"command\.avsc"):
        check(changed)


def resealed(archive: Path, directory: Path) -> Path:
    """A copy whose sums will be made again: by somebody who can compute them too."""
    shutil.copytree(archive, directory)
    return directory


def reseal(directory: Path) -> None:
    (directory / "SHA256SUMS").write_text(sums_of(directory))


def test_whoever_makes_the_sums_again_changes_no_record(archive: Path, tmp_path: Path) -> None:
    directory = resealed(archive, tmp_path / "archive")
    bundle = directory / "records" / "000000000256.bundle"
    whole = bundle.read_bytes()
    for position in (10, len(whole) // 2, len(whole) - 1):
        changed = bytearray(whole)
        changed[position] ^= 1
        bundle.write_bytes(changed)
        reseal(directory)
        with pytest.raises(SharebusError):
            check(directory)
        assert plainly(directory) == 1


def test_whoever_makes_the_sums_again_changes_nothing_that_is_read(
    archive: Path, tmp_path: Path
) -> None:
    directory = resealed(archive, tmp_path / "archive")
    readable = directory / "records.jsonl"
    readable.write_text(readable.read_text().replace("accepted", "refused", 1))
    reseal(directory)
    with pytest.raises(Unproven, match=r"records\.jsonl"):
        check(directory)


def test_records_of_another_place_are_not_those(archive: Path, tmp_path: Path) -> None:
    directory = resealed(archive, tmp_path / "archive")
    records = directory / "records"
    shutil.copy(records / "000000000700.bundle", records / "000000000000.bundle")
    reseal(directory)
    with pytest.raises(Unproven):
        check(directory)
    assert plainly(directory) == 1


def test_archive_is_read_by_the_schema_of_its_time(archive: Path, tmp_path: Path) -> None:
    directory = resealed(archive, tmp_path / "archive")
    schema = directory / "schemas" / "audit_batch.avsc"
    schema.write_text(schema.read_text().replace('"decided_ms"', '"made_ms"'))
    readable = directory / "records.jsonl"
    lines = [json.loads(line) for line in readable.read_text().splitlines()]
    for line in lines:
        line["made_ms"] = line.pop("decided_ms")
    readable.write_text("".join(canonical_json(line) + "\n" for line in lines))
    reseal(directory)
    assert check(directory).leaves == 515


@pytest.mark.parametrize(
    "schema",
    [
        b"no json", b"[]",
        b'{"type": "record", "name": "A", "fields": [{"name": "a", "type": "A"}]}',
        b'{"type": "array", "items": {"type": "B"}}', b'{"type": "record", "name": "A"}', b"{}",
    ],
)  # fmt: skip
def test_schema_that_is_none_or_has_no_end_is_refused(
    archive: Path, tmp_path: Path, schema: bytes
) -> None:
    directory = resealed(archive, tmp_path / "archive")
    (directory / "schemas" / "audit_batch.avsc").write_bytes(schema)
    reseal(directory)
    with pytest.raises(SharebusError):
        check(directory)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Malformed):
        check(tmp_path)


def test_archive_goes_into_a_new_directory(log: TileDirectory, tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    with pytest.raises(InvalidInput, match="new directory"):
        export(log, tmp_path, parts_of(log, SIZE, 0, 1))


@pytest.mark.parametrize(("first", "end"), [(5, 5), (0, SIZE + 1), (-1, 4)])
def test_leaves_that_are_not_there_are_not_exported(
    log: TileDirectory, first: int, end: int
) -> None:
    with pytest.raises(InvalidInput, match="no such records"):
        list(parts_of(log, SIZE, first, end))
