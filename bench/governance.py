"""How large a city fits on one broker? Plans, changes and restarts, at any size.

    python bench/governance.py
        1,000 entries, 100 agencies, 10,000 grants, 500 views
    python bench/governance.py --entries 20 --agencies 5 --grants 50 --views 10
        a small run

It applies the city to an embedded broker, then measures what follows every change and every start:
the full plan, one more grant, and how long each app takes to start and what memory it holds. Beside
the running enforcer it publishes decisions, each a grant of a new view, and waits until it stands.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer
from bench_city import CitySize, city, grant_of
from bench_stage import Stage, stage
from rich.console import Console
from rich.table import Table

from sharebus.governance.collection import Collection
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.grant import Grant
from sharebus.governance.takeover import check_documents, merged_facts
from sharebus.infra.audit_key import audit_digest
from sharebus.infra.catalog_files import CatalogFiles
from sharebus.infra.facts_reader import FactsReader
from sharebus.schemas.record import platform_records
from sharebus.schemas.topic import FACTS_POLICY
from sharebus.stream_apps.enforcer import office
from sharebus.stream_apps.enforcer.apply import apply_catalog
from sharebus.stream_apps.enforcer.desired import desired_broker
from sharebus.stream_apps.enforcer.plan import FactChanges
from sharebus.stream_apps.enforcer.publish import CATALOG, FactsPublisher

READY_SECONDS_MAX: Final = 300.0
DECISIONS: Final = 10
_say = Console(stderr=True).print


def main(
    entries: Annotated[int, typer.Option(min=1)] = 1_000,
    agencies: Annotated[int, typer.Option(min=2)] = 100,
    grants: Annotated[int, typer.Option(min=1)] = 10_000,
    views: Annotated[int, typer.Option(min=1)] = 500,
    is_json: Annotated[bool, typer.Option("--json", help="Print JSON alone.")] = False,
) -> None:
    """Measure a city; figures are seconds unless they say otherwise."""
    size = CitySize(agencies, entries, grants, views)
    figures: dict[str, float] = {}
    documents, today = city(size), date(2026, 11, 25)

    def timed(name: str, work: Callable[[], object]) -> None:
        _say(f"{name} …")
        started = time.perf_counter()
        work()
        figures[name] = round(time.perf_counter() - started, 3)

    timed("check_documents", lambda: _require(not check_documents(PolicyFacts(), documents)))
    merged = merged_facts(PolicyFacts(), documents, today)
    timed("desired_state", lambda: desired_broker(merged, today))
    desired = desired_broker(merged, today)
    figures |= {
        "topics": len(desired.topics), "rights": len(desired.rules),
        "schemas": len(desired.schemas),
    }  # fmt: skip
    with stage() as on:
        files = CatalogFiles(documents, {})
        timed("first_application", lambda: apply_catalog(on.settings, files))
        timed("full_plan", lambda: _require(apply_catalog(on.settings).is_empty))
        new = grant_of("g-new", 0, size.agencies - 1)
        change = CatalogFiles(Collection((), (), (new,)), {})
        timed("one_change", lambda: apply_catalog(on.settings, change))
        _measure_app(on, "gate", "serving entry-", size.entries, figures)
        _measure_app(on, "registrar", "registrar is ready", 1, figures)
        new_views = [
            grant_of(f"g-view-{number}", number, size.agencies - 1).model_copy(
                update={"fields": new.fields[:-1]}
            )
            for number in range(min(DECISIONS, size.views))
        ]

        def beside_the_enforcer() -> None:
            _measure_decisions(on, new_views, figures)
            with on.app("registrar") as process:
                _wait_until_said(on, "registrar", process, "registrar is ready", 2)
                beside = grant_of("g-beside", 1, size.agencies - 1)
                change = CatalogFiles(Collection((), (), (beside,)), {})
                timed("one_change_beside_apps", lambda: apply_catalog(on.settings, change))

        _measure_app(on, "enforcer", " stands; rights ended", 1, figures, beside_the_enforcer)
    if is_json:
        typer.echo(json.dumps(figures))
        return
    table = Table("figure", "value", title=f"{size}")
    for name, value in figures.items():
        table.add_row(name, f"{value:,g}")
    Console().print(table)


def _measure_app(
    on: Stage,
    app: str,
    word: str,
    times: int,
    figures: dict[str, float],
    work: Callable[[], None] = lambda: None,
) -> None:
    """From the start of an app until its log has said a word so often; its memory after work."""
    _say(f"{app} …")
    started = time.perf_counter()
    with on.app(app) as process:
        _wait_until_said(on, app, process, word, times)
        figures[f"{app}_start"] = round(time.perf_counter() - started, 3)
        work()
        status = Path(f"/proc/{process.pid}/status").read_text()
        sizes = dict(line.split(":", 1) for line in status.splitlines())
        for figure, name in (("memory_mb", "VmRSS"), ("memory_largest_mb", "VmHWM")):
            figures[f"{app}_{figure}"] = round(int(sizes[name].split()[0]) / 1024, 1)


def _wait_until_said(
    on: Stage, app: str, process: subprocess.Popen[bytes], word: str, times: int
) -> None:
    started = time.perf_counter()
    while on.log_of(app).read_text(errors="replace").count(word) < times:
        if process.poll() is not None:
            sys.exit(f"the {app} ended with {process.returncode}; see its log")
        if time.perf_counter() - started > READY_SECONDS_MAX:
            sys.exit(f"the {app} is not ready after {READY_SECONDS_MAX:g} s")
        time.sleep(0.05)


def _measure_decisions(on: Stage, decided: list[Grant], figures: dict[str, float]) -> None:
    """Each from the decision's commit until the broker matches: topic, schema and rights."""
    reader = FactsReader(on.admin_config)
    reader.catch_up()
    schemas = reader.facts.schemas
    ids = {record.subject: max(schemas[record.subject]) for record in platform_records()}
    seconds = []
    with FactsPublisher(on.admin_config, audit_digest(on.settings), CATALOG) as publisher:
        for grant in decided:
            reader.catch_up()
            version = reader.facts.version
            publisher.publish(FactChanges((grant,), ()), ids, version, FACTS_POLICY)
            started = time.perf_counter()
            office.wait_until_standing(on.admin_config, version + 1, READY_SECONDS_MAX)
            seconds.append(time.perf_counter() - started)
    reader.close()
    figures["decision_to_provisioned_median"] = round(statistics.median(seconds), 3)
    figures["decision_to_provisioned_largest"] = round(max(seconds), 3)


def _require(is_true: bool) -> None:
    if not is_true:
        sys.exit("the bench measured something else than it says")


if __name__ == "__main__":
    typer.run(main)
