"""The log's files, verified without a broker: every edited file is named, an honest log passes."""

import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from sharebus import InvalidInput, Unavailable
from sharebus.consumers.oversight.alarm import (
    Altered,
    Foreign,
    Forked,
    Frozen,
    Removed,
)
from sharebus.consumers.oversight.files_verification import verify_files
from sharebus.consumers.oversight.log_files import open_log
from sharebus.consumers.oversight.trust import Trust, Verification
from sharebus.consumers.oversight.verified_log import VerifiedLog
from sharebus.infra.tile_directory import TileDirectory
from sharebus.ledger.cosignature import Cosigner
from sharebus.ledger.errors import Untrusted
from sharebus.ledger.keys import NoteSigner
from sharebus.ledger.note import Note
from sharebus.ledger.policy import Policy
from sharebus.ledger.tiles import ENTRIES, Tile

from .audit_log import POLICY, SIGNER, Audit, Record, bundle_of

SIZES = (1, 255, 256, 257, 600)


@pytest.fixture(scope="module")
def audit() -> Audit:
    return Audit.of(600)


def verify(directory: Path, held: VerifiedLog | None = None, full: bool = False) -> Verification:
    return verify_files(TileDirectory(directory), Trust(POLICY), held, is_full=full)


def test_an_honest_log_is_verified_at_once_and_as_it_grows(audit: Audit, tmp_path: Path) -> None:
    held = None
    for size in SIZES:
        audit.write_files(tmp_path, size)
        grown = verify(tmp_path, held)
        assert grown.log.checkpoint == audit.checkpoint(size)
        assert grown.records == size - (held.checkpoint.size if held else 0)
        assert verify(tmp_path).log[2:] == grown.log[2:]
        assert verify(tmp_path, held, full=True).records == size
        held = grown.log


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_log_is_verified_from_a_web_server(audit: Audit, tmp_path: Path, served: str) -> None:
    with pytest.raises(Unavailable):
        verify_files(open_log(served), Trust(POLICY), None)
    audit.write_files(tmp_path, 255)
    held = verify_files(open_log(served), Trust(POLICY), None).log
    audit.write_files(tmp_path, 600)  # the partial files of 255 are gone
    assert verify_files(open_log(served), Trust(POLICY), held).records == 345
    (tmp_path / Tile(0, 1).path()).unlink()
    with pytest.raises(Removed):
        verify_files(open_log(served), Trust(POLICY), held)


def test_an_edited_tile_is_named(audit: Audit, tmp_path: Path) -> None:
    for tile in (Tile(0, 0), Tile(0, 2, 88), Tile(1, 0, 2)):
        audit.write_files(tmp_path, 600)
        path = tmp_path / tile.path()
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(Altered) as alarm:
            verify(tmp_path)
        assert alarm.value.place.file == tile.path()
        path.write_bytes(data)


def test_an_edited_record_is_named(audit: Audit, tmp_path: Path) -> None:
    for leaf, tile in ((0, Tile(ENTRIES, 0)), (300, Tile(ENTRIES, 1)), (599, Tile(ENTRIES, 2, 88))):
        audit.write_files(tmp_path, 600)
        first = tile.number * 256
        records = audit.records[first : first + tile.width]
        wrong = records[leaf - first]
        records[leaf - first] = Record(wrong.offset_, wrong.key_, (wrong.value_ or b"") + b"x")
        path = tmp_path / tile.path()
        data = path.read_bytes()
        path.write_bytes(bundle_of(records))
        with pytest.raises(Altered) as alarm:
            verify(tmp_path)
        assert (alarm.value.place.leaf, alarm.value.place.file) == (leaf, tile.path())
        path.write_bytes(data[:-1])
        with pytest.raises(Altered, match="bundle does not hold"):
            verify(tmp_path)
        path.write_bytes(data)


@pytest.mark.parametrize("tile", [Tile(0, 1), Tile(1, 0, 2), Tile(ENTRIES, 1)])
def test_a_file_that_is_gone_is_named(audit: Audit, tmp_path: Path, tile: Tile) -> None:
    audit.write_files(tmp_path, 600)
    (tmp_path / tile.path()).unlink()
    with pytest.raises(Removed) as alarm:
        verify(tmp_path)
    assert alarm.value.place.file == tile.path()


def test_what_was_verified_must_be_the_beginning_of_what_comes(
    audit: Audit, tmp_path: Path
) -> None:
    held = verify(audit.write_files(tmp_path / "honest", 300).path).log
    forged = Audit.of(600, version="forged")
    for size, kind in ((300, Forked), (600, Forked), (299, Frozen)):
        directory = forged.write_files(tmp_path / f"forged{size}", size).path
        with pytest.raises(kind):
            verify(directory, held)
        with pytest.raises(Frozen if size < 300 else Forked):
            verify(directory, held, full=True)
    with pytest.raises(Frozen):
        verify(audit.write_files(tmp_path / "older", 299).path, held)


def test_only_pinned_keys_are_believed(audit: Audit, tmp_path: Path) -> None:
    audit.write_files(tmp_path, 20)
    stranger = NoteSigner.from_seed(SIGNER.key.name, bytes(range(32)))
    note = Note(audit.checkpoint(20).body()).signed_by(stranger)
    (tmp_path / "checkpoint").write_bytes(note.encode())
    with pytest.raises(Untrusted):
        verify(tmp_path)


def test_a_checkpoint_that_the_witnesses_saw_long_ago_is_a_frozen_view(
    audit: Audit, tmp_path: Path
) -> None:
    witness = Cosigner.from_seed("w1.test", bytes(32))
    policy = Policy.parse(
        f"log {SIGNER.key.vkey()}\nwitness w {witness.key.vkey()}\nquorum w\n".encode()
    )
    files = audit.write_files(tmp_path, 20)
    with pytest.raises(Untrusted):
        verify_files(files, Trust(policy), None)
    note = Note.parse(files.read_checkpoint() or b"")
    seconds = int(time.time()) - 3600
    cosigned = note.with_signatures([witness.cosign(note.text, seconds)])
    (tmp_path / "checkpoint").write_bytes(cosigned.encode())
    seen = verify_files(files, Trust(policy), None).log
    assert seen.seen_ms == seconds * 1000
    with pytest.raises(Frozen):
        verify_files(files, Trust(policy, checkpoint_seconds_max=600), None)


def test_a_log_of_what_no_app_writes_is_told(tmp_path: Path) -> None:
    rogue = Audit.of(20)
    rogue.records.append(Record(99, b"gate-0", b"rubbish"))
    with pytest.raises(Foreign) as alarm:
        verify(rogue.write_files(tmp_path, 21).path)
    assert alarm.value.place.leaf == 20


def test_what_was_verified_is_kept(audit: Audit, tmp_path: Path) -> None:
    path = tmp_path / "kept" / "audit.json"
    assert VerifiedLog.load(path) is None
    log = verify(audit.write_files(tmp_path / "log", 300).path).log
    log.save(path)
    assert VerifiedLog.load(path) == log
    path.write_text(path.read_text().replace('"range": "', '"range": "00'))
    with pytest.raises(InvalidInput, match="cannot be read"):
        VerifiedLog.load(path)
    log._replace(range=log.range.extend([bytes(32)])).save(path)
    with pytest.raises(InvalidInput, match="contradicts itself"):
        VerifiedLog.load(path)


def test_there_must_be_such_a_directory(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        open_log(str(tmp_path / "nowhere"))
