"""The notary's side of tlog-witness: against real witnesses over HTTP, and against bad ones."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import uvicorn

from sharebus.consumers.witness.server import SIZE_TYPE, witness_server
from sharebus.consumers.witness.store import WitnessStore
from sharebus.consumers.witness.witness import Witness
from sharebus.ledger.cosignature import Cosigner
from sharebus.ledger.policy import CLOCK_SECONDS_FORGIVEN, Policy
from sharebus.stream_apps.notary.witnesses import (
    Collected,
    Trouble,
    collect,
)

from ...consumers.witness.logs import COSIGNER, ORIGIN, SIGNER, Log

LOG = Log()
OTHER_COSIGNER = Cosigner.from_seed("witness.test/w2", bytes(range(1, 33)))
Answer = tuple[int, bytes] | Callable[[], tuple[int, bytes]]


@contextmanager
def serving(witness: Witness) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(witness_server(witness), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def answering(*answers: Answer) -> Iterator[str]:
    """A witness that answers these, one after the other, whatever it is asked."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the library's name
            self.rfile.read(int(self.headers["Content-Length"]))
            answer = left.pop(0)
            status, body = answer() if callable(answer) else answer
            self.send_response(status)
            self.send_header("Content-Type", SIZE_TYPE if status == 409 else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
    assert not left


def policy_of(*urls: str) -> Policy:
    keys = [COSIGNER.key, OTHER_COSIGNER.key]
    lines = [
        f"witness w{number} {key.vkey()} {url}"
        for number, (key, url) in enumerate(zip(keys, urls, strict=False), start=1)
    ]
    names = " ".join(line.split()[1] for line in lines)
    text = [f"log {SIGNER.key.vkey()}", *lines, f"group g all {names}", "quorum g"]
    return Policy.parse("\n".join(text).encode())


def ask(policy: Policy, size: int, sizes: dict[bytes, int], seconds_max: float = 5) -> Collected:
    return collect(LOG.note(size), policy, sizes, LOG.proof, seconds_max)


def now() -> int:
    return int(time.time())


def line(log: Log, size: int, seconds: int, cosigner: Cosigner = COSIGNER) -> bytes:
    return cosigner.cosign(log.note(size).text, seconds).line()


def test_two_witnesses_make_a_quorum_and_are_met_where_they_stand(tmp_path: Path) -> None:
    with ExitStack() as stack:
        urls = [
            stack.enter_context(
                serving(Witness(cosigner, [SIGNER.key], WitnessStore(tmp_path / cosigner.key.name)))
            )
            for cosigner in (COSIGNER, OTHER_COSIGNER)
        ]
        policy = policy_of(*urls)
        first = ask(policy, 7, {})
        assert first.failures == {}
        # One that was away and one that forgot: each is met where it stands.
        second = ask(policy, 15, {b"w1": 7})
        assert second.failures == {}
        assert second.sizes == {b"w1": 15, b"w2": 15}
        note = LOG.note(15).with_signatures(second.signatures.values())
        assert policy.accept(note, now() + CLOCK_SECONDS_FORGIVEN).checkpoint.origin == ORIGIN
        assert ask(policy, 15, second.sizes).failures == {}


def test_a_witness_that_saw_another_history_is_told_apart(tmp_path: Path) -> None:
    witness = Witness(COSIGNER, [SIGNER.key], WitnessStore(tmp_path / "state"))
    witness.add_checkpoint(Log(fork_at=3).request(0, 7))
    with serving(witness) as url:
        forked = ask(policy_of(url), 15, {})
        witness.add_checkpoint(Log(fork_at=3).request(7, 20))
        larger = ask(policy_of(url), 15, {b"w1": 15})
    assert forked.failures[b"w1"].trouble == Trouble.CONTRADICTS
    assert larger.failures[b"w1"].trouble == Trouble.CONTRADICTS
    assert forked.signatures == larger.signatures == {}


def test_a_witness_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    release = threading.Event()

    def late() -> tuple[int, bytes]:
        release.wait(30)
        return 500, b""

    good = Witness(OTHER_COSIGNER, [SIGNER.key], WitnessStore(tmp_path / "state"))
    with answering(late) as slow, serving(good) as url:
        began = time.monotonic()
        collected = ask(policy_of(slow, url), 7, {}, seconds_max=1)
        took_seconds = time.monotonic() - began
        release.set()
    assert took_seconds < 5
    assert collected.failures[b"w1"].trouble == Trouble.AWAY
    assert list(collected.signatures) == [b"w2"]


def test_nobody_at_the_address_is_away() -> None:
    with answering() as url:
        pass
    assert ask(policy_of(url), 7, {}).failures[b"w1"].trouble == Trouble.AWAY


@pytest.mark.parametrize(
    ("trouble", "answers"),
    [
        (Trouble.REFUSED, [(200, line(LOG, 7, 9, OTHER_COSIGNER))]),  # nobody asked this one
        (Trouble.REFUSED, [(200, line(LOG, 6, 9))]),  # replayed: it is of an earlier checkpoint
        (Trouble.REFUSED, [lambda: (200, line(LOG, 7, now() + 3600))]),
        (Trouble.REFUSED, [(200, b"")]),
        (Trouble.REFUSED, [(200, b"\xff\n")]),
        (Trouble.REFUSED, [(200, b"x" * 70_000)]),
        (Trouble.REFUSED, [(403, b"")]),
        (Trouble.REFUSED, [(404, b"")]),
        (Trouble.REFUSED, [(409, b"many\n")]),
        (Trouble.REFUSED, [(409, b"5\n"), (409, b"6\n")]),
        (Trouble.REFUSED, [(301, b"")]),
        (Trouble.AWAY, [(500, b"")]),
        (Trouble.CONTRADICTS, [(422, b"")]),
        (Trouble.CONTRADICTS, [(409, b"8\n")]),
        (Trouble.CONTRADICTS, [(409, b"5\n"), (422, b"")]),
    ],
)
def test_what_is_no_cosignature_counts_for_nothing(trouble: Trouble, answers: list[Answer]) -> None:
    with answering(*answers) as url:
        collected = ask(policy_of(url), 7, {})
    assert collected.failures[b"w1"].trouble == trouble
    assert collected.signatures == {}


def test_a_witness_without_an_address_is_not_asked() -> None:
    assert ask(policy_of(""), 7, {}) == Collected()


def test_an_address_that_is_none_is_told() -> None:
    assert ask(policy_of("w1.example"), 7, {}).failures[b"w1"].trouble == Trouble.REFUSED
