"""Power is cut: what was acknowledged, decided and signed is there afterwards."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import NewTopic

from sharebus.consumers.oversight.files_verification import verify_files
from sharebus.consumers.oversight.topic_verification import verify_topic
from sharebus.consumers.oversight.trust import Trust
from sharebus.infra.embedded.kafka import EmbeddedKafka
from sharebus.infra.embedded.registry import EmbeddedRegistry
from sharebus.infra.tile_directory import TileDirectory, ledger_directory
from sharebus.schemas.topic import AUDIT
from sharebus.stream_apps.notary.signing import load_policy, load_signer

from ..app_process import AppProcess, wait_until
from ..conftest import BrokerUnderTest, embedded_settings
from ..gate.test_gate_exactly_once import Site
from ..world import World, refused_by_broker
from .power_cut import Loss, PowerCut

pytestmark = pytest.mark.integration

PROGRAM = """
import os
def write(name, data, is_synced):
    with open(name, "ab") as file:
        file.write(data)
        file.flush()
        if is_synced:
            os.fsync(file.fileno())
write("never", b"lost", False)
write("twice", b"kept", True)
write("twice", b"lost", False)
write("early", b"early", True)
os.rename("early", "moved")
write("new", b"new", True)
os.rename("new", "old")
os.kill(os.getpid(), 9)
"""


def test_a_cut_leaves_what_was_synced_and_undoes_what_was_renamed_later(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "old").write_bytes(b"old")
    power = PowerCut(tmp_path / "cut", disk)
    with power.watched():
        ended = subprocess.run([sys.executable, "-c", PROGRAM], cwd=disk, check=False)
    assert ended.returncode == -9
    assert {loss.path.name: loss.left for loss in power.cut()} == {"never": 0, "twice": 4}
    left = {path.name: path.read_bytes() for path in disk.iterdir()}
    assert left == {"old": b"old", "new": b"new", "moved": b"early", "twice": b"kept"}


class Machine:
    """Broker, gate and notary of a bus under load, which all lose their power at one time."""

    def __init__(self, world: World, power: PowerCut) -> None:
        self.world, self.power = world, power
        self.notary = AppProcess(world.settings, "notary", "notary")
        for app in (world.gate, self.notary):
            app.environment |= power.environment
            app.start()

    def lose_power(self) -> list[Loss]:
        """What that takes; then all of them start again."""
        kafka = self.world.broker.kafka
        # The broker first: whoever lives on could only hear of what it had done.
        for process in (kafka, self.world.gate, self.notary):
            process.kill()
        lost = self.power.cut()
        kafka.start()
        self.world.gate.start(is_ready=False)
        self.notary.start()
        return lost

    def verified_size(self) -> int:
        """How many records are signed, once topic and files were verified from the first on."""
        settings = self.world.settings
        trust = Trust(load_policy(settings, load_signer(settings).key))
        files = TileDirectory(ledger_directory(settings))
        verify_files(files, trust, None)
        config = self.world.admin_config
        found = verify_topic(config, trust, None, is_full=True, files=files)
        return found.log.checkpoint.size


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    settings = embedded_settings(
        tmp_path / "data", flush_every_message=True, gate_session_timeout_ms=2_000
    )
    kafka = EmbeddedKafka(settings)
    roots = [kafka.directory, ledger_directory(settings), settings.data_dir / "gate-0"]
    power = PowerCut(tmp_path / "cut", *roots)
    try:
        with power.watched():
            kafka.start()
        with EmbeddedRegistry(settings):
            world = World(BrokerUnderTest(settings, kafka), settings)
            machine = Machine(world, power)
            yield machine
            machine.notary.stop()
            world.close()
    finally:
        kafka.kill()


def test_power_cut_under_load_loses_and_doubles_nothing_but_where_messages_are_not_flushed(
    machine: Machine,
) -> None:
    world = machine.world
    unflushed = {"flush.messages": str(2**63 - 1)}
    new = NewTopic("unflushed", 1, 1, config=unflushed)
    world.broker.admin.create_topics([new])["unflushed"].result(60)
    assert refused_by_broker(world.admin_config, "unflushed") is None
    site = Site(world)
    with site.load:
        site.wait_for_progress(300)
        seen = [value for _, value in world.audit()]
        signed = machine.verified_size()
        lost = {(loss.path.parent.name, loss.path.suffix) for loss in machine.lose_power()}
        site.wait_for_progress(100)
    # A cut that could take nothing would prove nothing.
    assert ("unflushed-0", ".log") in lost
    assert world.records("unflushed") == []
    site.assert_exactly_once()
    found: list[bytes | None] = []
    world.reader.read(AUDIT, 0, 0, lambda message: found.append(message.value()))
    assert found[: len(seen)] == seen
    wait_until(lambda: machine.verified_size() >= len(found), "all of it is signed")
    assert 0 < signed < len(found)
