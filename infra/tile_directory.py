"""The audit's log as files: C2SP tlog-tiles below one directory, which any web server can serve.

Whoever reads a file sees it whole or not at all, and what is written stays through a power cut:
files are staged, flushed, moved to their place, and their directories flushed.
"""

import os
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from sharebus import Unavailable
from sharebus.infra.settings import Settings
from sharebus.ledger.bundle import decode_bundle, encode_bundle
from sharebus.ledger.errors import Unproven
from sharebus.ledger.hashing import HASH_BYTES
from sharebus.ledger.tiles import CHECKPOINT_PATH, ENTRIES, TILE_WIDTH, Tile

_STAGING: Final = ".staging"
_FLUSHES_AT_ONCE: Final = 4


def ledger_directory(settings: Settings) -> Path:
    """Where the notary of this installation keeps the log."""
    return settings.ledger_dir or settings.data_dir / "ledger"


def beginning_of(full: bytes, tile: Tile) -> bytes:
    """A partial tile or bundle out of the full one of the same number.

    :raises Malformed: the full one is not a bundle.
    """
    if tile.level == ENTRIES:
        entries = decode_bundle(full, tile._replace(width=TILE_WIDTH))
        return encode_bundle(entries[: tile.width])
    return full[: tile.width * HASH_BYTES]


class TileDirectory:
    """Tiles, entry bundles and the public checkpoint of one log."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, tile: Tile) -> bytes:
        """The bytes of a tile or bundle; of a partial one that is gone, the beginning of the full.

        :raises Unavailable: it is not there.
        """
        try:
            return self._path_of(tile).read_bytes()
        except FileNotFoundError:
            if tile.width == TILE_WIDTH:
                raise self._missing(tile) from None
        full = tile._replace(width=TILE_WIDTH)
        try:
            data = self._path_of(full).read_bytes()
        except FileNotFoundError:
            raise self._missing(tile) from None
        return beginning_of(data, tile)

    def _missing(self, tile: Tile) -> Unavailable:
        return Unavailable("a file of the log is missing", where=str(self._path_of(tile)))

    def _path_of(self, tile: Tile) -> Path:
        return self.path / tile.path()

    def read_checkpoint(self) -> bytes | None:
        """The public checkpoint, a signed note; None before the first."""
        try:
            return (self.path / CHECKPOINT_PATH).read_bytes()
        except FileNotFoundError:
            return None


class TileWriter(TileDirectory):
    """Writes the log. Several writers of the same log do each other no harm: equal bytes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._staging = path / _STAGING
        self._staged = 0
        self._known_directories: set[Path] = set()

    def open(self) -> None:
        """Make the directory, and remove what an earlier writer left half done."""
        shutil.rmtree(self._staging, ignore_errors=True)
        self._staging.mkdir(parents=True)

    def write(self, files: Iterable[tuple[Tile, bytes]]) -> None:
        """Put files in their places; when it returns, the disk has them. Repeatable.

        Partial files of one that became full go.

        :raises Unproven: a file is there with other content.
        """
        staged: list[tuple[Path, Path]] = []
        completed: list[Path] = []
        for tile, data in files:
            path = self._path_of(tile)
            if tile.width == TILE_WIDTH:
                completed.append(path)
            if self._holds(path, data):
                continue
            staged.append((self._stage(data), path))
        self._settle(staged)
        for path in completed:
            # A reader of an older checkpoint finds what it needs in the full file.
            shutil.rmtree(path.with_name(path.name + ".p"), ignore_errors=True)

    def publish(self, note: bytes) -> None:
        """Make this the public checkpoint."""
        self._settle([(self._stage(note), self.path / CHECKPOINT_PATH)])

    def _holds(self, path: Path, data: bytes) -> bool:
        try:
            found = path.read_bytes()
        except FileNotFoundError:
            return False
        if found != data:
            raise Unproven(
                "a file of the log has other content than the topic gives", where=str(path),
                expected=f"{len(data)} bytes", found=f"{len(found)} bytes, or others",
            )  # fmt: skip
        return True

    def _stage(self, data: bytes) -> Path:
        self._staged += 1
        path = self._staging / f"{os.getpid()}-{self._staged}"
        path.write_bytes(data)
        return path

    def _settle(self, staged: list[tuple[Path, Path]]) -> None:
        # At one time, since the disk then keeps many files with one turn.
        with ThreadPoolExecutor(_FLUSHES_AT_ONCE) as pool:
            list(pool.map(_flush, [temporary for temporary, _ in staged]))
        touched: dict[Path, None] = {}
        for temporary, path in staged:
            for made in self._make_directory(path.parent):
                touched[made.parent] = None
            os.replace(temporary, path)
            touched[path.parent] = None
        for directory in touched:
            _flush(directory)

    def _make_directory(self, directory: Path) -> list[Path]:
        """Gives those that were not there."""
        if directory in self._known_directories:
            return []
        made = []
        for each in (*reversed(directory.parents), directory):
            if each.is_relative_to(self.path) and not each.exists():
                each.mkdir(exist_ok=True)
                made.append(each)
        if not directory.name.endswith(".p"):  # those go again
            self._known_directories.add(directory)
        return made


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
