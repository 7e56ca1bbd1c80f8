"""The file of a case (案卷) in an archive: the signed commands behind the audit's records of it.

The audit says of a command where it stood, when it came, what became of it and by which rule, and
has a keyed digest of it. The command itself is proved by its agency's signature, whose public key
is in the file, and by that digest to whoever has the audit key.
"""

import json
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from confluent_kafka import Message

from sharebus import InvalidInput, Refused
from sharebus.consumers.oversight.search_index import Found
from sharebus.governance.agency import Agency, SigningKey
from sharebus.governance.facts import AnyFact
from sharebus.governance.founder import Founder
from sharebus.governance.identity import FOUNDER
from sharebus.infra.facts_reader import fact_of
from sharebus.infra.log_reader import LogReader
from sharebus.ledger.errors import Malformed, Unproven
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.canonical import canonical_json
from sharebus.schemas.command import check_signature, read_command
from sharebus.schemas.filed_command import CommandRule
from sharebus.schemas.record import case_fact, policy_fact
from sharebus.schemas.record import command as command_record
from sharebus.schemas.topic import COMMANDS_PREFIX, FACTS_CASES, FACTS_POLICY, agency_of_commands

COMMANDS: Final = "case/commands"
KEYS: Final = "case/keys.json"
_SIGNED: Final = frozenset({"", CommandRule.PERSONAL, CommandRule.CASE})
"""What was accepted, or refused only after its signature was found good."""


class Place(NamedTuple):
    """Where a command stood: a topic of commands, and the offset there."""

    topic: str
    offset: int


Line = dict[str, Any]


def read_case_file(
    log: LogReader, case_kind: str, case: str, found: Iterable[Found]
) -> dict[str, bytes]:
    """The papers of a case: itself, each command that a record names, and all keys of agencies.

    :raises InvalidInput: there is no such case. :raises Unavailable: the broker does not answer.
    """
    papers: dict[str, bytes] = {}
    standing: dict[bytes, str] = {}
    log.read(FACTS_CASES, 0, 0, partial(_take_case, f"case/{case_kind}/{case}".encode(), standing))
    if not standing:
        raise InvalidInput("there is no such case", found=f"{case_kind}/{case}")
    papers["case/case.json"] = standing.popitem()[1].encode()
    places = {Place(each.source, each.offset) for each in found}
    for topic in sorted(
        {place.topic for place in places if place.topic.startswith(COMMANDS_PREFIX)}
    ):
        offsets = {place.offset for place in places if place.topic == topic}
        log.read(topic, 0, min(offsets), partial(_take_command, papers, topic, offsets))
    keys: dict[str, dict[str, Any]] = {}
    log.read(FACTS_POLICY, 0, 0, partial(_take_keys, keys))
    papers[KEYS] = canonical_json({name: [*held.values()] for name, held in keys.items()}).encode()
    return papers


def _take_case(key: bytes, standing: dict[bytes, str], message: Message) -> None:
    value = message.value()
    if message.key() == key and value is not None:
        standing[key] = case_fact().decode(value)["body"]


def _take_command(
    papers: dict[str, bytes], topic: str, offsets: set[int], message: Message
) -> None:
    offset, value = message.offset() or 0, message.value()
    if offset in offsets and value is not None:
        name = f"{COMMANDS}/{topic}-{offset}"
        papers[f"{name}.avro"] = value
        try:
            readable = command_record().decode(value)
        except InvalidInput:
            return  # it was refused as such
        papers[f"{name}.json"] = json.dumps(
            readable, ensure_ascii=False, indent=1, default=bytes.hex
        ).encode()


def _take_keys(keys: dict[str, dict[str, Any]], message: Message) -> None:
    """Every key that an agency ever had: commands stay signed by those that were replaced."""
    value = message.value()
    fact: AnyFact = fact_of(policy_fact().decode(value or b""))
    if isinstance(fact, Agency | Founder):
        name = fact.id if isinstance(fact, Agency) else FOUNDER
        for key in fact.keys:
            keys.setdefault(name, {})[f"{key.id} {key.public_key}"] = key.model_dump(mode="json")


def note_commands(batches: Iterable[Mapping[str, Any]], lines: dict[Place, list[Line]]) -> None:
    """Add what records say of commands."""
    for batch in batches:
        if batch.get("kind") == "command":
            for line in batch["lines"]:
                if line["route"] < 0:  # the others are facts that followed
                    lines.setdefault(Place(batch["source_topic"], line["offset"]), []).append(line)


def check_commands(
    directory: Path, lines: Mapping[Place, list[Line]], digest: AuditDigest | None
) -> int:
    """Hold the commands of a case's file against the records; gives how many there are.

    :raises Unproven: one is in no record, or not what its agency signed, or, with ``digest``, not
        the one that was decided. :raises Malformed: the file of keys is none.
    """
    files = sorted((directory / COMMANDS).glob("*.avro"))
    if not files:
        return 0
    keys = _read_keys(directory / KEYS)
    for file in files:
        topic, _, offset = file.stem.rpartition("-")
        found = lines.get(Place(topic, int(offset) if offset.isdecimal() else -1), [])
        name = f"{COMMANDS}/{file.name}"
        if not found:
            raise Unproven("no record is of this command", where=name)
        value = file.read_bytes()
        for line in found:
            if digest is not None and digest.record(b"", value) != line["digests"]:
                raise Unproven("this is not the command that was decided", where=name)
        if any(line["rule"] in _SIGNED for line in found):
            _check_signed(name, value, agency_of_commands(topic), keys)
    return len(files)


def _check_signed(
    name: str, value: bytes, agency: str, keys: Mapping[str, list[SigningKey]]
) -> None:
    command = read_command(command_record().decode(value))
    signature = command.signature
    # An id of a key may have stood for another key before.
    alike = [key for key in keys.get(agency, ()) if signature and key.id == signature.key]
    for key in alike:
        try:
            check_signature(agency, command, [key])
        except Refused:
            continue
        return
    raise Unproven("the agency did not sign this command", where=name, found=agency)


def _read_keys(file: Path) -> dict[str, list[SigningKey]]:
    try:
        held = json.loads(file.read_bytes())
        return {
            name: [SigningKey.model_validate(key) for key in keys] for name, keys in held.items()
        }
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise Malformed("the keys of the agencies cannot be read", where=KEYS) from error
