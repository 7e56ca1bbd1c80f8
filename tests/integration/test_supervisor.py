"""The supervisor starts in order, restarts what ends, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import httpx
import pytest

from sharebus import Refused
from sharebus.infra.settings import environment_of, load_settings
from sharebus.infra.supervision import only_supervisor, read_status
from sharebus.infra.supervisor import App, Supervisor

pytestmark = pytest.mark.integration
TIMEOUT_SECONDS = 60
ASLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]


def until(condition, timeout_seconds=TIMEOUT_SECONDS):
    """The condition's first true value; fails the test when there is none in time."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    pytest.fail(f"not within {timeout_seconds} s")


def exists(pid: int) -> bool:
    try:
        # A zombie waits for its parent and is no longer a running process.
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def script(text: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(text)]


@pytest.fixture
def apps_only(tmp_path):
    """Settings of a system whose broker and registry are elsewhere."""
    return load_settings(
        data_dir=tmp_path / "data", embedded=False, bootstrap_servers="127.0.0.1:1",
        registry_url="http://127.0.0.1:1",
    )  # fmt: skip


def part(running: Supervisor, name: str):
    return next(part for part in running.parts if part.name == name)


def tend_until(running, condition):
    def step():
        running.tend()
        return condition()

    return until(step)


def test_app_that_is_killed_is_started_again(apps_only):
    with Supervisor(apps_only, [App("sleeper", ASLEEP)]) as running:
        tend_until(running, lambda: part(running, "sleeper").state == "running")
        first = part(running, "sleeper").pid
        os.kill(first, signal.SIGKILL)

        tend_until(running, lambda: part(running, "sleeper").restarts == 1)
        assert part(running, "sleeper").message == "killed by signal 9"
        tend_until(running, lambda: part(running, "sleeper").state == "running")
        assert part(running, "sleeper").pid != first
    assert not exists(part(running, "sleeper").pid or first)


def test_app_that_needs_a_person_is_left_alone_with_its_last_words(apps_only):
    argv = script("import sys; print('no committed offsets', flush=True); sys.exit(78)")
    with Supervisor(apps_only, [App("gate", argv), App("sleeper", ASLEEP)]) as running:
        tend_until(running, lambda: part(running, "gate").state == "failed")
        assert part(running, "gate").message == "no committed offsets"

        deadline = time.monotonic() + 1.5
        tend_until(running, lambda: time.monotonic() > deadline)
        assert part(running, "gate").restarts == 0
        assert part(running, "sleeper").state == "running"
        assert not read_status(apps_only).ready


def test_app_that_ignores_the_request_to_end_is_killed_with_its_children(apps_only, monkeypatch):
    monkeypatch.setattr("sharebus.infra.supervisor.APP_STOP_TIMEOUT_SECONDS", 0.5)
    argv = script("""
        import signal, subprocess, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
        time.sleep(600)
    """)
    with Supervisor(apps_only, [App("deaf", argv)]) as running:
        log = Path(part(running, "deaf").log)
        grandchild = int(until(lambda: log.exists() and log.read_text(encoding="utf-8")))
        assert exists(grandchild)
    assert "killed" in part(running, "deaf").message
    until(lambda: not exists(grandchild))


def test_second_supervisor_of_a_data_directory_is_refused(apps_only):
    with only_supervisor(apps_only):
        command = script("""
            from sharebus import Refused
            from sharebus.infra.settings import load_settings
            from sharebus.infra.supervision import only_supervisor
            try:
                with only_supervisor(load_settings()):
                    raise SystemExit("two at once")
            except Refused:
                raise SystemExit(4)
        """)
        environment = {**os.environ, **environment_of(apps_only)}
        assert subprocess.run(command, env=environment, check=False).returncode == Refused.exit_code


def test_app_is_not_given_the_credentials_of_whoever_started_it(apps_only, monkeypatch):
    monkeypatch.setenv("SHAREBUS_USERNAME", "admin")
    monkeypatch.setenv("SHAREBUS_PASSWORD", "secret")
    argv = script("""
        import os
        print(os.environ["SHAREBUS_BOOTSTRAP_SERVERS"], os.environ.get("SHAREBUS_USERNAME"),
              os.environ.get("SHAREBUS_PASSWORD"), flush=True)
    """)
    with Supervisor(apps_only, [App("gate", argv)]) as running:
        tend_until(running, lambda: part(running, "gate").message)
        assert "127.0.0.1:1 None None" in part(running, "gate").message


def start_whole_system(settings) -> subprocess.Popen:
    """`run_until_stopped` in a process of its own, with an app that sleeps."""
    command = script(f"""
        from sharebus.infra.settings import load_settings
        from sharebus.infra.supervisor import App, run_until_stopped
        run_until_stopped(load_settings(), [App("sleeper", {ASLEEP!r})])
    """)
    environment = {**os.environ, **environment_of(settings)}
    process = subprocess.Popen(command, env=environment)
    until(lambda: read_status(settings).ready or process.poll() is not None)
    assert process.poll() is None
    return process


def pids(settings) -> dict[str, int]:
    return {part.name: part.pid for part in read_status(settings).parts}


def test_whole_system_survives_crashes_and_leaves_nothing_behind(own_settings):
    schema = {"schema": '{"type":"record","name":"Kept","fields":[]}'}
    url = f"{own_settings.registry_url}/subjects/kept/versions"
    process = start_whole_system(own_settings)
    try:
        assert [part.name for part in read_status(own_settings).parts] == [
            "kafka", "registry", "sleeper",
        ]  # fmt: skip
        schema_id = httpx.post(url, json=schema, timeout=20).raise_for_status().json()["id"]

        # A broker that is killed comes back under the same supervisor.
        os.kill(pids(own_settings)["kafka"], signal.SIGKILL)
        until(lambda: read_status(own_settings).parts[0].restarts == 1)
        until(lambda: read_status(own_settings).ready)

        # A supervisor that is killed takes everything with it, and status knows.
        orphans = pids(own_settings)
        process.kill()
        process.wait()
        until(lambda: not any(exists(pid) for pid in orphans.values()))
        assert not read_status(own_settings).alive
        assert {part.state for part in read_status(own_settings).parts} == {"stopped"}

        # The next one starts on the same data and ends in order when asked.
        process = start_whole_system(own_settings)
        assert httpx.post(url, json=schema, timeout=20).json()["id"] == schema_id
        last = pids(own_settings)
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_SECONDS) == 0
        assert not any(exists(pid) for pid in last.values())
        clean = own_settings.data_dir / "kafka" / "log" / ".kafka_cleanshutdown"
        assert clean.exists()
    finally:
        process.kill()
        process.wait()
