"""``sharebus audit`` where it needs no broker: files, proofs, pinned keys."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sharebus.cli.main import app, main
from sharebus.infra.embedded.secrets import create_keys, create_notary_key
from sharebus.infra.settings import load_settings
from sharebus.ledger.tiles import ENTRIES, Tile

from ..consumers.oversight.audit_log import SIGNER, Audit

KEY = ["--key", SIGNER.key.vkey()]


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHAREBUS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return Audit.of(300).write_files(tmp_path / "data" / "ledger", 300).path


def audit(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["audit", *arguments])


def exit_code(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr("sys.argv", ["sharebus", "audit", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_verify_says_in_one_line_that_all_is_well(log: Path) -> None:
    first = audit("verify", "--files", str(log), "--files-only", *KEY)
    assert (first.exit_code, first.stdout.count("\n")) == (0, 1)
    assert "300 records (300 verified now)" in first.stdout
    again = audit("verify", "--files", str(log), "--files-only", "--json", *KEY)
    assert json.loads(again.stdout)["verified_now"] == 0


def test_verify_names_what_is_wrong_and_keeps_what_was_verified(log: Path, data_dir: Path) -> None:
    state = data_dir / "oversight" / "audit-files.json"
    assert audit("verify", "--files", str(log), "--files-only", *KEY).exit_code == 0
    kept = state.read_bytes()
    path = log / Tile(ENTRIES, 0).path()
    data = path.read_bytes()
    path.write_bytes(data.replace(b"record 77", b"record 78"))
    assert audit("verify", "--files", str(log), "--files-only", *KEY).exit_code == 0
    wrong = audit("verify", "--files", str(log), "--files-only", "--full", "--json", *KEY)
    document = json.loads(wrong.stdout)
    assert (wrong.exit_code, document["kind"], document["leaf"]) == (21, "altered", 77)
    assert document["last_good_tree_size"] == 300
    told = audit("verify", "--files", str(log), "--files-only", "--full", *KEY)
    assert told.exit_code == 21
    assert "leaf 77" in told.stderr
    assert state.read_bytes() == kept


def test_a_decision_is_proved_and_checked_offline(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof, leaf = tmp_path / "p.tlog-proof", tmp_path / "leaf"
    made = audit("prove", "e", "0/77000", "--out", str(proof), "--leaf", str(leaf))
    assert made.exit_code == 0, made.output
    assert leaf.read_bytes() in (log / Tile(ENTRIES, 0).path()).read_bytes()
    shown = audit("check", str(proof), *KEY)
    assert (shown.exit_code, "record 77" in shown.stdout) == (0, True)
    document = json.loads(audit("check", str(proof), "--json", *KEY).stdout)
    assert (document["leaf"], document["lines"][0]["offset"]) == (77, 77000)
    assert exit_code(monkeypatch, "check", str(proof), "--offset", "5", *KEY) == 3
    stranger = "stranger.test+5a14bc34+AVAE9NTuYiFeLUvDf5eNXNIiIlcrn8OqNsz7MY3Ds80V"
    assert exit_code(monkeypatch, "check", str(proof), "--key", stranger) in (3, 4)
    proof.write_bytes(proof.read_bytes().replace(b"index 77", b"index 78"))
    assert exit_code(monkeypatch, "check", str(proof), *KEY) == 7
    assert exit_code(monkeypatch, "check", str(tmp_path / "none"), *KEY) == 3


def test_a_stretch_of_the_audit_is_exported_and_checked_offline(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "archive"
    made = audit("export", "--leaves", "0-299", "--out", str(archive), *KEY)
    assert (made.exit_code, "300 records of 300" in made.output) == (0, True), made.output
    days = audit("export", "--from", "1970-01-01", "--out", str(tmp_path / "days"), *KEY)
    assert (days.exit_code, "300 records of 300" in days.output) == (0, True), days.output
    shutil.rmtree(log)
    assert "the archive is whole" in audit("check", str(archive), *KEY).stdout
    document = json.loads(audit("check", str(archive), "--json", *KEY).stdout)
    assert (document["records"], document["kind"]) == (300, "segment")
    (archive / "README.md").write_text("another")
    assert exit_code(monkeypatch, "check", str(archive), *KEY) == 7
    assert exit_code(monkeypatch, "check", str(tmp_path), *KEY) == 3


def test_what_is_exported_is_said_once_and_is_there(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_keys(load_settings())
    out = ["--out", str(tmp_path / "archive"), *KEY]
    for arguments in (
        [], ["--leaves", "0-1", "--from", "2026-11-01"], ["--leaves", "0"], ["--leaves", "0-300"],
        ["--case", "r-1"], ["--case", "request/r-1"],
    ):  # fmt: skip
        assert exit_code(monkeypatch, "export", *arguments, *out) == 3
    assert not (tmp_path / "archive").exists()


def test_what_is_not_in_the_log_is_not_proved(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_keys(load_settings())
    for arguments in (
        ["e", "0/77001"], ["e", "1/77000"], ["other", "0/77000"], ["e", "--event", "e-1"],
        ["e"], ["e", "77"], ["e", "0/1", "--event", "e-1"],
    ):  # fmt: skip
        assert exit_code(monkeypatch, "prove", *arguments) == 3


def test_nothing_is_believed_without_a_pinned_key(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ["--files", str(log), "--files-only"]
    assert exit_code(monkeypatch, "verify", *files) == 3
    empty = tmp_path / "empty.policy"
    empty.write_text("quorum none\n")
    assert exit_code(monkeypatch, "verify", *files, "--policy", str(empty)) == 3
    assert exit_code(monkeypatch, "verify", *files, "--policy", str(tmp_path / "none")) == 3
    policy = tmp_path / "audit.policy"
    policy.write_text(f"log {SIGNER.key.vkey()}\nquorum none\n")
    monkeypatch.setenv("SHAREBUS_LEDGER_POLICY", str(policy))
    assert audit("verify", *files).exit_code == 0
    policy.write_text("log other.test+9ba27f16+AVAE9NTuYiFeLUvDf5eNXNIiIlcrn8OqNsz7MY3Ds80V\n")
    assert exit_code(monkeypatch, "verify", *files) == 3
    assert exit_code(monkeypatch, "verify", "--files-only", *KEY) == 3


def test_the_key_to_pin_is_that_of_the_notary(log: Path) -> None:
    create_notary_key(load_settings())
    printed = audit("key")
    assert printed.stdout.startswith("sharebus.local/audit+")
    assert "PRIVATE" not in printed.output


def test_received_takes_one_record_or_one_reader(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ["--files", str(log)]
    assert exit_code(monkeypatch, "received", *files) == 3
    both = ["--record", "shared.e/0/1", "--reader", "agency.tax.levy"]
    assert exit_code(monkeypatch, "received", *files, *both) == 3
    for record in ("shared.e", "shared.e/0", "shared.e/0/x", "shared.e/-1/0", "a b/0/1"):
        assert exit_code(monkeypatch, "received", *files, "--record", record) == 3
    shown = audit("received", *files, "--record", "shared.e/0/1", "--json")
    assert json.loads(shown.stdout) == {"given": [], "refused": [], "gaps": []}
