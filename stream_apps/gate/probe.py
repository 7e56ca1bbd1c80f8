"""Finds the events over which a gate dies, in a child with a memory limit that may die of them.

``python -m sharebus.stream_apps.gate.probe ENTRY PARTITION START END`` decides these offsets one by
one, writes nothing to the bus, and prints each offset before it decides it: the last one printed by
a child that died is the one it died of.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from confluent_kafka import Message

from sharebus import InvalidInput, SharebusError
from sharebus.infra import child_process
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.embedded.secrets import key_path
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import Settings, load_settings
from sharebus.ledger.chain import WriterHead
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.topic import ingress_topic
from sharebus.stream_apps.audit import Source, seal
from sharebus.stream_apps.fault import fault_text
from sharebus.stream_apps.gate.intake import arrival_of
from sharebus.stream_apps.gate.key_set import KeySetFile
from sharebus.stream_apps.gate.lane import Lane
from sharebus.stream_apps.gate.policy import Policy
from sharebus.stream_apps.gate.release import ViewState
from sharebus.stream_apps.in_hand import Harmful, Suspect
from sharebus.stream_apps.stopped import EXIT_RESTART, AppStopped

CHILDREN_MAX: Final = 10
"""Events found at most in one go; the batch is cut after the last."""
MEMORY_BYTES_MAX: Final = 1 << 30
"""An event of at most 1 MB needs far less; what would take the machine's memory ends the child."""
SILENCE_SECONDS_MAX: Final = 30.0


def find_harmful(suspect: Suspect, log: Path) -> Harmful:
    """Decide the suspect's offsets in children until one lives, or enough were found.

    ``log`` takes what the children say.

    :raises AppStopped: a child could not work, for a reason that is not an event's.
    """
    offsets: set[int] = set()
    position = suspect.start
    while position < suspect.end and len(offsets) < CHILDREN_MAX:
        died_at = _died_at(suspect, position, log)
        if died_at is None:
            return Harmful(suspect.entry, suspect.partition, frozenset(offsets), suspect.end)
        offsets.add(died_at)
        position = died_at + 1
    return Harmful(suspect.entry, suspect.partition, frozenset(offsets), position)


def _died_at(suspect: Suspect, start: int, log: Path) -> int | None:
    log.unlink(missing_ok=True)
    where = (suspect.entry, str(suspect.partition), str(start), str(suspect.end))
    child = child_process.start([sys.executable, "-m", __name__, *where], log=log)
    last, heard = "", time.monotonic()
    while True:
        try:
            code = child.wait(0.1)
        except subprocess.TimeoutExpired:
            code = None
        word = _last_offset(log)
        if word != last:
            last, heard = word, time.monotonic()
        if code == 0:
            return None
        if code == EXIT_RESTART or (code is not None and not last):
            raise AppStopped(
                "suspected events cannot be looked at", found=child_process.last_lines(log)
            )
        if code is not None:
            return int(last)
        if time.monotonic() > heard + SILENCE_SECONDS_MAX:
            child_process.kill_group(child)
            if not last:
                raise AppStopped("suspected events cannot be looked at", found="no answer")
            return int(last)


def _last_offset(log: Path) -> str:
    words = [line for line in log.read_text(errors="replace").splitlines() if line.isdigit()]
    return words[-1] if words else ""


def main() -> None:
    """Decide the offsets named on the command line."""
    entry, partition, start, end = sys.argv[1], *map(int, sys.argv[2:5])
    try:
        _decide(load_settings(), entry, partition, start, end)
    except SharebusError as stopped:
        print(stopped, flush=True)
        sys.exit(EXIT_RESTART)
    except Exception as fault:  # an event's, whose offset is printed already
        print(fault_text(fault), flush=True)
        sys.exit(1)


def _decide(settings: Settings, entry: str, partition: int, start: int, end: int) -> None:
    config = client_config(settings, credentials_for(settings, "gate"))
    digest = AuditDigest(bytes.fromhex(key_path(settings, "audit_key").read_text().strip()))
    policy = Policy(config, bytes.fromhex(key_path(settings, "view_key").read_text().strip()))
    policy.learn()
    try:
        plan = policy.plan_of(entry)
    except InvalidInput:
        return  # the entry is held back for that, and nothing of it is opened
    topic = ingress_topic(entry)
    lane = Lane(entry, partition, "probe", digest)
    key_sets = KeySetFile(Path(":memory:"))
    for view in plan.views if plan else ():
        key_set = key_sets.open(view.topic, partition, "probe")
        lane.views[view.name] = ViewState(live=True, cursor=0, key_set=key_set)
    source = Source(entry, topic, partition, "probe", policy.version, 0)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))

    def take(message: Message) -> None:
        arrival = arrival_of(message)
        if arrival[0] < end:
            print(arrival[0], flush=True)
            decision = lane.decide(plan, [arrival])
            seal(decision.lines, source, WriterHead("probe"), 0, digest.delivery)

    LogReader(config).read(topic, partition, start, take, end - start)


if __name__ == "__main__":
    main()
