"""The same apps against a cluster that is not ours to start: settings alone, here with mTLS."""

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from sharebus.consumers.subscription import Subscription
from sharebus.governance.agency import Agency
from sharebus.governance.collection import Collection
from sharebus.governance.entry import CatalogEntry
from sharebus.infra.catalog_files import CatalogFiles
from sharebus.infra.embedded.certificates import CertificateAuthority
from sharebus.infra.settings import Settings, environment_of, load_settings
from sharebus.producers.provider import Provider
from sharebus.stream_apps.enforcer.apply import apply_catalog

pytestmark = pytest.mark.integration

READ_SECONDS_MAX = 60
OFFICER = {"name": "示例", "title": "专员"}


def external_settings(broker: Any, principal: str, folder: Path) -> Settings:
    """What an operator would set for one principal of a cluster with mTLS."""
    authority = CertificateAuthority(broker.settings)
    certificate, key = authority.issue_client(principal, folder)
    settings = broker.settings
    return load_settings(
        embedded=False,
        data_dir=folder / "data",
        bootstrap_servers=f"127.0.0.1:{settings.kafka_mtls_port}",
        registry_url=settings.registry_url,
        security_protocol="SSL",
        ssl_ca_file=authority.ca_path,
        ssl_certificate_file=certificate,
        ssl_key_file=key,
        metrics_port=settings.metrics_port,
        gate_instance=7,
        gate_session_timeout_ms=2_000,
    )


def documents(tag: str) -> CatalogFiles:
    agencies = [
        Agency.model_validate(
            {
                "id": f"{name}-{tag}",
                "code": f"{name.upper()}-{tag.upper()}",
                "name": name,
                "jurisdiction": "330200",
                "officer": OFFICER,
                "systems": [{"id": "main", "name": name, "roles": [role]}],
            }
        )
        for name, role in (("giver", "provider"), ("taker", "subscriber"))
    ]
    entry = CatalogEntry.model_validate(
        {
            "id": f"mtls-{tag}",
            "name": "示例",
            "scope": "示例",
            "jurisdiction": "330200",
            "avro_schema": {
                "type": "record",
                "name": "Thing",
                "fields": [{"name": "code", "type": "string"}, {"name": "n", "type": "long"}],
            },
            "key_fields": ["code"],
            "data_items": [
                {"field": f, "name": f, "origin": {"kind": "collected", "basis": "示例"}}
                for f in ("code", "n")
            ],
            "sharing": {"class": "unconditional"},
            "provider": {"agency": f"giver-{tag}", "system": "main", "officer": OFFICER},
            "update": {"frequency": "daily", "deadline": "示例"},
            "database": {"kind": "specialised", "domain": "示例"},
        }
    )
    return CatalogFiles(Collection(tuple(agencies), (entry,), ()), {})


def test_apps_with_certificates_alone_carry_events_from_provider_to_subscriber(
    broker: Any, registry: Settings, tmp_path: Path
) -> None:
    if not broker.settings.embedded:
        pytest.skip("the cluster under test is external already")
    tag = uuid.uuid4().hex[:8]
    apply_catalog(broker.settings, documents(tag))
    gate_settings = external_settings(broker, "gate", tmp_path / "gate")
    for name in ("audit_key", "view_key"):
        target = gate_settings.data_dir / "secrets" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((broker.settings.data_dir / "secrets" / name).read_bytes())
        target.chmod(0o600)
    giver = external_settings(broker, f"agency.giver-{tag}.main", tmp_path / "giver")
    taker = external_settings(broker, f"agency.taker-{tag}.main", tmp_path / "taker")
    log_path = tmp_path / "gate.log"
    argv = [sys.executable, "-m", "faust", "-A", "sharebus.stream_apps.gate.app", "worker",
            "--without-web"]  # fmt: skip
    with log_path.open("wb") as log:
        gate = subprocess.Popen(
            argv, env={**os.environ, **environment_of(gate_settings)}, stdout=log, stderr=log
        )
    try:
        with (
            Provider(f"mtls-{tag}", f"giver-{tag}.main", giver) as provider,
            provider.delivery("2026-11") as delivery,
        ):
            delivery.upsert_all({"code": f"c{n}", "n": n} for n in range(100))
        assert delivery.receipt is not None, log_path.read_text()[-2000:]
        assert delivery.receipt.outcome == "complete", log_path.read_text()[-2000:]
        with Subscription(f"mtls-{tag}", f"taker-{tag}.main", taker, from_start=True) as reader:
            rows = [event.row for event in reader.until_end()]
        assert sorted(row["n"] for row in rows if row) == list(range(100))
    finally:
        gate.terminate()
        gate.wait(READ_SECONDS_MAX)
