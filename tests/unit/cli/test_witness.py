"""``sharebus witness`` as an agency runs it."""

import subprocess
import sys
import time
from pathlib import Path

import httpx
from typer.testing import CliRunner

from sharebus.cli.main import app
from sharebus.ledger.cosignature import CosignatureKey
from sharebus.ledger.note import Note, parse_signature_lines

from ..consumers.witness.logs import SIGNER, Log

LOG = Log()


def test_a_witness_is_set_up_and_cosigns_over_http(tmp_path: Path) -> None:
    key, logs, state = (str(tmp_path / name) for name in ("w1.key", "logs.policy", "w1.sqlite"))
    made = CliRunner().invoke(app, ["witness", "key", "witness.test/w1", "--key", key])
    again = CliRunner().invoke(app, ["witness", "key", "witness.test/w1", "--key", key])
    vkey = CosignatureKey.from_vkey(made.output.strip())
    assert again.output == made.output
    Path(logs).write_text(f"log {SIGNER.key.vkey()}\nquorum none\n")
    port = 23_000 + time.time_ns() % 900  # of no range that other tests take
    command = ["-m", "sharebus.cli", "witness", "run", "--key", key, "--logs", logs]
    command += ["--state", state, "--port", str(port)]
    with subprocess.Popen([sys.executable, *command], stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            assert vkey.vkey().encode() in process.stderr.readline().replace(b"\n", b"")
            url = f"http://127.0.0.1:{port}/add-checkpoint"
            answer = _until_it_answers(url, LOG.request(0, 7))
        finally:
            process.terminate()
    [cosignature] = parse_signature_lines(answer.content)
    Note(LOG.note(7).text, (cosignature,)).verify([vkey])


def _until_it_answers(url: str, body: bytes) -> httpx.Response:
    deadline = time.monotonic() + 20
    while True:
        try:
            return httpx.post(url, content=body)
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
