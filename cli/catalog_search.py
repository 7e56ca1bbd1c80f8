"""``sharebus catalog search`` and ``show --as``: what a subscriber finds, and may expect."""

import json
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from sharebus import InvalidInput, Refused
from sharebus.cli.catalog_due import due_document, due_rows, standing_of
from sharebus.cli.desk import AsOption, looking
from sharebus.cli.output import JsonOption, print_json, print_table
from sharebus.cli.role_title import role_title
from sharebus.governance.clock_tables import ClockTables
from sharebus.governance.entry import CatalogEntry, Conditional, Unconditional
from sharebus.governance.facts import NotSharedListing, PolicyFacts
from sharebus.infra.clock_tables import load_clock_rules, load_working_days
from sharebus.producers.desk import Desk
from sharebus.producers.desk.forecast import Forecast, forecast_request
from sharebus.producers.desk.sample_row import sample_row


def add_catalog_search(group: typer.Typer) -> None:
    """Add the command to the group ``catalog``."""
    group.command("search", epilog="Example:  sharebus catalog search 法人 --as nb-tax.levy")(
        _search
    )


def _search(
    word: Annotated[str, typer.Argument(help="A part of a name, a field or a domain.")],
    system: AsOption,
    as_json: JsonOption = False,
) -> None:
    """Find entries by what they are called, by their fields and by who provides them.

    What is not shared (不予共享) is found by its name, with the law that says so.
    """
    with looking(system) as desk:
        catalog = desk.catalog
    rows = sorted(_found(catalog, word.casefold()))
    if as_json:
        names = ("entry", "name", "class", "provider", "update", "found_in")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    print_table(
        f"Entries with '{word}'", ("entry", "name", "class", "provider", "update", "found in"), rows
    )


def show_entry(entry_id: str, system: str, as_json: bool) -> None:
    """An entry as a subscriber may know it, with the reply it may expect and a synthetic row.

    :raises InvalidInput: there is no such entry. :raises Refused: it is not shared.
    """
    with looking(system) as desk:
        entry = _entry(desk.catalog, entry_id)
        forecasts = {
            name: _forecast(desk, entry, fields)
            for name, fields in (
                ("fields without a mark", set(entry.field_names) - entry.marked_fields),
                ("all fields", set(entry.field_names)),
            )
            if fields
        }
        provider = desk.catalog.agencies.get(entry.provider.agency)
        due = standing_of(entry, desk.system, _tables(desk.catalog))
    name = provider.name if provider else entry.provider.agency
    if as_json:
        print_json({**_document(entry, name, forecasts), **due_document(entry, *due)})
        return
    about = [*_about(entry, name, forecasts), *due_rows(entry, *due)]
    print_table(f"{entry.id}: {entry.name}", ("", ""), about)
    sample = sample_row(entry)
    print_table(
        "Fields, with a synthetic row",
        ("field", "name", "mark", "key", "sample"),
        (
            (
                item.field, item.name, item.mark, "key" if item.field in entry.key_fields else "",
                json.dumps(sample[item.field], ensure_ascii=False),
            )
            for item in entry.data_items
        ),
    )  # fmt: skip


def _entry(catalog: PolicyFacts, entry_id: str) -> CatalogEntry:
    if entry_id in catalog.not_shared:
        listing = catalog.not_shared[entry_id]
        raise Refused(
            f"{listing.name} is not shared (不予共享)", where=entry_id, found=_basis(listing)
        )
    if entry_id not in catalog.entries:
        raise InvalidInput(
            "there is no such entry in the catalog", found=entry_id,
            expected="an id that `sharebus catalog search` shows",
        )  # fmt: skip
    return catalog.entries[entry_id]


def _found(catalog: PolicyFacts, word: str) -> Iterator[tuple[str, ...]]:
    for entry in catalog.entries.values():
        provider = catalog.agencies.get(entry.provider.agency)
        name = provider.name if provider else entry.provider.agency
        places = {
            "id": entry.id, "name": entry.name, "scope": entry.scope,
            "domain": entry.database.domain, "provider": f"{name} {entry.provider.agency}",
            **{f"field {item.field}": f"{item.field} {item.name}" for item in entry.data_items},
        }  # fmt: skip
        hits = [place for place, text in places.items() if word in text.casefold()]
        if hits and not entry.retired:
            yield (
                entry.id, entry.name, entry.sharing_class, name,
                f"{entry.update.frequency}: {entry.update.deadline}", ", ".join(hits),
            )  # fmt: skip
    for listing in catalog.not_shared.values():
        if word in f"{listing.id} {listing.name}".casefold():
            yield listing.id, listing.name, "not_shared", listing.agency, _basis(listing), "name"


def _basis(listing: NotSharedListing) -> str:
    return f"{listing.basis.instrument} Art {listing.basis.article}"


def _forecast(desk: Desk, entry: CatalogEntry, fields: set[str]) -> Forecast:
    facts = desk.catalog
    names = [name for name in entry.field_names if name in fields]
    now_ms = time.time_ns() // 1_000_000
    return forecast_request(facts, _tables(facts), entry, desk.system, names, now_ms)


def _tables(facts: PolicyFacts) -> ClockTables:
    rules = facts.clock_rules.table if facts.clock_rules else load_clock_rules()
    days = facts.calendar.table if facts.calendar else load_working_days()
    return ClockTables(rules, days, facts.calendar.corrections if facts.calendar else ())


def _about(
    entry: CatalogEntry, provider: str, forecasts: dict[str, Forecast]
) -> Iterator[tuple[str, str]]:
    sharing = entry.sharing
    yield "provider", f"{provider} ({entry.provider.agency})"
    yield "class", entry.sharing_class
    if isinstance(sharing, Conditional):
        yield "conditions", sharing.conditions
    if isinstance(sharing, Unconditional) and sharing.agencies:
        yield "agencies", ", ".join(sharing.agencies)
    yield "scope", entry.scope
    yield "update", f"{entry.update.frequency}: {entry.update.deadline}"
    yield "provided as", entry.provision_method
    yield (
        "return flow",
        (
            f"by {entry.division_field}, the entry's division_field"
            if entry.division_field
            else "none: the entry names no division_field"
        ),
    )
    yield "state", "suspended" if entry.suspended else "in force"
    for name, forecast in forecasts.items():
        yield f"if you asked today for {name}", _expectation(forecast)


def _expectation(forecast: Forecast) -> str:
    if forecast.refusal:
        return f"it would be refused: {forecast.refusal}"
    if forecast.is_at_once:
        return "granted at once (Order 171 Art 18)"
    return "; ".join(
        f"{clock.step} by the {role_title(clock.actor)} until {clock.local}"
        + (" (provisional)" if clock.provisional else "")
        + f", {clock.basis}"
        for clock in forecast.clocks
    ) or "no clock of the rule table runs"  # fmt: skip


def _document(entry: CatalogEntry, provider: str, forecasts: dict[str, Forecast]) -> dict[str, Any]:
    document: dict[str, Any] = entry.model_dump(mode="json", by_alias=True)
    document["provider_name"] = provider
    document["sample"] = sample_row(entry)
    document["expected_reply"] = {
        name.replace(" ", "_"): {
            "at_once": forecast.is_at_once, "refusal": forecast.refusal,
            "clocks": [
                clock.model_dump(mode="json", exclude={"clock"}) for clock in forecast.clocks
            ],
        }
        for name, forecast in forecasts.items()
    }  # fmt: skip
    return document
