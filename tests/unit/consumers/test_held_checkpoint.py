"""A subscriber that keeps the checkpoint it saw refuses one that does not extend it."""

from pathlib import Path

import pytest

from sharebus import Unavailable
from sharebus.consumers.held_checkpoint import HeldCheckpoint
from sharebus.consumers.oversight.alarm import Forked, Frozen
from sharebus.infra.tile_directory import TileDirectory
from sharebus.ledger.errors import Untrusted
from sharebus.ledger.policy import Policy

from .oversight.audit_log import POLICY, Audit


@pytest.fixture(scope="module")
def honest() -> Audit:
    return Audit.of(300)


@pytest.fixture
def held(tmp_path: Path) -> HeldCheckpoint:
    return HeldCheckpoint(tmp_path / "kept" / "seen", POLICY)


def test_a_log_that_grows_is_followed(honest: Audit, held: HeldCheckpoint, tmp_path: Path) -> None:
    for size in (1, 255, 255, 257, 300):
        files = honest.write_files(tmp_path / "log", size)
        assert held.follow(files) == honest.checkpoint(size)


@pytest.mark.parametrize("size", [100, 300])
def test_another_history_is_refused_and_the_first_one_kept(
    honest: Audit, held: HeldCheckpoint, tmp_path: Path, size: int
) -> None:
    files = honest.write_files(tmp_path / "log", 100)
    held.follow(files)
    forged = Audit.of(300, version="forged").write_files(tmp_path / "forged", size)
    for _ in range(2):
        with pytest.raises(Forked):
            held.follow(forged)
    assert held.follow(files).size == 100


def test_an_older_checkpoint_is_refused(
    honest: Audit, held: HeldCheckpoint, tmp_path: Path
) -> None:
    held.follow(honest.write_files(tmp_path / "log", 100))
    with pytest.raises(Frozen):
        held.follow(honest.write_files(tmp_path / "older", 99))


def test_only_what_is_pinned_is_believed(honest: Audit, tmp_path: Path) -> None:
    files = honest.write_files(tmp_path / "log", 100)
    nobody = HeldCheckpoint(tmp_path / "seen", Policy())
    with pytest.raises(Untrusted):
        nobody.follow(files)
    assert not (tmp_path / "seen").exists()
    with pytest.raises(Unavailable):
        nobody.follow(TileDirectory(tmp_path / "nothing"))
