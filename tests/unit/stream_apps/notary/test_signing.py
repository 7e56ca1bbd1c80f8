"""Which key the log is signed with, and whom its policy trusts."""

from pathlib import Path

import pytest

from sharebus import InvalidInput
from sharebus.infra.embedded.secrets import NOTARY_KEY, create_notary_key, key_path
from sharebus.infra.settings import Settings, load_settings
from sharebus.stream_apps.notary.signing import load_policy, load_signer

from .desk import SIGNER


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path, ledger_origin="audit.example/log")


def test_the_key_is_made_once_and_bears_the_name_of_the_log(settings: Settings) -> None:
    assert create_notary_key(settings)
    assert not create_notary_key(settings)
    signer = load_signer(settings)
    assert signer.key.name == "audit.example/log"
    assert load_policy(settings, signer.key).is_met_by([])
    assert key_path(settings, NOTARY_KEY).stat().st_mode & 0o777 == 0o600


def test_without_a_key_it_is_said_how_to_get_one(settings: Settings) -> None:
    with pytest.raises(InvalidInput, match="no key to sign") as refused:
        load_signer(settings)
    assert "credentials --keys" in refused.value.remedy


def test_a_log_keeps_its_name(settings: Settings) -> None:
    create_notary_key(settings)
    renamed = settings.model_copy(update={"ledger_origin": "audit.example/other"})
    with pytest.raises(InvalidInput, match="that of another log") as refused:
        load_signer(renamed)
    assert "PRIVATE" not in str(refused.value)


def test_a_policy_must_name_the_key_that_signs(settings: Settings, tmp_path: Path) -> None:
    create_notary_key(settings)
    key = load_signer(settings).key
    file = tmp_path / "log.policy"
    told = settings.model_copy(update={"ledger_policy": file})
    file.write_text(f"log {SIGNER.key.vkey()}\nquorum none\n")
    with pytest.raises(InvalidInput, match="does not name its key"):
        load_policy(told, key)
    # While a key is rotated, both stand there.
    file.write_text(f"log {SIGNER.key.vkey()}\nlog {key.vkey()}\nquorum none\n")
    assert [log.key for log in load_policy(told, key).logs] == [SIGNER.key, key]
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_policy(settings.model_copy(update={"ledger_policy": tmp_path / "none"}), key)
