"""The report of a supervisor is believed only while the supervisor lives."""

import os

import pytest

from sharebus import Refused
from sharebus.infra.settings import load_settings
from sharebus.infra.supervision import (
    PartStatus,
    Status,
    only_supervisor,
    read_status,
    write_status,
)

PART = PartStatus(name="gate", state="running", since_ms=1, pid=42, restarts=2, message="why")


@pytest.fixture
def settings(tmp_path):
    return load_settings(data_dir=tmp_path / "data")


def test_nothing_runs_where_nothing_ever_ran(settings):
    assert read_status(settings) == Status(alive=False)


def test_report_is_read_while_its_supervisor_lives(settings):
    with only_supervisor(settings):
        write_status(settings, (PART,))
        status = read_status(settings)
    assert status == Status(alive=True, supervisor_pid=os.getpid(), parts=(PART,))
    assert status.ready


def test_report_of_a_supervisor_that_is_gone_shows_its_parts_stopped(settings):
    with only_supervisor(settings):
        write_status(settings, (PART,))
    status = read_status(settings)
    assert not status.alive
    assert not status.ready
    assert [(part.state, part.pid, part.restarts) for part in status.parts] == [
        ("stopped", None, 2)
    ]


def test_damaged_report_is_no_report(settings):
    with only_supervisor(settings):
        (settings.data_dir / "status.json").write_text("{", encoding="utf-8")
        assert read_status(settings) == Status(alive=False)


def test_second_holder_is_refused_with_the_pid_of_the_first(settings, monkeypatch):
    monkeypatch.setattr("sharebus.infra.supervision._LOCK_PATIENCE_SECONDS", 0.1)
    with only_supervisor(settings):
        write_status(settings, ())
        with pytest.raises(Refused) as caught, only_supervisor(settings):
            pass
    assert caught.value.found == f"process {os.getpid()}"


def test_system_is_not_ready_while_one_part_is_not(settings):
    other = PART.model_copy(update={"name": "registry", "state": "starting"})
    assert not Status(alive=True, parts=(PART, other)).ready
