"""Signed notes: C2SP signed-note, the envelope of checkpoints.

A note is a text, an empty line, and lines of signatures. The text is worth nothing before
:meth:`Note.verify` has found the signature of a key that the reader pinned.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

from sharebus.ledger.errors import Malformed, Untrusted
from sharebus.ledger.fields import base64_bytes, shown, to_base64, utf8

NOTE_BYTES_MAX: Final = 512 * 1024
SIGNATURES_MAX: Final = 100
"""Go's reader refuses more; the specification asks for at least 16."""
KEY_ID_BYTES: Final = 4

_DASH: Final = "\u2014 ".encode()
_CONTROL: Final = re.compile(rb"[\x00-\x09\x0b-\x1f]")


class Signature(NamedTuple):
    """One signature line: whose key made it, and what it made.

    ``blob`` begins behind the key id; what it holds depends on the key's signature type.
    """

    name: str
    key_id: bytes
    blob: bytes

    def line(self) -> bytes:
        """The line with its newline, as it stands in a note."""
        text = to_base64(self.key_id + self.blob)
        return _DASH + self.name.encode() + b" " + text + b"\n"


class Verifier(Protocol):
    """A pinned public key. ``name`` and ``key_id`` together say which signatures are its own."""

    @property
    def name(self) -> str:
        """Who signs; not empty, no spaces, no plus sign."""
        ...

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell this key from others of the same name."""
        ...

    def verifies(self, text: bytes, blob: bytes) -> bool:
        """Whether this key made the signature ``blob`` over the text; never raises."""
        ...


class Signer(Protocol):
    """A private key, here or in a key service."""

    def sign(self, text: bytes) -> Signature:
        """The signature line over the text of a note."""
        ...


class Note(NamedTuple):
    """A text with signatures that nobody has verified yet."""

    text: bytes
    signatures: tuple[Signature, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> "Note":
        """Read a note; signatures are not looked at.

        :raises Malformed: not a note, or larger than this reader takes.
        """
        if len(data) > NOTE_BYTES_MAX:
            raise Malformed(
                "the note is too large",
                expected=f"at most {NOTE_BYTES_MAX} bytes", found=f"{len(data)} bytes",
            )  # fmt: skip
        _check_characters(data)
        # A text may hold empty lines: the last one is the end of it.
        end = data.rfind(b"\n\n") + 1
        if not end:
            raise Malformed("the note has no empty line before its signatures", found=shown(data))
        signatures = parse_signature_lines(data[end + 1 :])
        if not signatures:
            raise Malformed("the note has no signature", found=shown(data))
        return cls(data[:end], signatures)

    def encode(self) -> bytes:
        """The bytes of the note.

        :raises Malformed: the text cannot be that of a note, or nobody signed it.
        """
        _check_text(self.text)
        if not self.signatures:
            raise Malformed("the note has no signature", found=shown(self.text))
        return self.text + b"\n" + b"".join(each.line() for each in self.signatures)

    def signed_by(self, *signers: Signer) -> "Note":
        """The note with a signature of each signer.

        :raises Malformed: the text cannot be that of a note.
        """
        _check_text(self.text)
        return self.with_signatures(signer.sign(self.text) for signer in signers)

    def with_signatures(self, added: Iterable[Signature]) -> "Note":
        """The note with these behind its signatures; a key's earlier one goes."""
        behind = tuple(added)
        keys = {(each.name, each.key_id) for each in behind}
        kept = tuple(each for each in self.signatures if (each.name, each.key_id) not in keys)
        return Note(self.text, kept + behind)

    def verify(self, verifiers: Iterable[Verifier]) -> tuple[Signature, ...]:
        """The signatures that these keys made, in the note's order; others are ignored.

        A key may have signed more than once, so count names and key ids, not signatures.

        :raises Untrusted: none of these keys signed, or a signature of one of them is wrong.
        :raises Malformed: two of the keys have the same name and id.
        """
        pinned: dict[tuple[str, bytes], Verifier] = {}
        for verifier in verifiers:
            if pinned.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
                raise Malformed("two keys have the same name and id", where=verifier.name)
        verified = []
        for signature in self.signatures:
            key = pinned.get((signature.name, signature.key_id))
            if key is None:
                continue
            if not key.verifies(self.text, signature.blob):
                raise Untrusted(
                    "the signature of a known key is wrong",
                    where=f"{signature.name} {signature.key_id.hex()}",
                    remedy="treat the whole note as forged or damaged",
                )
            verified.append(signature)
        if not verified:
            raise Untrusted(
                "no known key signed the note",
                expected=", ".join(sorted(f"{name} {key.hex()}" for name, key in pinned)),
                found=shown(b", ".join(each.name.encode() for each in self.signatures)),
            )
        return tuple(verified)


def parse_signature_lines(data: bytes) -> tuple[Signature, ...]:
    """The signatures of zero or more whole lines, as a witness answers them.

    :raises Malformed: something else stands there, or more than :data:`SIGNATURES_MAX`.
    """
    _check_characters(data)
    *lines, rest = data.split(b"\n")
    if rest:
        raise Malformed("the last signature line has no newline", found=shown(rest))
    if len(lines) > SIGNATURES_MAX:
        raise Malformed(
            "there are too many signatures",
            expected=f"at most {SIGNATURES_MAX}", found=str(len(lines)),
        )  # fmt: skip
    return tuple(_parse_line(line) for line in lines)


def check_key_name(name: str) -> str:
    """The name, if a key may be called so: not empty, no space of any kind, no plus sign.

    :raises Malformed: it may not.
    """
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        encoded = b""
    if not encoded or "+" in name or any(map(str.isspace, name)) or _CONTROL.search(encoded):
        raise Malformed(
            "the key name is not valid",
            expected="a URL without scheme, such as audit.example/log; no spaces, no plus sign",
            found=shown(name.encode(errors="replace")),
        )
    return name


def _parse_line(line: bytes) -> Signature:
    name, space, text = line.removeprefix(_DASH).partition(b" ")
    if not line.startswith(_DASH) or not space:
        raise Malformed(
            "not a line of a signature", expected="— <name> <base64>", found=shown(line)
        )
    blob = base64_bytes(text, "a signature")
    if len(blob) <= KEY_ID_BYTES:
        raise Malformed("the signature is empty", found=shown(line))
    return Signature(
        check_key_name(utf8(name, "a key name")), blob[:KEY_ID_BYTES], blob[KEY_ID_BYTES:]
    )


def _check_characters(data: bytes) -> None:
    utf8(data, "the note")
    control = _CONTROL.search(data)
    if control:
        raise Malformed(
            "the note has a control character",
            where=f"byte {control.start()}", found=shown(control.group()),
        )  # fmt: skip


def _check_text(text: bytes) -> None:
    _check_characters(text)
    if not text.endswith(b"\n"):
        raise Malformed("the text of a note must end with a newline", found=shown(text))
