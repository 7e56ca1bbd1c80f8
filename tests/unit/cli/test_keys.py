"""Keys: made once, readable by their owner alone, and printed only in their public part."""

import stat
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from sharebus import InvalidInput, Refused
from sharebus.cli.main import app
from sharebus.governance.agency import SigningKey
from sharebus.infra.private_key import PrivateKey, load_key, new_key, save_key
from sharebus.schemas.signature import ALGORITHMS


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_created_key_signs_what_the_printed_public_part_believes(algorithm: str) -> None:
    done = CliRunner().invoke(app, ["keys", "create", "nb-tax", "--algorithm", algorithm])
    assert done.exit_code == 0, done.output
    path = Path(".sharebus/data/keys/nb-tax.toml")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = load_key(path)
    assert key.secret.hex() not in done.output
    (printed,) = yaml.safe_load(done.stdout)["keys"]
    public = SigningKey.model_validate(printed)
    signature = ALGORITHMS[algorithm].sign(key.secret, b"x")
    assert ALGORITHMS[algorithm].is_valid(bytes.fromhex(public.public_key), b"x", signature)
    again = CliRunner().invoke(app, ["keys", "show", "nb-tax"])
    assert yaml.safe_load(again.stdout)["keys"] == [printed]


def test_key_that_is_there_is_not_overwritten() -> None:
    path = Path("key.toml")
    save_key(path, new_key("ed25519"))
    before = path.read_bytes()
    with pytest.raises(Refused, match="not overwritten"):
        save_key(path, new_key("ed25519"))
    assert path.read_bytes() == before


def test_key_that_others_may_read_is_not_used() -> None:
    path = Path("key.toml")
    save_key(path, new_key("ed25519"))
    path.chmod(0o640)
    with pytest.raises(InvalidInput, match="Others than the owner"):
        load_key(path)


@pytest.mark.parametrize(
    "text",
    [
        "id = 'k'\nalgorithm = 'ed25519'\nprivate_key = 'c0ffee'\n",
        "id = 'k'\nalgorithm = 'sm2'\nprivate_key = 'c0ffeenot'\n",
        "id = 'k'\nprivate_key = 'c0ffee'\n", "c0ffee",
    ],
)  # fmt: skip
def test_damaged_key_is_refused_without_telling_what_it_holds(text: str) -> None:
    path = Path("key.toml")
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(InvalidInput) as refused:
        load_key(path)
    assert "c0ffee" not in str(refused.value)


def test_secret_is_in_no_text_of_the_key() -> None:
    key = PrivateKey("k", "ed25519", bytes(range(32)))
    assert key.secret.hex() not in f"{key} {key!r}"
    assert str(key.secret) not in f"{key} {key!r}"


@pytest.mark.parametrize("agency", ["NB-TAX", "../up", "a/b", ""])
def test_agency_is_an_id(agency: str) -> None:
    done = CliRunner().invoke(app, ["keys", "create", agency])
    assert isinstance(done.exception, InvalidInput)
    assert not Path(".sharebus").exists()
