"""An agency's private signing key, in a file that its owner alone may read."""

import hashlib
import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from sharebus import InvalidInput, Refused
from sharebus.governance.agency import SigningKey
from sharebus.infra.credentials import read_private
from sharebus.infra.settings import Settings
from sharebus.schemas.signature import ALGORITHMS, Algorithm

KEYS: Final = "keys"
_ID_CHARS: Final = 8


@dataclass(frozen=True)
class PrivateKey:
    """A key that signs; ``secret`` is in no text that is made of it."""

    id: str
    algorithm: str
    secret: bytes = field(repr=False)

    @property
    def public(self) -> SigningKey:
        """What stands in the agency's document."""
        public_key = _algorithm(self.algorithm).public_key(self.secret).hex()
        document = {"id": self.id, "algorithm": self.algorithm, "public_key": public_key}
        return SigningKey.model_validate(document)


def new_key(algorithm: str, key_id: str | None = None) -> PrivateKey:
    """A new key; without an id, one that follows from its public part.

    :raises InvalidInput: the algorithm is not known, or the id is none.
    """
    secret = _algorithm(algorithm).new_private_key()
    digest = hashlib.sha256(_algorithm(algorithm).public_key(secret)).hexdigest()
    key = PrivateKey(key_id or f"{algorithm}-{digest[:_ID_CHARS]}", algorithm, secret)
    try:
        _ = key.public
    except ValidationError as error:
        raise InvalidInput(
            "this is no id of a key", expected="a–z, 0–9, . and -, at most 64 characters",
            found=str(key_id),
        ) from error  # fmt: skip
    return key


def key_path(settings: Settings, agency: str) -> Path:
    """Where the key of an agency is kept unless another path is named."""
    return settings.data_dir / KEYS / f"{agency}.toml"


def save_key(path: Path, key: PrivateKey) -> None:
    """Write a key with mode 0600.

    :raises Refused: a file is there; a key that was lost cannot sign, and nobody makes it again.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = f'id = "{key.id}"\nalgorithm = "{key.algorithm}"\nprivate_key = "{key.secret.hex()}"\n'
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Refused(
            "A key is there already; it is not overwritten.", where=str(path),
            remedy="To rotate, make the new key elsewhere (--out), register it with "
            "`sharebus agency rotate-key`, and only then put it in the old one's place.",
        ) from None  # fmt: skip
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def load_key(path: Path) -> PrivateKey:
    """Read a key back.

    :raises InvalidInput: it is missing, no key, or others than its owner may read the file.
    """
    if not path.exists():
        raise InvalidInput(
            "The agency's signing key is not here.", where=str(path),
            remedy="`sharebus keys create AGENCY` makes one; every command is signed.",
        )  # fmt: skip
    try:
        document = tomllib.loads(read_private(path, what="signing key"))
        key = PrivateKey(
            document["id"], document["algorithm"], bytes.fromhex(document["private_key"])
        )
        _ = key.public
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        # The error's text may hold the key itself.
        raise InvalidInput(
            "This file holds no signing key.", where=str(path),
            expected="id, algorithm, private_key", found=type(error).__name__,
        ) from None  # fmt: skip
    return key


def _algorithm(name: str) -> Algorithm:
    algorithm = ALGORITHMS.get(name)
    if algorithm is None:
        raise InvalidInput(
            "this signature algorithm is not known", expected=", ".join(ALGORITHMS), found=name
        )
    return algorithm
