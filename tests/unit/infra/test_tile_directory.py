from pathlib import Path

import pytest

from sharebus import Unavailable
from sharebus.infra.settings import load_settings
from sharebus.infra.tile_directory import TileDirectory, TileWriter, ledger_directory
from sharebus.ledger.bundle import encode_bundle
from sharebus.ledger.errors import Unproven
from sharebus.ledger.tiles import ENTRIES, Tile

FULL = Tile(0, 1), bytes(256 * 32)
PARTIAL = Tile(0, 1, 3), bytes(3 * 32)
ENTRIES_256 = [b"%d" % number for number in range(256)]
BUNDLE = Tile(ENTRIES, 1_234_067), encode_bundle(ENTRIES_256)


@pytest.fixture
def writer(tmp_path: Path) -> TileWriter:
    writer = TileWriter(tmp_path / "ledger")
    writer.open()
    return writer


def names(writer: TileWriter) -> set[str]:
    return {str(p.relative_to(writer.path)) for p in writer.path.rglob("*") if p.is_file()}


def test_files_stand_where_tlog_tiles_has_them(writer: TileWriter) -> None:
    writer.write([PARTIAL, BUNDLE])
    writer.publish(b"note")
    assert names(writer) == {
        "checkpoint", "tile/0/001.p/3", "tile/entries/x001/x234/067",
    }  # fmt: skip
    reader = TileDirectory(writer.path)
    assert reader.read(BUNDLE[0]) == BUNDLE[1]
    assert reader.read_checkpoint() == b"note"


def test_a_partial_file_goes_when_it_is_full_and_can_still_be_read(writer: TileWriter) -> None:
    writer.write([PARTIAL, (Tile(ENTRIES, 1_234_067, 2), encode_bundle(ENTRIES_256[:2]))])
    writer.write([FULL, BUNDLE])
    assert names(writer) == {"tile/0/001", "tile/entries/x001/x234/067"}
    assert writer.read(PARTIAL[0]) == PARTIAL[1]
    assert writer.read(Tile(ENTRIES, 1_234_067, 2)) == encode_bundle(ENTRIES_256[:2])


def test_writing_again_changes_nothing_and_other_content_is_refused(writer: TileWriter) -> None:
    writer.write([FULL])
    writer.write([FULL])
    with pytest.raises(Unproven, match="other content") as refused:
        writer.write([(FULL[0], b"x" * len(FULL[1]))])
    assert refused.value.where.endswith("tile/0/001")
    assert writer.read(FULL[0]) == FULL[1]


@pytest.mark.parametrize("tile", [FULL[0], PARTIAL[0], BUNDLE[0]])
def test_a_missing_file_is_named(writer: TileWriter, tile: Tile) -> None:
    with pytest.raises(Unavailable, match="missing") as missing:
        writer.read(tile)
    assert tile.path() in missing.value.where
    assert writer.read_checkpoint() is None


def test_what_an_earlier_writer_left_half_done_is_removed(writer: TileWriter) -> None:
    writer._stage(b"half")
    writer.publish(b"note")
    again = TileWriter(writer.path)
    again.open()
    assert names(again) == {"checkpoint"}


def test_the_log_is_in_the_data_directory_unless_told(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    assert ledger_directory(settings) == tmp_path / "ledger"
    told = load_settings(data_dir=tmp_path, ledger_dir=tmp_path / "elsewhere")
    assert ledger_directory(told) == tmp_path / "elsewhere"
