"""How fast the notary signs an audit that is there, what it costs, and how fast it starts again.

Everything that is signed is on disk, as in production: files and directories are flushed, and each
checkpoint is committed. Run: ``python bench/notary.py --records 1000000 --bytes 300``.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from bench_stage import Stage, stage
from confluent_kafka import Producer
from rich.console import Console

from sharebus.infra.tile_directory import TileDirectory, ledger_directory
from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.note import Note
from sharebus.schemas.topic import AUDIT
from sharebus.stream_apps.enforcer.apply import apply_catalog

WAIT_SECONDS_MAX: Final = 1_800.0
_say = Console(stderr=True).print


def main(
    records: Annotated[int, typer.Option(min=1)] = 200_000,
    size: Annotated[int, typer.Option("--bytes", min=1, help="Of a record's value.")] = 300,
    is_flushed: Annotated[bool, typer.Option(help="Whether the broker flushes too.")] = False,
) -> None:
    """Measure; figures are of this machine, rates are records a second."""
    with stage(is_flushed=is_flushed) as on:
        apply_catalog(on.settings)
        _fill(on, records, size)
        figures: dict[str, float] = {"records": records, "bytes": size}
        _say("signing …")
        started = time.perf_counter()
        with on.app("notary") as notary:
            first = _wait_for_size(on, notary, 1)
            ready = time.perf_counter()
            at_start = first, _cpu_seconds(notary)
            _wait_for_size(on, notary, records)
            wall = time.perf_counter() - ready
            cpu = _cpu_seconds(notary) - at_start[1]
            signed = records - at_start[0]
            figures |= {
                "per_second": signed / wall, "per_cpu_second": signed / cpu,
                "wall_seconds": wall, "start_seconds": ready - started,
                "resident_peak_mb": _status_kb(notary, "VmHWM") / 1024,
                "resident_mb": _status_kb(notary, "VmRSS") / 1024,
            }  # fmt: skip
        _say("starting again …")
        count = on.log_of("notary").read_text().count("notary is ready")
        started = time.perf_counter()
        with on.app("notary") as notary:
            while on.log_of("notary").read_text().count("notary is ready") == count:
                _require_running(notary)
                time.sleep(0.02)
            figures["start_again_seconds"] = time.perf_counter() - started
        files = [path for path in ledger_directory(on.settings).rglob("*") if path.is_file()]
        figures |= {
            "files": len(files), "disk_mb": sum(path.stat().st_size for path in files) / 2**20,
        }  # fmt: skip
    typer.echo(json.dumps({name: round(value, 2) for name, value in figures.items()}))


def _fill(on: Stage, records: int, size: int) -> None:
    _say(f"writing {records:,} records of {size} bytes …")
    producer: Producer = on.producer()
    # Half of an audit record is digests, which no compression makes smaller.
    values = [secrets.token_bytes(size // 2) + bytes(size - size // 2) for _ in range(1_000)]
    for number in range(records):
        while True:
            try:
                producer.produce(AUDIT, values[number % 1_000], b"bench", 0)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()


def _wait_for_size(on: Stage, notary: "subprocess.Popen[bytes]", size: int) -> int:
    """The size of the public checkpoint once it is at least so large."""
    files = TileDirectory(ledger_directory(on.settings))
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline:
        data = files.read_checkpoint()
        found = Checkpoint.parse(Note.parse(data).text).size if data else 0
        if found >= size:
            return found
        _require_running(notary)
        time.sleep(0.02)
    sys.exit(f"{size} records are not signed after {WAIT_SECONDS_MAX:g} s")


def _require_running(notary: "subprocess.Popen[bytes]") -> None:
    if notary.poll() is not None:
        sys.exit(f"the notary ended with {notary.returncode}; see its log")


def _cpu_seconds(process: "subprocess.Popen[bytes]") -> float:
    """User and system time of the process, all threads."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _status_kb(process: "subprocess.Popen[bytes]", name: str) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0])


if __name__ == "__main__":
    typer.run(main)
