"""The audit's log as files, from a directory or over HTTP; nothing in them is trusted here."""

from pathlib import Path
from typing import Final, Protocol

import httpx

from sharebus import InvalidInput, Unavailable
from sharebus.infra.tile_directory import TileDirectory, beginning_of
from sharebus.ledger.note import Note
from sharebus.ledger.tiles import CHECKPOINT_PATH, TILE_WIDTH, Tile

_ANSWER_SECONDS_MAX: Final = 10.0


class LogFiles(Protocol):
    """Tiles, bundles and the public checkpoint of a log."""

    def read(self, tile: Tile) -> bytes:
        """Raises Unavailable when it is not there."""
        ...

    def read_checkpoint(self) -> bytes | None:
        """The public checkpoint; None if there is none."""
        ...


class LogUrl:
    """A log that some web server serves below a prefix."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.Client(timeout=_ANSWER_SECONDS_MAX, follow_redirects=True)

    def read(self, tile: Tile) -> bytes:
        """The bytes of a tile or bundle; of a partial one that is gone, the beginning of the full.

        :raises Unavailable: it is not there, or nobody answers.
        """
        data = self._get(tile.path())
        if data is not None:
            return data
        full = tile._replace(width=TILE_WIDTH)
        data = self._get(full.path()) if tile != full else None
        if data is None:
            raise Unavailable("a file of the log is missing", where=f"{self._url}/{tile.path()}")
        return data if tile == full else beginning_of(data, tile)

    def read_checkpoint(self) -> bytes | None:
        """The public checkpoint; None if there is none.

        :raises Unavailable: nobody answers.
        """
        return self._get(CHECKPOINT_PATH)

    def _get(self, path: str) -> bytes | None:
        where = f"{self._url}/{path}"
        try:
            response = self._client.get(where)
        except httpx.HTTPError as error:
            raise Unavailable("the log is not served", where=where, found=str(error)) from error
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        if response.status_code != httpx.codes.OK:
            raise Unavailable(
                "the log is not served", where=where, found=f"HTTP status {response.status_code}"
            )
        return response.content


def open_log(where: str) -> LogFiles:
    """A log's files at a directory or an ``http(s)://`` prefix.

    :raises InvalidInput: there is no such directory.
    """
    if where.startswith(("http://", "https://")):
        return LogUrl(where)
    if not Path(where).is_dir():
        raise InvalidInput("there is no such directory of a log", where=where)
    return TileDirectory(Path(where))


def public_checkpoint(files: LogFiles) -> Note:
    """The log's public checkpoint, not verified.

    :raises Unavailable: there is none yet.
    """
    data = files.read_checkpoint()
    if data is None:
        raise Unavailable("the log has no checkpoint yet")
    return Note.parse(data)
