import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sharebus import InvalidInput
from sharebus.producers.event import EventEncoder
from sharebus.producers.reference import reference_to

from .conftest import FIELDS, make_entry

TOMORROW = datetime(2026, 11, 23, tzinfo=UTC)
REFERENCE_TYPES = {
    "location": "string", "digest": "string", "size_bytes": "long", "expires_at": "string",
}  # fmt: skip


def test_reference_says_what_the_file_holds_and_fits_the_entry(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    path.write_bytes(b"x" * 3_000_000)
    reference = reference_to(path, "https://files.example/scan.tif", TOMORROW)
    assert reference == {
        "location": "https://files.example/scan.tif",
        "digest": f"sha256:{hashlib.sha256(b'x' * 3_000_000).hexdigest()}",
        "size_bytes": 3_000_000,
        "expires_at": "2026-11-23T00:00:00+00:00",
    }
    fields = [*FIELDS, *({"name": name, "type": kind} for name, kind in REFERENCE_TYPES.items())]
    entry = make_entry(fields=fields, provision_method="reference")
    EventEncoder(entry, 1).stored({"code": "1", "name": None, "count": 1, **reference})


@pytest.mark.parametrize(
    "location",
    ["scan.tif", "http://files.example/a", "https:///a", "https://me:secret@files.example/a"],
)
def test_location_that_the_gate_would_refuse_is_refused_and_not_shown(
    tmp_path: Path, location: str
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InvalidInput, match="not a location") as refused:
        reference_to(tmp_path / "file", location, TOMORROW)
    assert "secret" not in str(refused.value)


def test_expiry_without_offset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InvalidInput, match="offset"):
        reference_to(tmp_path / "file", "s3://bucket/a", datetime(2026, 11, 23))
