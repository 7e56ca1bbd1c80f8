"""The rights of the apps that release and record: these and no others."""

from sharebus.stream_apps.enforcer.rights import gate_rules, registrar_rules


def test_gate_reads_what_it_decides_and_writes_what_it_releases() -> None:
    assert {str(rule) for rule in gate_rules()} == {
        *(f"ALLOW gate READ TOPIC {name}.*" for name in ("ingress", "accepted", "shared", "view")),
        "ALLOW gate READ TOPIC facts.*",
        *(f"ALLOW gate WRITE TOPIC {name}.*" for name in ("accepted", "shared", "view")),
        *(f"ALLOW gate WRITE TOPIC {name}.*" for name in ("deliveries", "quarantine", "notices")),
        "ALLOW gate WRITE TOPIC facts.progress",
        "ALLOW gate WRITE TOPIC audit",
        "ALLOW gate READ GROUP gate*",
        "ALLOW gate WRITE TRANSACTIONAL_ID gate*",
        "DENY gate WRITE TOPIC shared.catalog",
    }


def test_registrar_reads_commands_and_writes_facts_and_notices() -> None:
    assert {str(rule) for rule in registrar_rules()} == {
        "ALLOW registrar READ TOPIC commands.*",
        "ALLOW registrar READ TOPIC facts.*",
        "ALLOW registrar WRITE TOPIC notices.*",
        *(f"ALLOW registrar WRITE TOPIC facts.{name}" for name in ("policy", "cases", "progress")),
        "ALLOW registrar WRITE TOPIC shared.catalog",
        "ALLOW registrar WRITE TOPIC audit",
        "ALLOW registrar WRITE TRANSACTIONAL_ID registrar",
    }
