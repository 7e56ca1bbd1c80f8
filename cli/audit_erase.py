"""``sharebus audit erase``: destroy the keys of what an agency sealed in a case, on record."""

from typing import Annotated

import typer

from sharebus import InvalidInput
from sharebus.cli.audit_export import case_named
from sharebus.cli.desk import AsOption, KeyOption, OfficerOption, acting, show_answer
from sharebus.cli.output import JsonOption
from sharebus.infra.case_keys import CaseKeys
from sharebus.infra.settings import load_settings
from sharebus.producers.desk import new_case_id


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command(
        "erase",
        epilog="Example:  sharebus audit erase --case request/r-1 --as nb-tax.levy --basis TEXT",
    )(_erase)


def _erase(
    case: Annotated[str, typer.Option("--case", help="A closed case.", metavar="KIND/CASE")],
    system: AsOption,
    basis: Annotated[str, typer.Option("--basis", help="By which law.", metavar="TEXT")],
    key: KeyOption = None,
    officer: OfficerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Destroy the keys of what the agency sealed in a case; the registrar records it first.

    Nobody can read the names any more. Commands, cases and the audit stay as they were, and verify.
    Copies of the keys, in backups or with overseers, have to be destroyed where they are.
    """
    case_named(case)
    keys = CaseKeys(load_settings())
    ids = keys.ids(case)
    if not ids:
        raise InvalidInput(
            "no key of this case is here", where=case, expected="a case in which names are sealed",
            remedy="They were destroyed, or are where its commands were given.",
        )  # fmt: skip
    body = {"about": case, "keys": ids, "basis": basis}
    with acting(system, key, officer) as desk:
        answer = desk.file("erasure", new_case_id("erasure"), "erase", body)
    if answer.outcome == "accepted":
        keys.destroy(case)
    show_answer(answer, as_json)
