"""The keys of what an agency sealed in its cases: files on its own disk, which it can destroy."""

import os
import shutil
from pathlib import Path
from typing import Final

from sharebus import InvalidInput
from sharebus.infra.credentials import read_private
from sharebus.infra.embedded.secrets import write_private
from sharebus.infra.settings import Settings
from sharebus.schemas.sealed_text import CaseKey, key_id_of, seal, unseal

_DIRECTORY: Final = "case_keys"
_SEALED: Final = "(sealed)"


class CaseKeys:
    """One directory for each case, one file for each key, named by its id, mode 0600.

    A copy of a file is a copy of the key: given to an overseer, or in a backup, it has to be
    destroyed there too. A case is named ``kind/id``.
    """

    def __init__(self, settings: Settings) -> None:
        self._path = settings.data_dir / _DIRECTORY

    def seal(self, text: str, case: str) -> str:
        """Seal a text with the key of a case, which is made if there is none.

        :raises InvalidInput: it is too long, or the key cannot be read.
        """
        held = self.ids(case)
        if held:
            return seal(text, self._read(case, held[0]), case)
        key = CaseKey.new()
        write_private(self._file(case, key.id), key.secret.hex().encode())
        return seal(text, key, case)

    def shown(self, text: str, case: str) -> str:
        """A text as whoever holds these keys may read it; of another, that it is sealed."""
        key_id = key_id_of(text)
        if key_id is None:
            return text
        if key_id not in self.ids(case):
            return _SEALED
        try:
            return unseal(text, self._read(case, key_id), case)
        except InvalidInput:  # whoever wrote it may have written anything
            return _SEALED

    def ids(self, case: str) -> list[str]:
        """The keys of a case that are here, by id."""
        return sorted(file.stem for file in (self._path / case).glob("*.key"))

    def destroy(self, case: str) -> None:
        """Destroy every key of a case that is here, as far as the disk lets itself be told."""
        directory = self._path / case
        for file in directory.glob("*.key"):
            with file.open("r+b") as opened:
                opened.write(bytes(file.stat().st_size))
                opened.flush()
                os.fsync(opened.fileno())
        shutil.rmtree(directory, ignore_errors=True)

    def _read(self, case: str, key_id: str) -> CaseKey:
        return CaseKey(bytes.fromhex(read_private(self._file(case, key_id), what="key of a case")))

    def _file(self, case: str, key_id: str) -> Path:
        return self._path / case / f"{key_id}.key"
