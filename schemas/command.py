"""A command: what an agency or authority asks the registrar to do, and its signature.

The agency is not in the record: it is the topic's (identity is the topic). It is in what is signed,
so that a command copied to another agency's topic is worth nothing there.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, ValidationError

from sharebus import InvalidInput, Refused
from sharebus.governance.agency import Officer, Strict
from sharebus.governance.identity import Id
from sharebus.schemas.canonical import canonical_json
from sharebus.schemas.signature import ALGORITHMS

Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Verb = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,30}$")]
KeyId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
Hex = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})+$", max_length=1024)]

_PURPOSE: Final = b"sharebus command 1\n"
BODY_BYTES_MAX: Final = 262_144


class Signature(Strict):
    """Who signed, with which of its keys; ``value`` is in hexadecimal."""

    key: KeyId
    algorithm: Literal["ed25519", "sm2"]
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


def check_signature(agency: str, command: Command, public_keys: dict[str, bytes]) -> None:
    """Check that the agency itself gave this command. ``public_keys`` are its own, by key id.

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
    public_key = public_keys.get(signature.key)
    if public_key is None:
        raise Refused(
            "the command is signed with a key that is not the agency's", where=where,
            expected=", ".join(sorted(public_keys)) or "a registered key", found=signature.key,
        )  # fmt: skip
    content = signed_bytes(agency, command)
    if not algorithm.is_valid(public_key, content, bytes.fromhex(signature.value)):
        raise Refused(
            "the signature is not of this command", where=where,
            expected=f"signed with {signature.key}", found="another content or another key",
        )  # fmt: skip


def parse_command(text: bytes) -> Command:
    """A command from its JSON.

    :raises InvalidInput: it is too long, no JSON, or no command; names the first problem.
    """
    if len(text) > BODY_BYTES_MAX:
        raise InvalidInput(
            "the command is too long", expected=f"at most {BODY_BYTES_MAX} bytes",
            found=f"{len(text)} bytes",
        )  # fmt: skip
    try:
        return Command.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidInput(
            "this is no command",
            where=".".join(map(str, first["loc"])) or "the record",
            found=first["msg"],
        ) from None
