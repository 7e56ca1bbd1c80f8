"""Whom a reader trusts: C2SP tlog-policy, a text file of logs, witnesses and a quorum.

A checkpoint counts if a log of the file signed it and a quorum of its witnesses cosigned it.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, NoReturn

from sharebus.ledger.checkpoint import Checkpoint, open_checkpoint
from sharebus.ledger.cosignature import CosignatureKey, cosigned_seconds
from sharebus.ledger.errors import Malformed, Untrusted
from sharebus.ledger.fields import shown, utf8
from sharebus.ledger.keys import NoteKey
from sharebus.ledger.note import Note

CLOCK_SECONDS_FORGIVEN: Final = 60
"""How far the clock of a witness may be ahead of that of whoever accepts its cosignature."""
_FORBIDDEN: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_NONE: Final = b"none"
_THRESHOLD: Final = re.compile(rb"[1-9][0-9]{0,8}")


class Log(NamedTuple):
    """A log that is trusted to sign; the name of its key is its origin. ``url`` may be empty."""

    key: NoteKey
    url: bytes


class Witness(NamedTuple):
    """A witness whose cosignature counts. ``url`` is its submission prefix, or empty."""

    key: CosignatureKey
    url: bytes


class Group(NamedTuple):
    """Members of which at least ``threshold`` must have cosigned."""

    threshold: int
    members: tuple[bytes, ...]


class Witnessed(NamedTuple):
    """A checkpoint that the policy accepts, and when each witness cosigned it (POSIX seconds)."""

    checkpoint: Checkpoint
    seconds_by_witness: Mapping[bytes, int]


@dataclass
class Policy:
    """A policy file. Names are octets, as the specification wants them; they mean nothing outside.

    ``quorum`` names a witness or group, or is ``None`` if no cosignature is asked for.
    """

    logs: list[Log] = field(default_factory=list)
    witnesses: dict[bytes, Witness] = field(default_factory=dict)
    groups: dict[bytes, Group] = field(default_factory=dict)
    quorum: bytes | None = None

    @classmethod
    def parse(cls, data: bytes) -> "Policy":
        """Read a policy file.

        :raises Malformed: it is not one; the message names the line.
        """
        reader = _Reader(cls())
        for number, line in enumerate(data.split(b"\n"), start=1):
            reader.read(number, line)
        if not reader.has_quorum:
            raise Malformed(
                "the policy has no quorum line",
                expected="quorum <name of a witness or group>, or quorum none",
            )
        return reader.policy

    def is_met_by(self, cosigned: Collection[bytes]) -> bool:
        """Whether these witnesses, by name, are a quorum."""
        if self.quorum is None:
            return True
        counted = {name for name in cosigned if name in self.witnesses}
        for name, group in self.groups.items():  # members stand before their group
            if len(counted.intersection(group.members)) >= group.threshold:
                counted.add(name)
        return self.quorum in counted

    def accept(self, note: Note, latest_seconds: int) -> Witnessed:
        """The checkpoint in the note, if a log of the policy signed it and the quorum is met.

        A cosignature dated after ``latest_seconds`` (POSIX: the reader's clock and what it
        forgives) does not count. Whether the times are recent enough is the caller's to judge.

        :raises Untrusted: unknown log, wrong signature of a known key, or no quorum.
        :raises Malformed: what was signed is no checkpoint.
        """
        origin = Checkpoint.parse(note.text).origin
        keys = [log.key for log in self.logs if log.key.name == origin]
        if not keys:
            raise Untrusted("the policy does not name this log", found=shown(origin.encode()))
        checkpoint = open_checkpoint(note, origin, keys)
        seconds = self._cosigned(note, latest_seconds)
        if not self.is_met_by(seconds):
            raise Untrusted(
                "too few witnesses cosigned the checkpoint",
                where=f"{origin}, tree size {checkpoint.size}",
                expected=f"quorum {shown(self.quorum or _NONE)}",
                found=", ".join(map(shown, seconds)) or "none",
            )
        return Witnessed(checkpoint, seconds)

    def _cosigned(self, note: Note, latest_seconds: int) -> dict[bytes, int]:
        """When each witness last cosigned the note, by the witness's name in the policy."""
        names = {
            (witness.key.name, witness.key.key_id): name for name, witness in self.witnesses.items()
        }
        if not any((each.name, each.key_id) in names for each in note.signatures):
            return {}
        found: dict[bytes, int] = {}
        for signature in note.verify(witness.key for witness in self.witnesses.values()):
            seconds = cosigned_seconds(signature)
            if seconds <= latest_seconds:
                name = names[signature.name, signature.key_id]
                found[name] = max(seconds, found.get(name, 0))
        return found


class _Reader:
    """Fills a policy line by line."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.has_quorum = False
        self.number = 0
        self.members: set[bytes] = set()

    def read(self, number: int, line: bytes) -> None:
        self.number = number
        if _FORBIDDEN.search(line):
            self._refuse("a control character", line)
        words = re.split(rb"[ \t]+", line.strip(b" \t"))
        if not words[0] or words[0].startswith(b"#"):
            return
        match words:
            case [b"log", vkey, *url] if len(url) <= 1:
                self._log(vkey, b"".join(url))
            case [b"witness", name, vkey, *url] if len(url) <= 1:
                self._witness(name, vkey, b"".join(url))
            case [b"group", name, threshold, *members] if members:
                self._group(name, threshold, members)
            case [b"quorum", name]:
                self._quorum(name)
            case _:
                self._refuse("not a log, witness, group or quorum line", line)

    def _log(self, vkey: bytes, url: bytes) -> None:
        key = NoteKey.from_vkey(utf8(vkey, "a verifier key"))
        if any(key.public_key == log.key.public_key for log in self.policy.logs):
            self._refuse("a log's key stands twice", vkey)
        self.policy.logs.append(Log(key, url))

    def _witness(self, name: bytes, vkey: bytes, url: bytes) -> None:
        self._define(name)
        key = CosignatureKey.from_vkey(utf8(vkey, "a verifier key"))
        # One key under two names would count twice.
        if any(key.public_key == each.key.public_key for each in self.policy.witnesses.values()):
            self._refuse("a witness's key stands twice", vkey)
        self.policy.witnesses[name] = Witness(key, url)

    def _group(self, name: bytes, threshold: bytes, members: list[bytes]) -> None:
        self._define(name)
        for member in members:
            if not self._is_defined(member):
                self._refuse("a member that no earlier line defines", member)
            if member in self.members:
                self._refuse("a name is a member twice", member)
            self.members.add(member)
        count = {b"any": 1, b"all": len(members)}.get(threshold)
        if count is None and _THRESHOLD.fullmatch(threshold):
            count = int(threshold)
        if count is None or count > len(members):
            self._refuse("a threshold must be all, any or 1 to the number of members", threshold)
        self.policy.groups[name] = Group(count, tuple(members))

    def _quorum(self, name: bytes) -> None:
        if self.has_quorum:
            self._refuse("a second quorum line", name)
        if name != _NONE and not self._is_defined(name):
            self._refuse("a quorum that no earlier line defines", name)
        self.has_quorum = True
        self.policy.quorum = None if name == _NONE else name

    def _define(self, name: bytes) -> None:
        if name == _NONE or self._is_defined(name):
            self._refuse("a name that is taken", name)

    def _is_defined(self, name: bytes) -> bool:
        return name in self.policy.witnesses or name in self.policy.groups

    def _refuse(self, problem: str, found: bytes) -> NoReturn:
        raise Malformed(
            f"the policy is not valid: {problem}", where=f"line {self.number}", found=shown(found)
        )
