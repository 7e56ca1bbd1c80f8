"""A notary whose policy asks for a witness: what is public is cosigned, nothing is taken back."""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from sharebus.consumers.witness.server import witness_server
from sharebus.consumers.witness.store import WitnessStore
from sharebus.consumers.witness.witness import Witness
from sharebus.ledger.cosignature import Cosigner
from sharebus.ledger.note import Note
from sharebus.ledger.policy import Policy
from sharebus.stream_apps.stopped import EXIT_NEEDS_PERSON

from ..app_process import AppProcess, wait_until
from ..conftest import free_ports
from .archive import Archive

pytestmark = pytest.mark.integration
COSIGNER = Cosigner.from_seed("witness.example/w1", bytes(range(1, 33)))


class Served:
    """A witness that can be away, and keeps what it has cosigned."""

    def __init__(self, archive: Archive, state: Path) -> None:
        self.port = free_ports(1)[0]
        self._witness = Witness(COSIGNER, [archive.key], WitnessStore(state), time.time)

    def start(self) -> None:
        app = witness_server(self._witness)
        self._server = uvicorn.Server(uvicorn.Config(app, port=self.port, log_level="critical"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_until(lambda: self._server.started, "the witness serves")

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture
def witnessed(archive: Archive, tmp_path: Path) -> Iterator[tuple[Archive, Served]]:
    witness = Served(archive, tmp_path / "w1.sqlite")
    policy = tmp_path / "log.policy"
    policy.write_text(
        f"log {archive.key.vkey()}\n"
        f"witness W1 {COSIGNER.key.vkey()} http://127.0.0.1:{witness.port}\nquorum W1\n"
    )
    archive.settings = archive.settings.model_copy(update={"ledger_policy": policy})
    archive.notary = AppProcess(archive.settings, "notary", "notary")
    witness.start()
    yield archive, witness
    witness.stop()


def test_what_is_public_is_cosigned_and_a_witness_that_was_away_is_asked_again(
    witnessed: tuple[Archive, Served],
) -> None:
    archive, witness = witnessed
    archive.notary.start()
    assert archive.wait_until_signed().size == 1
    witness.stop()
    archive.writer.write(archive.writer.decisions(1))
    wait_until(lambda: archive.records()[-1].checkpoint.size == 2, "the next one is signed")
    public = archive.public()
    assert public is not None
    assert public.size == 1
    witness.start()
    assert archive.wait_until_signed().size == 2
    archive.notary.stop()
    archive.check()
    assert archive.settings.ledger_policy is not None
    policy = Policy.parse(archive.settings.ledger_policy.read_bytes())
    note = Note.parse(archive.files.read_checkpoint() or b"")
    assert policy.accept(note, int(time.time())).seconds_by_witness.keys() == {b"W1"}
    assert archive.records()[-1].note == note


def test_a_bus_that_was_put_back_altogether_is_found_by_its_witness(
    witnessed: tuple[Archive, Served],
) -> None:
    archive, _ = witnessed
    archive.writer.write(archive.writer.decisions(3))
    archive.notary.start()
    archive.wait_until_signed()
    archive.notary.stop()
    archive.make_topics()
    shutil.rmtree(archive.files.path)
    archive.notary.start(is_ready=False)
    assert archive.notary.wait() == EXIT_NEEDS_PERSON
    assert "a checkpoint is larger" in archive.notary.last_words()
    assert archive.records() == []
