"""A command: what an agency or authority asks the registrar to do, and its signature.

The agency is not in the record: it is the topic's (identity is the topic). It is in what is signed,
so that a command copied to another agency's topic is worth nothing there.
"""

import json
from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints, ValidationError

from sharebus import InvalidInput, Refused
from sharebus.governance.agency import (
    Hex,
    KeyId,
    Officer,
    SignatureAlgorithm,
    SigningKey,
    Strict,
)
from sharebus.governance.identity import Id
from sharebus.schemas.canonical import canonical_json
from sharebus.schemas.signature import ALGORITHMS

Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Verb = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,30}$")]

_PURPOSE: Final = b"sharebus command 1\n"
BODY_BYTES_MAX: Final = 262_144
"""Of the body as it was sent, and as it is written again: ``1e15`` becomes three times as long."""
DEPTH_MAX: Final = 32


class Signature(Strict):
    """Who signed, with which of its keys; ``value`` is in hexadecimal."""

    key: KeyId
    algorithm: SignatureAlgorithm
    value: Hex


class Command(Strict):
    """One act. ``seen_version`` is the version of the case that its author saw; 0 of a new one.

    ``head`` is the approving head, where the law asks for one. ``id`` makes it idempotent.
    """

    id: Uuid
    case: Id
    case_kind: Id
    seen_version: int = Field(ge=0)
    verb: Verb
    body: dict[str, Any]
    officer: Officer
    head: Officer | None = None
    signature: Signature | None = None


def command_record(command: Command) -> dict[str, Any]:
    """The command as a record of ``commands.<agency>``."""
    content = command.model_dump(mode="json")
    signature = command.signature
    return {
        **content,
        "body": canonical_json(command.body),
        "signature": signature
        and {**signature.model_dump(), "value": bytes.fromhex(signature.value)},
    }


def read_command(record: dict[str, Any]) -> Command:
    """The command in a decoded record of ``commands.<agency>``.

    :raises InvalidInput: it is too long, or no command; names the first problem.
    """
    _check_length(record["body"].encode())
    try:
        body = json.loads(record["body"])
        _require_shallow(body)
        canonical = canonical_json(body).encode()  # escapes may hide what no text can hold
    except (ValueError, RecursionError):
        raise InvalidInput(
            "this is no command", where="body", found="another text",
            expected=f"JSON of well-formed text, at most {DEPTH_MAX} levels deep",
        ) from None  # fmt: skip
    _check_length(canonical)
    signature = record["signature"]
    if signature:
        signature = {**signature, "value": signature["value"].hex()}
    return _command({**record, "body": body, "signature": signature})


def _check_length(body: bytes) -> None:
    if len(body) > BODY_BYTES_MAX:
        raise InvalidInput(
            "the command is too long", expected=f"a body of at most {BODY_BYTES_MAX} bytes",
            found=f"{len(body)} bytes",
        )  # fmt: skip


def _require_shallow(body: Any) -> None:
    """What is deep ends the recursion of whoever writes it down again, anywhere."""
    level = [body]
    for _ in range(DEPTH_MAX):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    if level:
        raise ValueError("too deep")


def _command(content: dict[str, Any]) -> Command:
    try:
        return Command.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidInput(
            "this is no command",
            where=".".join(map(str, first["loc"])) or "the record",
            found=first["msg"],
        ) from None


def signed_bytes(agency: str, command: Command) -> bytes:
    """What the agency's key signs: everything but the signature, and whose topic it is for."""
    content = command.model_dump(mode="json", exclude={"signature"})
    return _PURPOSE + canonical_json({"agency": agency, **content}).encode()


def sign(agency: str, command: Command, *, key: str, algorithm: str, private_key: bytes) -> Command:
    """The command with its signature.

    :raises InvalidInput: the algorithm is not known, or the key is none of it.
    """
    known = ALGORITHMS.get(algorithm)
    if known is None:
        raise InvalidInput(
            "this signature algorithm is not known", expected=", ".join(ALGORITHMS), found=algorithm
        )
    value = known.sign(private_key, signed_bytes(agency, command)).hex()
    signature = Signature.model_validate({"key": key, "algorithm": algorithm, "value": value})
    return command.model_copy(update={"signature": signature})


def check_signature(agency: str, command: Command, keys: Iterable[SigningKey]) -> None:
    """Check that the agency itself gave this command. ``keys`` are its own.

    :raises Refused: it is not signed, by a key that is not the agency's, or not this content.
    """
    where = f"command {command.id} of {agency}"
    signature = command.signature
    if signature is None:
        raise Refused(
            "the command is not signed", where=where, expected="a signature", found="none"
        )
    algorithm = ALGORITHMS.get(signature.algorithm)
    if algorithm is None:
        raise Refused(
            "this signature algorithm is not accepted here", where=where,
            expected=", ".join(ALGORITHMS), found=signature.algorithm,
        )  # fmt: skip
    known = {key.id: key for key in keys}
    key = known.get(signature.key)
    if key is None or key.algorithm != signature.algorithm:
        raise Refused(
            "the command is signed with a key that is not the agency's", where=where,
            expected=", ".join(f"{key.id} ({key.algorithm})" for key in known.values())
            or "a registered key",
            found=f"{signature.key} ({signature.algorithm})",
            remedy="Register the key: what `sharebus keys show` prints belongs under `keys` of the "
            "agency's document, or `sharebus agency rotate-key` puts it there.",
        )  # fmt: skip
    content = signed_bytes(agency, command)
    public_key = bytes.fromhex(key.public_key)
    if not algorithm.is_valid(public_key, content, bytes.fromhex(signature.value)):
        raise Refused(
            "the signature is not of this command", where=where,
            expected=f"signed with {signature.key}", found="another content or another key",
        )  # fmt: skip
