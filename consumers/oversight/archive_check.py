"""Checks an archive of the audit offline: every file, every record, every signature."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from fastavro.schema import SchemaParseException

from sharebus.consumers.oversight.archive import (
    BUNDLES,
    CHECKPOINT,
    FORM,
    MANIFEST,
    READABLE,
    SUMS,
    Part,
    batches_of,
    readable_lines,
    schema_file,
    sums_of,
)
from sharebus.consumers.oversight.case_file import (
    Line,
    Place,
    check_commands,
    note_commands,
)
from sharebus.ledger.bundle import decode_bundle
from sharebus.ledger.errors import Malformed, Unproven
from sharebus.ledger.hashing import leaf_hash, subtree_root
from sharebus.ledger.note import Note
from sharebus.ledger.policy import Policy, Witnessed
from sharebus.ledger.proof_file import ProofFile
from sharebus.ledger.proofs import inclusion_proof
from sharebus.ledger.tiles import ENTRIES, TILE_WIDTH, Tile
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.record import PlatformRecord, audit_batch

_PRIMITIVES: Final = frozenset(
    {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
)


class CheckedArchive(NamedTuple):
    """What an archive proved: the checkpoint with its witnesses, what was exported, how much."""

    witnessed: Witnessed
    about: dict[str, Any]
    leaves: int
    commands: int


def check_archive(
    directory: Path, policy: Policy, latest_seconds: int, digest: AuditDigest | None = None
) -> CheckedArchive:
    """What is in an archive, with nothing but a policy.

    With the installation's ``digest`` commands are held against what the audit says of them too.
    ``latest_seconds``: see :meth:`sharebus.ledger.policy.Policy.accept`.

    :raises Malformed: it is no archive. :raises Untrusted: the policy does not accept its
        checkpoint.
    :raises Unproven: a file is not what was exported, or a record not under the checkpoint.
    """
    _check_sums(directory)
    about = _manifest(directory)
    note = Note.parse(_bytes_of(directory, CHECKPOINT))
    witnessed = policy.accept(note, latest_seconds)
    record = _record_of(directory)
    leaves = 0
    readable = sha256()
    lines: dict[Place, list[Line]] = {}
    for first, end in about["leaves"]:
        part = _read_part(directory, first, end, note, policy, latest_seconds)
        batches = batches_of(part, record)
        for line in readable_lines(first, batches):
            readable.update(line)
        leaves += len(batches)
        note_commands(batches, lines)
    if readable.digest() != sha256(_bytes_of(directory, READABLE)).digest():
        raise Unproven("what people read is not what was signed", where=READABLE)
    commands = check_commands(directory, lines, digest)
    return CheckedArchive(witnessed, about, leaves, commands)


def _check_sums(directory: Path) -> None:
    stated = _bytes_of(directory, SUMS).decode(errors="replace").splitlines()
    found = sums_of(directory).splitlines()
    unlike = sorted(set(stated) ^ set(found), key=lambda line: line[66:])
    if unlike or len(stated) != len(found):
        where = (unlike or [SUMS])[0].rpartition("  ")[2]
        raise Unproven("a file of the archive is missing, or not what was exported", where=where)


def _manifest(directory: Path) -> dict[str, Any]:
    try:
        about = json.loads(_bytes_of(directory, MANIFEST))
        is_known = about["form"] == FORM and all(
            type(first) is int and type(end) is int and 0 < end - first <= TILE_WIDTH
            for first, end in about["leaves"]
        )
    except (ValueError, KeyError, TypeError):
        is_known = False
    if not is_known:
        raise Malformed(
            "this archive cannot be read here", where=MANIFEST,
            expected=f"form {FORM}, and ranges of leaves",
        )  # fmt: skip
    return dict(about)


def _record_of(directory: Path) -> PlatformRecord:
    """The audit's record by the schema of its time, the archive's, which may not be ours."""
    bundled = audit_batch()
    name = schema_file(bundled.name)
    try:
        schema = json.loads(_bytes_of(directory, name))
        if schema == bundled.avro_schema:
            return bundled
        _require_no_names(schema)
        return PlatformRecord(bundled.name, bundled.subject, schema)
    except (ValueError, KeyError, TypeError, RecursionError, SchemaParseException) as error:
        raise Malformed("the schema of the records cannot be read", where=name) from error


def _require_no_names(avro_type: Any) -> None:
    """None of ours refers to another by name, and one that did could be without end."""
    if isinstance(avro_type, str):
        if avro_type not in _PRIMITIVES:
            raise ValueError(avro_type)
    elif isinstance(avro_type, list):
        for branch in avro_type:
            _require_no_names(branch)
    elif avro_type["type"] not in ("record", "enum"):
        _require_no_names(avro_type.get("items", avro_type["type"]))
    for field in avro_type.get("fields", ()) if isinstance(avro_type, dict) else ():
        _require_no_names(field["type"])


def _read_part(
    directory: Path, first: int, end: int, note: Note, policy: Policy, latest_seconds: int
) -> Part:
    """A bundle, proved. Its first leaf's proof begins with what follows from the others."""
    name = f"{BUNDLES}/{first:012}"
    bundle = Tile(ENTRIES, first // TILE_WIDTH, end - first)
    entries = decode_bundle(_bytes_of(directory, f"{name}.bundle"), bundle)
    hashes = [leaf_hash(entry) for entry in entries]
    proof = ProofFile.parse(_bytes_of(directory, f"{name}.tlog-proof"))
    within = inclusion_proof(0, len(hashes), lambda level, index: _subtree(hashes, level, index))
    if (proof.leaf_index, proof.checkpoint, list(proof.proof[: len(within)])) != (
        first, note, within,
    ):  # fmt: skip
        raise Unproven("the proof is of other records", where=f"{name}.tlog-proof")
    proof.verify(hashes[0], policy, latest_seconds)
    return Part(first, entries)


def _subtree(hashes: list[bytes], level: int, index: int) -> bytes:
    return subtree_root(hashes[index << level : (index + 1) << level])


def _bytes_of(directory: Path, name: str) -> bytes:
    try:
        return (directory / name).read_bytes()
    except OSError as error:
        raise Malformed("a file of the archive cannot be read", where=name) from error
