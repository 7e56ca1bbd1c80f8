"""The witness answers as C2SP tlog-witness says, and never cosigns two histories."""

import asyncio
import hashlib
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from sharebus import InvalidInput
from sharebus.consumers.witness.server import REQUEST_BYTES_MAX, SIZE_TYPE, witness_server
from sharebus.consumers.witness.store import WitnessStore
from sharebus.consumers.witness.witness import OtherSize, Witness
from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.cosignature import cosigned_seconds
from sharebus.ledger.errors import Unproven
from sharebus.ledger.hashing import EMPTY_ROOT
from sharebus.ledger.note import Note, Signature, parse_signature_lines
from sharebus.ledger.policy import Policy
from sharebus.ledger.witness_request import AddCheckpoint

from .logs import COSIGNER, ORIGIN, SIGNER, STRANGER, Log

NOW_SECONDS = 1_800_000_000
LOG = Log()
Ask = Callable[..., httpx.Response]


def witness_at(path: Path) -> Witness:
    return Witness(COSIGNER, [SIGNER.key], WitnessStore(path), lambda: NOW_SECONDS + 0.9)


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return witness_at(tmp_path / "w1.sqlite")


@pytest.fixture
def ask(witness: Witness) -> Ask:
    def send(body: bytes, method: str = "POST", path: str = "/add-checkpoint") -> httpx.Response:
        async def exchange() -> httpx.Response:
            transport = httpx.ASGITransport(witness_server(witness))
            async with httpx.AsyncClient(transport=transport, base_url="http://w1") as client:
                return await client.request(method, path, content=body)

        return asyncio.run(exchange())

    return send


def signed(size: int, root: bytes) -> Note:
    return Note(Checkpoint(ORIGIN, size, root).body()).signed_by(SIGNER)


def test_a_log_that_grows_is_cosigned_and_a_policy_accepts_it(ask: Ask) -> None:
    policy = Policy.parse(
        f"log {SIGNER.key.vkey()}\nwitness w1 {COSIGNER.key.vkey()}\nquorum w1\n".encode()
    )
    for old, new in ((0, 7), (7, 15), (15, 15), (15, 300)):
        answer = ask(LOG.request(old, new))
        assert answer.status_code == 200
        [cosignature] = parse_signature_lines(answer.content)
        assert cosigned_seconds(cosignature) == NOW_SECONDS
        witnessed = policy.accept(LOG.note(new).with_signatures([cosignature]), NOW_SECONDS)
        assert witnessed.checkpoint == LOG.checkpoint(new)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b"old 7\n"),
        (400, b"old 07\n\n" + LOG.note(15).encode()),
        (400, LOG.request(16, 15)),
        (400, b"x" * (REQUEST_BYTES_MAX + 1)),
        (403, AddCheckpoint(7, (), Note(LOG.note(15).text).signed_by(STRANGER)).encode()),
        (403, LOG.request(7, 15).replace(b"\n15\n", b"\n16\n")),
        (404, Log(signer=STRANGER).request(0, 7)),
        (422, Log(fork_at=3).request(7, 15)),
        (422, Log(fork_at=3).request(7, 7)),
        (422, AddCheckpoint(7, (), LOG.note(15)).encode()),
        (422, AddCheckpoint(7, (bytes(32),), LOG.note(7)).encode()),
    ],
)
def test_what_is_not_in_order_is_refused_and_changes_nothing(
    ask: Ask, status: int, body: bytes
) -> None:
    assert ask(LOG.request(0, 7)).status_code == 200
    answer = ask(body)
    assert (answer.status_code, parse_or_none(answer)) == (status, None)
    assert ask(LOG.request(7, 15)).status_code == 200


def parse_or_none(answer: httpx.Response) -> tuple[Signature, ...] | None:
    return parse_signature_lines(answer.content) if answer.status_code == 200 else None


@pytest.mark.parametrize(
    "request_",
    [
        AddCheckpoint(0, (bytes(32),), LOG.note(7)),
        AddCheckpoint(0, (), signed(0, bytes(32))),
    ],
)
def test_from_nothing_there_is_nothing_to_prove(ask: Ask, request_: AddCheckpoint) -> None:
    assert ask(request_.encode()).status_code == 422


def test_an_empty_log_is_cosigned(ask: Ask) -> None:
    assert ask(AddCheckpoint(0, (), signed(0, EMPTY_ROOT)).encode()).status_code == 200


@pytest.mark.parametrize("old", [0, 3, 16])
def test_who_begins_elsewhere_is_told_where_the_witness_stands(ask: Ask, old: int) -> None:
    ask(LOG.request(0, 15))
    answer = ask(LOG.request(old, 20))
    assert (answer.status_code, answer.content) == (409, b"15\n")
    assert answer.headers["content-type"] == SIZE_TYPE


def test_a_rollback_is_refused_after_a_restart_too(tmp_path: Path) -> None:
    witness_at(tmp_path / "state").add_checkpoint(LOG.request(0, 15))
    again = witness_at(tmp_path / "state")
    with pytest.raises(OtherSize) as refused:
        again.add_checkpoint(LOG.request(0, 7))
    assert refused.value.size == 15


def test_the_last_cosigned_checkpoint_can_be_read(ask: Ask) -> None:
    path = f"/{hashlib.sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    assert ask(b"", "GET", path).status_code == 404
    ask(LOG.request(0, 7))
    note = Note.parse(ask(b"", "GET", path).content)
    assert len(note.verify([SIGNER.key, COSIGNER.key])) == 2
    assert ask(b"", "GET", "/0/checkpoint").status_code == 404


def test_of_forks_that_come_at_one_time_one_is_cosigned(tmp_path: Path) -> None:
    witness_at(tmp_path / "state").add_checkpoint(LOG.request(0, 7))
    forks = [Log(fork_at=fork).request(7, 15) for fork in range(7, 15)]
    start = threading.Barrier(len(forks))
    answers: list[object] = []

    def submit(body: bytes) -> None:
        witness = witness_at(tmp_path / "state")  # as another process on the same file would
        start.wait()
        try:
            answers.append(witness.add_checkpoint(body))
        except (OtherSize, Unproven) as refused:
            answers.append(refused)

    threads = [threading.Thread(target=submit, args=[body]) for body in forks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(forks)
    assert sum(isinstance(answer, Signature) for answer in answers) == 1


DIES_BEFORE_IT_ANSWERS = """
import os, signal, sys
from pathlib import Path
from sharebus.consumers.witness.store import WitnessStore
from sharebus.consumers.witness.witness import Witness
from sharebus.ledger.cosignature import Cosigner
from sharebus.ledger.keys import NoteKey
cosigner = Cosigner.from_seed("witness.test/w1", bytes(range(32)))
witness = Witness(cosigner, [NoteKey.from_vkey(sys.argv[2])], WitnessStore(Path(sys.argv[1])))
witness.add_checkpoint(sys.stdin.buffer.read())
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_persisted_before_a_kill_is_not_cosigned_otherwise(tmp_path: Path) -> None:
    state = tmp_path / "state"
    killed = subprocess.run(
        [sys.executable, "-c", DIES_BEFORE_IT_ANSWERS, str(state), SIGNER.key.vkey()],
        input=LOG.request(0, 7), check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    witness = witness_at(state)
    with pytest.raises(OtherSize) as held:
        witness.add_checkpoint(Log(fork_at=0).request(0, 7))
    assert held.value.size == 7
    with pytest.raises(Unproven):
        witness.add_checkpoint(Log(fork_at=0).request(7, 7))
    witness.add_checkpoint(LOG.request(7, 7))  # the log asks again and gets its answer


def test_a_death_before_the_commit_forgets_what_nobody_was_told(tmp_path: Path) -> None:
    store = WitnessStore(tmp_path / "state")

    class Failing(Witness):
        def _cosign(self, *arguments: object) -> Signature:
            super()._cosign(*arguments)  # type: ignore[arg-type]
            raise OSError("dead")

    with pytest.raises(OSError, match="dead"):
        Failing(COSIGNER, [SIGNER.key], store).add_checkpoint(LOG.request(0, 7))
    assert witness_at(tmp_path / "state").add_checkpoint(Log(fork_at=2).request(0, 7))


def test_a_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("something else, of some length " * 99)
    with pytest.raises(InvalidInput, match="cannot be used"):
        WitnessStore(tmp_path / "state")
