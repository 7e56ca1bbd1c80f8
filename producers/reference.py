"""Provision by reference: what an event says of a payload that stays with its provider."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sharebus import InvalidInput

SCHEMES: Final = ("https", "sftp", "s3")


def reference_to(path: Path, location: str, expires_at: datetime) -> dict[str, str | int]:
    """The four fields of a reference to a file: location, digest, size_bytes, expires_at.

    ``location`` is where subscribers fetch what ``path`` holds now; it must not carry a password.
    ``expires_at`` is when it stops being there. Put them beside the other fields of the row::

        delivery.upsert({"code": "330102", **reference_to(path, url, expires_at)})

    :raises InvalidInput: the location is none that the gate lets pass, or the expiry has no offset.
    """
    parts = urlsplit(location)
    if parts.scheme not in SCHEMES or not parts.netloc or parts.password:
        raise InvalidInput(
            "this is not a location that subscribers can fetch from",
            expected=f"{', '.join(SCHEMES)}://host/…, without a password",
            found=f"scheme {parts.scheme or 'none'}, host {parts.hostname or 'none'}",
        )
    if expires_at.tzinfo is None:
        raise InvalidInput("the expiry has no offset from UTC", found=expires_at.isoformat())
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        size_bytes = file.tell()
    return {
        "location": location,
        "digest": f"sha256:{digest.hexdigest()}",
        "size_bytes": size_bytes,
        "expires_at": expires_at.isoformat(),
    }
