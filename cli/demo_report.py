"""What the demo tells at its end: who sent, who got, what was refused, what the audit holds."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from sharebus.cli.demo_log import SignedLog
from sharebus.cli.output import print_line, print_table
from sharebus.consumers.oversight.reconciliation import Books
from sharebus.governance.rule import RULE_TITLES, Rule


@dataclass
class Sent:
    """One delivery, by its provider's receipt."""

    entry: str
    system: str
    sent: int
    accepted: int
    refused: int
    duplicate: int
    outcome: str


@dataclass
class Received:
    """What one subscriber got of one entry."""

    entry: str
    system: str
    topic: str
    events: int
    expected: int
    rows_filtered: int
    fields_withheld: list[str]
    has_pseudonym_key: bool


@dataclass
class Turned:
    """An attempt that was turned away: by the broker itself, or by a rule of the gate."""

    attempt: str
    by: str
    reason: str


@dataclass
class Story:
    """All that happened."""

    sent: list[Sent] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    turned: list[Turned] = field(default_factory=list)
    audit_records: int = 0
    audit_lines: dict[str, int] = field(default_factory=dict)
    records_written: int = 0
    log: SignedLog | None = None
    problems: list[str] = field(default_factory=list)

    def take_audit(self, books: Books) -> None:
        """Count the audit, tell what the gate refused, and compare with the receipts."""
        self.audit_records = len(books.batches)
        lines: Counter[str] = Counter()
        rules: Counter[tuple[str, str, str]] = Counter()
        for batch, _ in books.batches:
            if batch["kind"] != "gate":
                continue
            for line in batch["lines"]:
                lines[line["outcome"]] += 1
                if line["outcome"] == "refused":
                    rules[batch["entry"], line["rule"], line["place"]] += 1
        self.audit_lines = dict(lines)
        self.records_written = sum(counts.total() for counts in books.written.values())
        for (entry, rule, place), count in sorted(rules.items()):
            title = RULE_TITLES[Rule(rule)]
            where = f" ({place})" if place else ""
            self.turned.append(
                Turned(f"{count} event(s) of {entry}", "gate", f"{rule}{where}: {title}")
            )
        for outcome in ("accepted", "refused", "duplicate"):
            promised = sum(getattr(sent, outcome) for sent in self.sent)
            if lines[outcome] != promised:
                self.problems.append(
                    f"receipts say {promised} {outcome}, the audit says {lines[outcome]}"
                )

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


def print_story(story: Story) -> None:
    """Tables for people, and the verdict."""
    print_table(
        "Sent by providers (提供)",
        ["entry", "system", "sent", "accepted", "refused", "duplicate", "delivery"],
        [
            (x.entry, x.system, x.sent, x.accepted, x.refused, x.duplicate, x.outcome)
            for x in story.sent
        ],
    )
    print_table(
        "Received by subscribers (获取)",
        ["entry", "system", "events", "rows filtered", "fields withheld", "key"],
        [
            (
                x.entry,
                x.system,
                x.events,
                x.rows_filtered,
                ", ".join(x.fields_withheld) or "none",
                "pseudonym" if x.has_pseudonym_key else "entity",
            )
            for x in story.received
        ],
    )
    print_table(
        "Refused", ["what", "by", "why"], [(x.attempt, x.by, x.reason) for x in story.turned]
    )
    lines = ", ".join(f"{count} {outcome}" for outcome, count in story.audit_lines.items())
    print_line(f"audit (监察): {story.audit_records} records; lines: {lines}")
    if story.log:
        print_line(
            f"log {story.log.origin}: {story.log.tree_size} records signed "
            f"{story.log.age_seconds:g} s ago, quorum {story.log.quorum}; the topic has that root"
        )
    for problem in story.problems:
        print_line(problem, mark="✗", colour="red")
    if not story.problems:
        print_line(
            f"the numbers add up: each of {story.records_written} records written is in the "
            "topic the audit names, once; each event sent is in the audit, once",
            mark="✓",
            colour="green",
        )
