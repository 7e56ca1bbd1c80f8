"""Cases on the screen: lists, one case with its whole history and clocks, and what waits."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sharebus.cli.output import print_json, print_note, print_table
from sharebus.cli.role_title import role_title
from sharebus.governance.agency import Officer
from sharebus.governance.case import Case, RunningClock
from sharebus.governance.holdings import IN_SUM
from sharebus.governance.lifecycles import LIFECYCLES
from sharebus.governance.local_time import local_datetime
from sharebus.infra.case_keys import CaseKeys
from sharebus.infra.settings import load_settings
from sharebus.producers.desk import CaseVersion, Task
from sharebus.schemas.sealed_text import key_id_of


def show_case(history: Sequence[CaseVersion], as_json: bool) -> None:
    """One case: what it states, its history with the articles, and its clocks; on one screen."""
    latest = history[-1]
    if as_json:
        print_json(
            {
                **case_document(latest.case),
                "history": [version_document(version) for version in history],
            }
        )
        return
    case = latest.case
    print_table(f"{case.case_kind} {case.id}: {case.state}", ("", ""), _facts(case))
    show_in_sum(case)
    show_history(history)
    if case.clocks:
        print_table(
            "Clocks",
            ("step", "who", "due", "article", "because"),
            (
                (clock.step, role_title(clock.actor), _due_text(clock), clock.basis, clock.because)
                for clock in case.clocks
            ),
        )


def show_in_sum(case: Case) -> None:
    """What the agency of a request would hold in sum, as far as the one who looks may know."""
    stated = case.content.get(IN_SUM)
    if stated is None:
        return
    news = "" if stated["joinable"] else ": nothing new is joined"
    print_note(f"In sum {case.subscriber} would hold {_counted(stated)}{news}.")
    if not stated["joinable"]:
        return
    print_table(
        "Newly joinable (Order 809 Art 25)",
        ("about", "joined", "held of", "new"),
        (
            (
                ", ".join(each["key"]),
                _counted(each),
                _fields_by_entry(each.get("held")),
                _fields_by_entry(each.get("new")),
            )
            for each in stated["joinable"]
        ),
    )
    if stated["more"]:
        print_note(f"{stated['more']} more combinations are not named.")


def show_history(history: Iterable[CaseVersion]) -> None:
    """A line for each version: who made it, under which article, and what was due then."""
    print_table(
        "History",
        ("version", "at", "move", "state", "by", "officer", "article", "clocks then"),
        (_history_row(version) for version in history),
    )


def show_cases(title: str, versions: Iterable[CaseVersion], as_json: bool) -> None:
    """A line for each case."""
    found = list(versions)
    if as_json:
        print_json([case_document(version.case) for version in found])
        return
    print_table(
        title,
        ("case", "about", "state", "provider", "subscriber", "since", "due"),
        (
            (
                case.id, subject_of(case), case.state, case.provider or "", case.subscriber or "",
                time_text(case.changed_ms), _next_due(case.clocks),
            )
            for case in (version.case for version in found)
        ),
    )  # fmt: skip


def show_tasks(agency: str, tasks: Sequence[Task], as_json: bool) -> None:
    """What waits for an agency."""
    if as_json:
        print_json([_task_document(task) for task in tasks])
        return
    if not tasks:
        print_note(f"Nothing waits for {agency}.")
        return
    print_table(
        f"Waits for {agency}",
        ("case", "about", "state", "step", "you may", "due", "article"),
        (
            (
                f"{task.case.case_kind} {task.case.id}", subject_of(task.case), task.case.state,
                word_of(task.step), ", ".join(word_of(verb) for verb in task.verbs),
                _due_of(task), task.basis,
            )
            for task in tasks
        ),
    )  # fmt: skip


def case_document(case: Case) -> dict[str, Any]:
    """The case for programs: clocks without the rows that they count by."""
    persons = {"officer": _person(case, case.officer), "head": _person(case, case.head)}
    return {**_stated(case), **persons}


def _stated(case: Case) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        case.model_dump_json(exclude={"kind": True, "clocks": {"__all__": {"clock"}}})
    )
    return document


def version_document(version: CaseVersion) -> dict[str, Any]:
    """A version for programs."""
    return {
        "version": version.case.version, "at": time_text(version.decided_ms),
        "decided_ms": version.decided_ms, "verb": version.verb, "state": version.case.state,
        "author": version.author, "basis": version.basis,
        "officer": _person(version.case, version.case.officer),
        "clocks": _stated(version.case)["clocks"],
        "audit": f"{version.audit_writer}/{version.audit_sequence}",
    }  # fmt: skip


def subject_of(case: Case) -> str:
    """What a case is about, in a few words."""
    content = case.content
    for name in ("entry", "about", "content_item", "content", "entries", "action", "reason"):
        if content.get(name):
            value = content[name]
            return ", ".join(value) if isinstance(value, list | tuple) else str(value)
    document = content.get("document")
    if isinstance(document, dict):
        return str(document.get("entry") or document.get("name") or "")
    return ""


def word_of(verb: str) -> str:
    """A verb as it is typed."""
    return verb.replace("_", "-")


def time_text(at_ms: int) -> str:
    """A local instant, to the minute."""
    return local_datetime(at_ms).strftime("%Y-%m-%d %H:%M")


def is_closed(case: Case) -> bool:
    """Whether nothing moves it any more."""
    return case.state in LIFECYCLES[case.case_kind].final_states


def _facts(case: Case) -> Iterable[tuple[str, str]]:
    for name, value in (
        ("provider", case.provider), ("subscriber", case.subscriber),
        ("jurisdiction", case.jurisdiction), ("opened", time_text(case.opened_ms)),
        ("consents", ", ".join(sorted(case.consents))),
    ):  # fmt: skip
        if value:
            yield name, value
    for name, value in case.content.items():
        if name == IN_SUM:
            continue
        yield name.replace("_", " "), _text(value)


def _counted(stated: Mapping[str, Any]) -> str:
    marked = ", ".join(f"{count} {mark}" for mark, count in stated["marked"].items())
    text = f"{stated['fields']} fields of {stated['entries']} entries"
    return f"{text} ({marked})" if marked else text


def _fields_by_entry(named: Mapping[str, Mapping[str, str]] | None) -> str:
    """``entry: field, field (mark)``; empty for whoever may not know."""
    return "; ".join(
        f"{entry}: "
        + ", ".join(f"{name} ({mark})" if mark != "none" else name for name, mark in fields.items())
        for entry, fields in (named or {}).items()
    )


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and value.keys() == {"first_day", "last_day"}:
        return f"{value['first_day']} to {value['last_day']}"
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _person(case: Case, officer: Officer | None) -> dict[str, str] | None:
    """Who acted in a case, by name where its key is here."""
    if officer is None:
        return None
    name = officer.name
    if key_id_of(name) is not None:  # most are not: nothing is read for those
        name = CaseKeys(load_settings()).shown(name, f"{case.case_kind}/{case.id}")
    return {"name": name, "title": officer.title}


def _history_row(version: CaseVersion) -> tuple[object, ...]:
    officer = _person(version.case, version.case.officer)
    return (
        version.case.version, time_text(version.decided_ms), word_of(version.verb),
        version.case.state, version.author or "the clock",
        f"{officer['name']}, {officer['title']}" if officer else "", version.basis,
        "; ".join(f"{clock.step} {_due_text(clock)}" for clock in version.case.clocks),
    )  # fmt: skip


def _next_due(clocks: Sequence[RunningClock]) -> str:
    running = [clock for clock in clocks if clock.due_ms is not None]
    if not running:
        return ""
    first = min(running, key=lambda clock: clock.due_ms or 0)
    return f"{first.step}: {_due_text(first)}"


def _due_text(clock: RunningClock) -> str:
    remark = _remark(clock)
    return f"{clock.local} ({remark})" if remark else clock.local


def _remark(clock: RunningClock) -> str:
    if clock.overdue:
        return "overdue"
    if clock.due_ms is None:
        return clock.because
    return "provisional" if clock.provisional else ""


def _due_of(task: Task) -> str:
    mark = "overdue" if task.is_overdue else "provisional" if task.is_provisional else ""
    return " ".join(filter(None, [task.due, f"({mark})" if mark else ""]))


def _task_document(task: Task) -> dict[str, Any]:
    return {
        "case_kind": task.case.case_kind, "case": task.case.id, "about": subject_of(task.case),
        "state": task.case.state, "version": task.case.version,
        "verbs": [word_of(verb) for verb in task.verbs], "step": task.step, "due": task.due,
        "due_ms": task.due_ms, "basis": task.basis, "provisional": task.is_provisional,
        "overdue": task.is_overdue,
    }  # fmt: skip
