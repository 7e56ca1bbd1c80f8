"""Reviewed files come in by commands of the founder, beside a registrar and without one."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from sharebus import InvalidInput, Refused
from sharebus.consumers.oversight.replay import read_written, replay
from sharebus.governance.founder import Founder
from sharebus.governance.identity import FOUNDER
from sharebus.infra.audit_key import audit_digest
from sharebus.infra.embedded import secrets
from sharebus.infra.embedded.kafka import EmbeddedKafka
from sharebus.infra.embedded.registry import EmbeddedRegistry
from sharebus.infra.private_key import key_path, new_key
from sharebus.infra.settings import Settings
from sharebus.schemas import topic as topics
from sharebus.schemas.command import Command, command_record, sign
from sharebus.schemas.record import command, command_answer
from sharebus.stream_apps.enforcer.apply import close_founding
from sharebus.stream_apps.enforcer.plan import FactChanges
from sharebus.stream_apps.enforcer.publish import CATALOG, FactsPublisher
from sharebus.stream_apps.transaction import SchemaIds

from ..app_process import wait_until
from ..town import Town
from .hall import OFFICER, Hall, send_as_administrator

pytestmark = pytest.mark.integration


def test_running_registrar_decides_what_is_applied_and_is_not_fenced(hall: Hall) -> None:
    pid = hall.registrar.pid
    entry = hall.entry()
    hall.world.apply(entry)
    hall.world.audit()
    writers = [
        batch["writer"]
        for batch, _ in hall.world._batches
        if batch["source_topic"] == topics.commands_topic(FOUNDER)
    ]
    assert set(writers) == {"registrar"}
    assert hall.answer(hall.request(entry, f"req-{uuid.uuid4().hex[:6]}"))["outcome"] == "accepted"
    assert (hall.registrar.pid, hall.registrar.poll()) == (pid, None)


def test_old_file_over_what_a_command_decided_is_refused_and_changes_nothing(hall: Hall) -> None:
    entry, other = hall.entry(), hall.entry()
    hall.world.apply(entry)
    frozen = hall.give(hall.coordinator, "entry", entry.id, "freeze", {"reason": "泄露"})
    assert hall.answer(frozen)["outcome"] == "accepted"
    with pytest.raises(Refused) as refused:
        hall.world.apply(other, entry)
    assert "use the lifecycle's commands" in refused.value.expected
    facts = hall.world.facts_now()
    assert facts.entries[entry.id].suspended
    assert other.id not in facts.entries


def test_command_that_the_founder_did_not_sign_is_refused(hall: Hall) -> None:
    key = new_key("ed25519")
    unsigned = Command.model_validate(
        {
            "id": str(uuid.uuid4()), "case": FOUNDER, "case_kind": "founding", "seen_version": 1,
            "verb": "close", "body": {"reason": "示例"}, "officer": OFFICER,
        }
    )  # fmt: skip
    forged = sign(FOUNDER, unsigned, key=key.id, algorithm="ed25519", private_key=key.secret)
    schema_id = SchemaIds.of_facts(hall.world.facts_now()).of(command().subject)
    value = command().encode(schema_id, command_record(forged))
    send_as_administrator(hall.world, topics.commands_topic(FOUNDER), value)

    def answers() -> list[dict[str, Any]]:
        records = hall.world.records(topics.notices_topic(FOUNDER))
        wanted = f"@answer/{forged.id}".encode()
        return [
            command_answer().decode(each.value() or b"") for each in records if each.key() == wanted
        ]

    (answer,) = wait_until(answers, "the forged command is answered")
    assert answer["outcome"] == "refused"
    assert answer["problem"] == "the command is signed with a key that is not the agency's"


def test_second_founder_counts_nowhere_and_after_the_closing_no_file_does(
    own_settings: Settings, tmp_path: Path
) -> None:
    secrets.create_missing(own_settings)
    with EmbeddedKafka(own_settings), EmbeddedRegistry(own_settings):
        town = Town(own_settings, uuid.uuid4().hex[:8])
        town.apply(town.entry())
        founder = town.facts().founder
        assert founder is not None
        assert key_path(own_settings, FOUNDER).stat().st_mode & 0o777 == 0o600
        digest = audit_digest(own_settings)
        assert replay(read_written(town.admin_config, digest), founder) == []

        second = Founder(name="another", keys=(new_key("ed25519").public,))
        with FactsPublisher(town.admin_config, digest, CATALOG) as publisher:
            facts = town.facts()
            ids = {subject: max(by_id) for subject, by_id in facts.schemas.items()}
            publisher.publish(FactChanges((second,), ()), ids, facts.version, "by hand")
        assert town.facts().founder == founder
        town.apply(town.entry(), town.entry("alleys"))
        (found,) = replay(read_written(town.admin_config, digest))
        assert found.where.endswith("founder founder")

        close_founding(own_settings, "各机关已有密钥")
        with pytest.raises(Refused, match="take_over is no move"):
            town.apply(town.entry("squares"))
        assert f"squares-{town.tag}" not in town.facts().entries
        assert town.apply(town.entry()).is_empty
        with pytest.raises(Refused):
            close_founding(own_settings, "again")

        key_path(own_settings, FOUNDER).rename(tmp_path / "founder.toml")
        with pytest.raises(InvalidInput, match="key is not here"):
            town.apply(town.entry("squares"))
