"""What a decision of the registrar is written as: facts, cases, notices, and lines of the audit."""

from sharebus.governance.facts import PolicyFacts
from sharebus.schemas import topic as topics
from sharebus.schemas.record import command

from ...governance.docket import town
from .memory_registrar import MemoryRegistrar

FIVE = {"entry": "closed", "system": "tax.desk", "fields": ["code"], **town.FIVE}


def granted(registrar: MemoryRegistrar) -> str:
    """A request that was accepted; gives the id of the accepting command."""
    registrar.give("tax", "request", "r-1", "submit", **FIVE)
    registrar.decide()
    given = registrar.give("market", "request", "r-1", "accept", accepted_fields=["code"])
    registrar.decide()
    return given


def test_first_tick_makes_the_shipped_tables_facts(registrar: MemoryRegistrar) -> None:
    assert registrar.facts.clock_rules is not None
    assert registrar.facts.calendar is not None
    places = [line["place"] for line in registrar.lines() if line["kind"] == "tick"]
    assert places == [
        "tick",
        "docket_rules/docket-rules",
        "clock_rules/clock-rules",
        "calendar/calendar",
    ]
    # Every agency may know them.
    catalog = [record.key() for record in registrar.broker.topics[topics.SHARED_CATALOG]]
    assert catalog[-2:] == [b"clock_rules/clock-rules", b"calendar/calendar"]


def test_accepted_request_is_a_grant_that_the_audit_proves_and_both_sides_are_told(
    registrar: MemoryRegistrar,
) -> None:
    given = granted(registrar)
    assert registrar.facts.grants["r-1"].fields == ("code",)
    decided = [line for line in registrar.lines() if line["kind"] == "command"]
    assert [(line["outcome"], line["place"], line["route"]) for line in decided] == [
        ("accepted", "request submit", []),
        ("accepted", "request accept", []),
        ("accepted", "grant/r-1", [topics.FACTS_POLICY]),
    ]
    proved = registrar.digest.record(
        b"grant/r-1", registrar.broker.topics[topics.FACTS_POLICY][-1].value()
    )
    assert decided[-1]["digests"] == proved
    assert [answer["command"] for answer in registrar.answers("market")] == [given]
    for who in ("market", "tax"):
        told = registrar.broker.topics[topics.notices_topic(who)]
        assert b"@case/request/r-1" in [record.key() for record in told]
    # The grant holds no personal data and is nobody's business but that of those two.
    assert b"grant/r-1" not in [
        record.key() for record in registrar.broker.topics[topics.SHARED_CATALOG]
    ]


def test_notices_wait_in_the_decision_and_no_longer_once_they_are_announced(
    registrar: MemoryRegistrar,
) -> None:
    granted(registrar)
    waiting = [
        record.value()
        for record in registrar.broker.topics[topics.FACTS_PROGRESS]
        if (record.key() or b"") == b"unannounced/0"
    ]
    assert waiting[-1] is None
    assert any(waiting)


def test_each_command_of_a_batch_is_answered_in_its_order(registrar: MemoryRegistrar) -> None:
    given = [registrar.give("tax", "request", f"r-{n}", "submit", **FIVE) for n in range(20)]
    judged = registrar.decide()
    assert [each.command.id for each in judged if each.command] == given
    assert [answer["command"] for answer in registrar.answers("tax")] == given


def test_bad_commands_change_nothing_and_are_refused_each_by_its_rule(
    registrar: MemoryRegistrar,
) -> None:
    registrar.give("tax", "request", "r-1", "submit", **FIVE)
    registrar.decide()
    registrar.facts.apply(registrar.agency("health", suspended=True), registrar.facts.version)
    stood = dict(registrar.docket.cases)
    accept = {"kind": "request", "case": "r-1", "verb": "accept", "accepted_fields": ["code"]}
    registrar.give("market", signed_by="tax", **accept)
    registrar.give("tax", topic_of="market", **accept)
    registrar.give("market", **{**accept, "seen": 7})
    registrar.give("tax", **accept)
    registrar.give("health", **accept)
    registrar.write("market", b"no command")
    registrar.write("market", None)
    registrar.write("market", command().encode(1, {
        "id": "short", "case_kind": "request", "case": "r-1", "seen_version": 1, "verb": "accept",
        "body": "{", "officer": town.OFFICER,
    }))  # fmt: skip
    registrar.give(
        "market", **accept, comment="张三，公民身份号码１１０１０５１９４９１２３１００２ｘ。"
    )
    judged = registrar.decide()
    assert [each.rule for each in judged] == [
        "command.signature", "command.signature", "command.case", "command.case", "command.agency",
        "command.malformed", "command.malformed", "command.malformed", "command.personal",
    ]  # fmt: skip
    assert dict(registrar.docket.cases) == stood
    assert "r-1" not in registrar.facts.grants
    answers = [*registrar.answers("market"), *registrar.answers("health")]
    answers += registrar.answers("tax")[1:]
    assert [answer["outcome"] for answer in answers] == ["refused"] * 6
    assert all(answer["problem"] for answer in answers)
    lines = [line for line in registrar.lines() if line["outcome"] == "refused"]
    assert [line["rule"] for line in lines] == [each.rule for each in judged]
    # Nothing that anybody made up stands in the audit.
    assert {line["place"] for line in lines} == {"request accept", ""}


def test_forged_command_does_not_use_up_its_id(registrar: MemoryRegistrar) -> None:
    registrar.give("tax", "request", "r-1", "submit", **FIVE)
    registrar.decide()
    forged = registrar.give("market", "request", "r-1", "accept", signed_by="tax",
                            accepted_fields=["code"])  # fmt: skip
    registrar.decide()
    registrar.give("market", "request", "r-1", "accept", command_id=forged,
                   accepted_fields=["code"])  # fmt: skip
    registrar.decide()
    assert [answer["outcome"] for answer in registrar.answers("market")] == ["refused", "accepted"]


def test_command_that_comes_again_is_answered_again_and_changes_nothing(
    registrar: MemoryRegistrar,
) -> None:
    given = granted(registrar)
    kept, facts = registrar.kept(), len(registrar.broker.topics[topics.FACTS_POLICY])
    registrar.start()
    registrar.give("market", "request", "r-1", "accept", command_id=given, seen=1,
                   accepted_fields=["code"])  # fmt: skip
    (judged,) = registrar.decide()
    assert judged.outcome.is_repeated
    assert registrar.kept() == kept
    assert len(registrar.broker.topics[topics.FACTS_POLICY]) == facts
    first, second = registrar.answers("market")
    same = first.keys() - {"audit_sequence"}
    assert {name: first[name] for name in same} == {name: second[name] for name in same}
    assert registrar.lines()[-1]["outcome"] == "duplicate"


def test_registrar_that_starts_again_holds_what_it_held(registrar: MemoryRegistrar) -> None:
    granted(registrar)
    cases, due_ms = dict(registrar.docket.cases), registrar.docket.next_due_ms()
    facts = list(registrar.facts)
    registrar.start()
    assert dict(registrar.docket.cases) == cases
    assert registrar.docket.next_due_ms() == due_ms
    assert list(registrar.facts) == facts
    assert isinstance(registrar.facts, PolicyFacts)
