"""Writes a part of the audit as a directory that proves itself without us, for the archives.

An archive (档案, Order 171 Art 8) holds records of the log as they were signed, a proof for each
bundle of them, the checkpoint with its signatures and the keys, the schemas, the records in a form
that people read, and a text that says how to check all of it with tools that everybody has.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sharebus import InvalidInput
from sharebus.consumers.oversight.log_files import LogFiles
from sharebus.ledger.bundle import decode_bundle, encode_bundle
from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.entry import LeafEntry
from sharebus.ledger.keys import NoteKey
from sharebus.ledger.note import Note
from sharebus.ledger.policy import Policy
from sharebus.ledger.proof_file import ProofFile
from sharebus.ledger.proofs import inclusion_proof
from sharebus.ledger.tiles import ENTRIES, TILE_WIDTH, Tile, tile_at, tile_nodes
from sharebus.schemas.canonical import canonical_json
from sharebus.schemas.record import PlatformRecord, audit_batch, platform_records

MANIFEST: Final = "manifest.json"
SUMS: Final = "SHA256SUMS"
CHECKPOINT: Final = "checkpoint"
READABLE: Final = "records.jsonl"
BUNDLES: Final = "records"
FORM: Final = 1
"""Of the archive; a later one that reads otherwise has another number."""
_TILES_KEPT: Final = 64


class Part(NamedTuple):
    """Leaves of the log in a row, the first of them by number."""

    first: int
    entries: list[bytes]


def parts_of(log: LogFiles, size: int, first: int, end: int) -> Iterator[Part]:
    """The bundles of a log of ``size`` leaves that hold the leaves ``first`` up to ``end``.

    They are given whole, so the first and the last may hold more.

    :raises InvalidInput: the log has no such leaves.
    """
    if not 0 <= first < end <= size:
        raise InvalidInput(
            "the log has no such records", expected=f"leaves from 0 up to {size}",
            found=f"{first} up to {end}",
        )  # fmt: skip
    bundles = range(first // TILE_WIDTH, -(-end // TILE_WIDTH))
    return (_bundle(log, tile_at(ENTRIES, number, size)) for number in bundles)


def _bundle(log: LogFiles, bundle: Tile) -> Part:
    return Part(bundle.number * TILE_WIDTH, decode_bundle(log.read(bundle), bundle))


def write_archive(
    directory: Path,
    log: LogFiles,
    note: Note,
    policy: Policy,
    parts: Iterable[Part],
    about: Mapping[str, Any],
    papers: Mapping[str, bytes] | None = None,
) -> int:
    """Write the parts, each with its proof under the checkpoint; gives how many leaves there are.

    ``about`` says what this is, ``papers`` are more files. Nothing is verified here: see
    `archive_check`.

    :raises InvalidInput: the directory holds something already.
    """
    if directory.exists() and any(directory.iterdir()):
        raise InvalidInput("an archive is written into a new directory", where=str(directory))
    (directory / BUNDLES).mkdir(parents=True, exist_ok=True)
    size = Checkpoint.parse(note.text).size
    read = lru_cache(_TILES_KEPT)(log.read)
    ranges: list[list[int]] = []
    with (directory / READABLE).open("wb") as readable:
        for part in parts:
            proof = inclusion_proof(part.first, size, tile_nodes(size, read))
            path = directory / BUNDLES / f"{part.first:012}"
            path.with_suffix(".bundle").write_bytes(encode_bundle(part.entries))
            proved = ProofFile(part.first, tuple(proof), note)
            path.with_suffix(".tlog-proof").write_bytes(proved.encode())
            readable.writelines(readable_lines(part.first, batches_of(part, audit_batch())))
            ranges.append([part.first, part.first + len(part.entries)])
    for name, data in {**_papers(note, policy), **(papers or {})}.items():
        place = directory / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    manifest = {"form": FORM, **about, "leaves": ranges}
    (directory / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    (directory / SUMS).write_text(sums_of(directory))
    return sum(end - first for first, end in ranges)


def batches_of(part: Part, record: PlatformRecord) -> list[dict[str, Any]]:
    """What the leaves of a part say, read as ``record``."""
    return [record.decode(LeafEntry.decode(encoded).value) for encoded in part.entries]


def readable_lines(first: int, batches: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """A line of JSON for each leaf: its number and what it says, bytes in hexadecimal."""
    for number, batch in enumerate(batches, first):
        yield canonical_json({"leaf": number, **_shown(batch)}).encode() + b"\n"


def schema_file(name: str) -> str:
    """Where the schema of a record lies."""
    return f"schemas/{name}.avsc"


def sums_of(directory: Path) -> str:
    """SHA-256 of every file but that of the sums, as ``sha256sum`` writes and checks them."""
    found = sorted(path for path in directory.rglob("*") if path.is_file())
    return "".join(
        f"{sha256(path.read_bytes()).hexdigest()}  {path.relative_to(directory).as_posix()}\n"
        for path in found
        if path != directory / SUMS
    )


def _shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: _shown(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner) for inner in value]
    return value


def _papers(note: Note, policy: Policy) -> dict[str, bytes]:
    """What is the same in every archive, and what a tool without our formats needs."""
    here = files("sharebus.consumers.oversight")
    papers = {
        CHECKPOINT: note.encode(),
        "README.md": here.joinpath("archive_readme.md").read_bytes(),
        "check.py": here.joinpath("plain_check.py").read_bytes(),
        "keys.policy": _keys(policy).encode(),
        "plain/checkpoint.txt": note.text,
    }
    for record in platform_records():
        papers[schema_file(record.name)] = json.dumps(record.avro_schema, indent=1).encode()
    known = {(log.key.name, log.key.key_id): log.key for log in policy.logs}
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if isinstance(key, NoteKey):
            papers["plain/checkpoint.sig"] = signature.blob
            papers["plain/log-key.pem"] = _pem(key)
    return papers


def _keys(policy: Policy) -> str:
    """The keys of a policy as a policy that asks for no quorum, for who holds no other any more."""
    lines = [f"log {log.key.vkey()}" for log in policy.logs]
    for name, witness in policy.witnesses.items():
        lines.append(f"witness {name.decode()} {witness.key.vkey()}")
    return "\n".join([*lines, "quorum none", ""])


def _pem(key: NoteKey) -> bytes:
    public = Ed25519PublicKey.from_public_bytes(key.public_key)
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
