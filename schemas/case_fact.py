"""Cases and answers as records of ``facts.cases``: one text for one content."""

import json
from typing import Any

from pydantic import ValidationError

from sharebus import InvalidInput
from sharebus.governance.answer import Answer
from sharebus.governance.case import Case
from sharebus.schemas.canonical import canonical_json

_KINDS: dict[str, type[Case] | type[Answer]] = {"case": Case, "answer": Answer}


def case_fact_key(item: Case | Answer) -> bytes:
    """``case/<kind>/<id>``, or ``answer/<agency>/<command id>``."""
    name = item.id if isinstance(item, Answer) else f"{item.case_kind}/{item.id}"
    return f"{item.kind}/{name}".encode()


def case_fact_body(item: Case | Answer) -> str:
    """Canonical JSON of a case or an answer."""
    return canonical_json(item.model_dump(mode="json", by_alias=True))


def case_fact(item: Case | Answer, recorded_ms: int) -> dict[str, Any]:
    """The record of ``facts.cases``."""
    return {
        "kind": item.kind, "id": case_fact_key(item).decode().partition("/")[2],
        "body": case_fact_body(item), "recorded_ms": recorded_ms,
    }  # fmt: skip


def read_case_fact(record: dict[str, Any]) -> Case | Answer:
    """The case or answer in a decoded record of ``facts.cases``.

    :raises InvalidInput: it is neither (somebody else than the registrar wrote it).
    """
    try:
        return _KINDS[record["kind"]].model_validate(json.loads(record["body"]))
    except (KeyError, ValueError, ValidationError) as invalid:
        raise InvalidInput(
            "a record of the cases is not valid",
            where=f"{record['kind']} {record['id']}",
            found=str(invalid),
        ) from None


def case_of_notice(record: dict[str, Any]) -> Case:
    """The case in a decoded notice, as its reader may see it.

    :raises InvalidInput: there is none in it that this version can read.
    """
    try:
        # A registrar that is newer may say more of a case than this version knows.
        return Case.model_validate_json(record["body"], extra="ignore")
    except ValueError as error:
        raise InvalidInput(
            "a notice holds no case that this version of sharebus can read",
            where=f"{record['case_kind']} {record['case']}", found=type(error).__name__,
            remedy="Bring this installation to the version that the registrar runs.",
        ) from error  # fmt: skip
