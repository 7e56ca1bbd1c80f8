"""Who gave a command is proved by the agency's key; nothing of it can be changed unseen."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus import InvalidInput, Refused
from sharebus.governance.agency import SigningKey
from sharebus.schemas.command import (
    BODY_BYTES_MAX,
    Command,
    check_signature,
    command_record,
    read_command,
    sign,
    signed_bytes,
)
from sharebus.schemas.record import command
from sharebus.schemas.signature import ALGORITHMS

PRIVATE = bytes(range(32))
PUBLIC = ALGORITHMS["ed25519"].public_key(PRIVATE)
KEYS = [SigningKey(id="office-2026", algorithm="ed25519", public_key=PUBLIC.hex())]
AGENCY = "market-bureau"
CONTENT: dict[str, Any] = {
    "id": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "case": "r-2026-001",
    "case_kind": "request",
    "seen_version": 3,
    "verb": "accept",
    "body": {"fields": ["code", "name"], "note": "同意共享"},
    "officer": {"name": "王某", "title": "处长"},
    "head": {"name": "李某", "title": "局长"},
}
COMMAND = Command.model_validate(CONTENT)
SIGNED = sign(AGENCY, COMMAND, key="office-2026", algorithm="ed25519", private_key=PRIVATE)


def test_signed_command_is_believed_and_survives_the_wire() -> None:
    check_signature(AGENCY, SIGNED, KEYS)
    received = read_command(command().decode(command().encode(7, command_record(SIGNED))))
    assert received == SIGNED
    check_signature(AGENCY, received, KEYS)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "0f8fad5b-d9cb-469f-a165-70867728950f"},
        {"case": "r-2026-002"},
        {"case_kind": "grant"},
        {"seen_version": 4},
        {"verb": "refuse"},
        {"body": {"fields": ["code", "name", "phone"], "note": "同意共享"}},
        {"officer": {"name": "张某", "title": "处长"}},
        {"head": None},
    ],
    ids=lambda change: next(iter(change)),
)
def test_command_with_any_part_changed_is_refused(change: dict[str, Any]) -> None:
    changed = Command.model_validate({**SIGNED.model_dump(mode="json"), **change})
    with pytest.raises(Refused, match="not of this command"):
        check_signature(AGENCY, changed, KEYS)


def test_every_part_of_a_command_is_signed() -> None:
    signed = json.loads(signed_bytes(AGENCY, COMMAND).partition(b"\n")[2])
    assert set(signed) == {"agency", *Command.model_fields} - {"signature"}


def test_command_copied_to_the_topic_of_another_agency_is_refused() -> None:
    with pytest.raises(Refused, match="not of this command"):
        check_signature("tax-bureau", SIGNED, KEYS)


@given(st.binary(max_size=200))
def test_no_bytes_but_the_signature_pass_for_it(value: bytes) -> None:
    assert SIGNED.signature is not None
    signature = SIGNED.signature.model_copy(update={"value": value.hex()})
    if value.hex() != SIGNED.signature.value:
        with pytest.raises(Refused):
            check_signature(AGENCY, SIGNED.model_copy(update={"signature": signature}), KEYS)


def test_unsigned_or_unknown_key_or_algorithm_is_refused_with_what_was_expected() -> None:
    with pytest.raises(Refused, match="not signed"):
        check_signature(AGENCY, COMMAND, KEYS)
    with pytest.raises(Refused, match="not the agency's") as unknown:
        check_signature(AGENCY, SIGNED, [KEYS[0].model_copy(update={"id": "office-2027"})])
    assert unknown.value.expected == "office-2027 (ed25519)"
    assert unknown.value.found == "office-2026 (ed25519)"
    with pytest.raises(Refused, match="not the agency's"):
        check_signature(AGENCY, SIGNED, [KEYS[0].model_copy(update={"algorithm": "sm2"})])
    with pytest.raises(InvalidInput, match="not known"):
        sign(AGENCY, COMMAND, key="k", algorithm="rot13", private_key=PRIVATE)
    with pytest.raises(InvalidInput, match="no Ed25519"):
        sign(AGENCY, COMMAND, key="k", algorithm="ed25519", private_key=b"short")


@given(st.text(max_size=400), st.text(max_size=50), st.integers(-(2**31), 2**31 - 1))
def test_any_record_is_a_command_or_is_refused_in_words(body: str, text: str, number: int) -> None:
    record = command_record(SIGNED)
    for change in ({"body": body}, {"case": text}, {"id": text}, {"seen_version": number}):
        with suppress(InvalidInput):
            read_command({**record, **change})


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[" * 200_000,
        "[" * 40 + "]" * 40,
        '{"a": "\\ud800"}',
        '{"a": ' + "9" * 10_000 + "}",
        "[]",
        "1",
    ],
)
def test_body_that_is_no_json_object_of_text_is_refused_in_words(body: str) -> None:
    with pytest.raises(InvalidInput, match="no command"):
        read_command({**command_record(SIGNED), "body": body})


def test_command_that_is_too_long_or_has_an_unknown_field_is_refused_whole() -> None:
    with pytest.raises(InvalidInput, match="too long"):
        read_command({**command_record(SIGNED), "body": " " * (BODY_BYTES_MAX + 1)})
    with pytest.raises(InvalidInput) as unknown:
        read_command({**command_record(SIGNED), "as_admin": True})
    assert unknown.value.where == "as_admin"
