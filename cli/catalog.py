"""``sharebus catalog``: apply the reviewed documents, show what is in force, draft an entry."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sharebus import InvalidInput
from sharebus.cli.catalog_acts import add_catalog_acts
from sharebus.cli.catalog_draft import draft_entry
from sharebus.cli.catalog_import import add_catalog_import
from sharebus.cli.catalog_search import add_catalog_search, show_entry
from sharebus.cli.output import JsonOption, print_json, print_line, print_note, print_table
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.grant import Grant, RowFilter
from sharebus.governance.view import view_of_grant
from sharebus.infra.catalog_files import load_catalog_files
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.settings import load_settings
from sharebus.producers.input_file import Encoding, inspect_file
from sharebus.schemas import topic as topics
from sharebus.stream_apps.enforcer.apply import (
    PRINCIPAL,
    Applied,
    apply_catalog,
    close_founding,
    local_date,
)


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    group = typer.Typer(no_args_is_help=True, help="The sharing catalog (共享目录).")
    group.command("apply", epilog="Example:  sharebus catalog apply demo/catalog --dry-run")(_apply)
    group.command("close", epilog='Example:  sharebus catalog close --reason "各机关已有密钥"')(
        _close
    )
    group.command("show", epilog="Example:  sharebus catalog show legal-persons")(_show)
    group.command("init", epilog="Example:  sharebus catalog init register.csv --out catalog")(
        _init
    )
    add_catalog_import(group)
    add_catalog_search(group)
    add_catalog_acts(group)
    app.add_typer(group, name="catalog")


def _apply(
    path: Annotated[Path, typer.Argument(help="A YAML file, or a directory of them.")],
    is_dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done; do nothing.")
    ] = False,
    is_json: JsonOption = False,
) -> None:
    """Put agencies, entries and grants in force: facts first, then the broker follows.

    Documents that are not under PATH stay in force. Applying twice changes nothing.
    """
    files = load_catalog_files(path)
    applied = apply_catalog(load_settings(), files, is_dry_run=is_dry_run)
    steps = plan_steps(applied)
    if is_json:
        print_json(
            {
                "dry_run": is_dry_run,
                "nothing_to_do": applied.is_empty,
                "policy_version": applied.version,
                **steps,
            }
        )
        return
    for name, lines in steps.items():
        for line in lines:
            print_line(f"{name.replace('_', ' '):16} {line}")
    if applied.is_empty:
        print_note(f"Nothing to do: policy version {applied.version} is in force.")
    elif is_dry_run:
        print_note("Nothing was done; without --dry-run these steps are taken.")
    else:
        print_note(f"Applied: policy version {applied.version} is in force.")


def _close(
    reason: Annotated[str, typer.Option("--reason", help="Why; every coordinator is told.")],
) -> None:
    """End the founding: from then on files change nothing, and only agencies' commands do.

    Every agency must have its key by then. It cannot be undone.
    """
    close_founding(load_settings(), reason)
    print_note("Closed: the catalog changes by commands of agencies alone from now on.")


def plan_steps(applied: Applied) -> dict[str, list[str]]:
    """The steps, by their kind, as a person reads them."""
    plan, facts = applied.plan, applied.facts
    return {
        "revoke": [str(rule) for rule in plan.revoke],
        "create_topic": [f"{topic.name} ({topic.partitions})" for topic in plan.create],
        "configure_topic": [
            f"{change.topic} {name}={value}"
            for change in plan.alter
            for name, value in change.config.items()
        ],
        "register_schema": [schema.subject for schema in plan.register],
        "give_right": [str(rule) for rule in plan.allow],
        "publish_fact": [f"{fact.kind} {fact.id}" for fact in facts.policy],
        "list_in_catalog": [f"{fact.kind} {fact.id}" for fact in facts.catalog],
    }


def _show(
    entry: Annotated[str | None, typer.Argument(help="Id of one entry; all without.")] = None,
    system: Annotated[
        str | None,
        typer.Option("--as", metavar="SYSTEM", help="As a subscriber sees it, not as operator."),
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Show the entries in force, or one entry with its fields and grants.

    With --as, one entry as a subscriber may know it: fields, class and conditions, a synthetic row,
    and until when a request would be answered if it were made now.
    """
    if system is not None:
        if entry is None:
            raise InvalidInput("With --as, name one entry.", expected="ENTRY; or `catalog search`")
        show_entry(entry, system, is_json)
        return
    settings = load_settings()
    reader = FactsReader(client_config(settings, credentials_for(settings, PRINCIPAL)))
    try:
        reader.catch_up()
    finally:
        reader.close()
    if entry is None:
        _show_all(reader.facts, is_json)
    elif entry in reader.facts.entries:
        _show_one(reader.facts, reader.facts.entries[entry], is_json)
    else:
        raise InvalidInput(
            "There is no such entry in force.",
            expected=", ".join(sorted(reader.facts.entries)) or "an entry: apply a catalog first",
            found=entry,
        )


def _show_all(facts: PolicyFacts, is_json: bool) -> None:
    entries = [facts.entries[entry_id] for entry_id in sorted(facts.entries)]
    if is_json:
        print_json([entry.model_dump(mode="json", by_alias=True) for entry in entries])
        return
    today = local_date()
    print_table(
        f"Catalog at policy version {facts.version}",
        ("entry", "name", "class", "provider", "partitions", "views", "grants"),
        (
            (
                entry.id,
                entry.name,
                entry.sharing_class,
                facts.provider_of(entry),
                entry.partitions,
                len(facts.views_of(entry)),
                sum(grant.is_in_force(today) for grant in facts.grants_of(entry.id)),
            )
            for entry in entries
        ),
    )


def _show_one(facts: PolicyFacts, entry: CatalogEntry, is_json: bool) -> None:
    grants = facts.grants_of(entry.id)
    if is_json:
        document: dict[str, Any] = entry.model_dump(mode="json", by_alias=True)
        document["grants"] = [grant.model_dump(mode="json") for grant in grants]
        print_json(document)
        return
    types = {field["name"]: field["type"] for field in entry.avro_schema["fields"]}
    print_table(
        f"{entry.id}: {entry.name} ({entry.sharing_class}), key {', '.join(entry.key_fields)}",
        ("field", "name", "type", "mark"),
        (
            (item.field, item.name, _type_text(types[item.field]), item.mark)
            for item in entry.data_items
        ),
    )
    today = local_date()
    print_table(
        "Grants",
        ("system", "reads", "withheld", "rows", "approval", "until", "in force"),
        (_grant_row(entry, grant, grant.is_in_force(today)) for grant in grants),
    )


def _type_text(avro_type: Any) -> str:
    if isinstance(avro_type, list):
        return " or ".join(_type_text(branch) for branch in avro_type)
    if isinstance(avro_type, dict):
        return str(avro_type.get("logicalType", avro_type["type"]))
    return str(avro_type)


def _grant_row(entry: CatalogEntry, grant: Grant, is_in_force: bool) -> tuple[object, ...]:
    withheld = [name for name in entry.field_names if name not in grant.fields]
    return (
        grant.system,
        topics.view_topic(entry.id, view_of_grant(entry, grant).name),
        ", ".join(withheld) or "nothing",
        _filter_text(grant.row_filter),
        grant.approval,
        grant.term.last_day,
        "yes" if is_in_force else "no",
    )


def _filter_text(row_filter: RowFilter | None) -> str:
    if row_filter is None:
        return "all"
    return " and ".join(
        f"{condition.field} {'is' if condition.one_of else 'begins with'} "
        + " or ".join(sorted(condition.one_of or condition.starts_with or ()))
        for condition in row_filter.all
    )


def _init(
    file: Annotated[Path, typer.Argument(help="A CSV file with a header.")],
    entry: Annotated[
        str | None, typer.Option("--entry", help="Id of the new entry; else the file's name.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Where to write the draft.")] = Path(),
    encoding: Annotated[
        Encoding | None, typer.Option("--encoding", help="Detected when not given.")
    ] = None,
) -> None:
    """Draft an entry and its schema from a CSV file, for people to complete and review."""
    entry_id = entry or file.stem.lower().replace("_", "-")
    draft = draft_entry(inspect_file(file, encoding), entry_id, f"{entry_id}.avsc")
    out.mkdir(parents=True, exist_ok=True)
    texts = {out / f"{entry_id}.yaml": draft.entry, out / f"{entry_id}.avsc": draft.avro_schema}
    for path in texts:
        if path.exists():
            raise InvalidInput(
                "The draft would overwrite a file.", where=str(path), remedy="Give another --out."
            )
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
        print_line(path)
    print_note("Complete the YAML file, then try it with `sharebus catalog apply --dry-run`.")
