"""Names that were sealed stand nowhere; their key destroyed, everything still verifies."""

from pathlib import Path

import pytest

from sharebus.consumers.oversight.replay import replay
from sharebus.infra.case_keys import CaseKeys
from sharebus.infra.settings import Settings
from sharebus.schemas.case_fact import read_case_fact
from sharebus.schemas.record import case_fact
from sharebus.schemas.topic import FACTS_CASES

from ...governance.docket import town
from .memory_registrar import MemoryRegistrar
from .test_case_file import check, export_case
from .test_decisions import FIVE

CASE = "request/r-1"
NAME = "欧阳某某"


@pytest.fixture
def keys(tmp_path: Path) -> CaseKeys:
    return CaseKeys(Settings(data_dir=tmp_path / "data"))


@pytest.fixture
def decided(
    registrar: MemoryRegistrar, keys: CaseKeys, monkeypatch: pytest.MonkeyPatch
) -> MemoryRegistrar:
    """A request of an officer whose name its agency seals, made and withdrawn."""
    sealed = {"name": keys.seal(NAME, CASE), "title": "科长"}
    monkeypatch.setattr(town, "OFFICER", sealed)
    registrar.give("tax", "request", "r-1", "submit", **FIVE)
    registrar.give("tax", "request", "r-1", "withdraw", seen=1)
    assert [each.rule for each in registrar.decide()] == [None, None]
    return registrar


def officer_name(registrar: MemoryRegistrar) -> str:
    [value] = [
        each.value()
        for each in registrar.broker.topics[FACTS_CASES]
        if each.key() == b"case/request/r-1"
    ][-1:]
    case = read_case_fact(case_fact().decode(value or b""))
    assert case.kind == "case"
    assert case.officer is not None
    return case.officer.name


def test_sealed_name_stands_in_no_topic(decided: MemoryRegistrar, keys: CaseKeys) -> None:
    for records in decided.broker.topics.values():
        for each in records:
            assert NAME.encode() not in (each.value() or b"")
            assert NAME.encode() not in (each.key() or b"")
    assert keys.shown(officer_name(decided), CASE) == NAME


def test_erased_name_is_gone_and_everything_verifies(
    decided: MemoryRegistrar, keys: CaseKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = {"about": CASE, "keys": keys.ids(CASE), "basis": "个人信息保护法 47"}
    decided.give("tax", "erasure", "x-1", "erase", **content)
    assert [each.rule for each in decided.decide()] == [None]
    secret = next((tmp_path / "data").rglob("*.key")).read_text()
    keys.destroy(CASE)
    assert keys.shown(officer_name(decided), CASE) == "(sealed)"
    held = [file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file()]
    assert not [data for data in held if secret.encode() in data]
    # Signatures, decisions and records are what they were; the erasure is one of them.
    assert replay(decided.written(monkeypatch)) == []
    archive = export_case(decided, CASE, tmp_path)
    assert check(archive, decided.digest).commands == 2
    places = [line["place"] for line in decided.lines() if line["kind"] == "command"]
    assert places[-1] == "erasure erase"


def test_key_is_made_once_for_a_case_and_read_by_its_owner_alone(
    keys: CaseKeys, tmp_path: Path
) -> None:
    keys.seal("甲", CASE)
    keys.seal("乙", CASE)
    keys.seal("甲", "request/r-2")
    assert len(keys.ids(CASE)) == 1
    [file] = (tmp_path / "data" / "case_keys" / CASE).iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert keys.ids(CASE) != keys.ids("request/r-2")


def test_text_that_another_sealed_or_copied_is_shown_as_sealed(
    keys: CaseKeys, tmp_path: Path
) -> None:
    other = CaseKeys(Settings(data_dir=tmp_path / "other"))
    keys.seal("甲", CASE)
    copied = keys.seal("甲", "request/r-2").replace(keys.ids("request/r-2")[0], keys.ids(CASE)[0])
    for text in (other.seal("乙", CASE), copied, "sealed:1:", "sealed:1:../../x:AAAA"):
        assert keys.shown(text, CASE) == "(sealed)"
    assert keys.shown("王某", CASE) == "王某"
