"""What the embedded broker does before it starts."""

import socket

import pytest

from sharebus import InvalidInput, Unavailable
from sharebus.infra.embedded import artifacts, secrets
from sharebus.infra.embedded.kafka import EmbeddedKafka
from sharebus.infra.embedded.service import port_answers, require_free_port
from sharebus.infra.settings import load_settings


@pytest.fixture
def kafka(tmp_path, monkeypatch):
    """A broker whose Java records its arguments and formats an empty directory."""
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/arguments\nmkdir {tmp_path}/data/kafka/unfinished-log\n'
    )
    java.chmod(0o755)
    monkeypatch.setenv("PATH", f"{java.parent}:/usr/bin:/bin")
    monkeypatch.setattr(artifacts, "kafka_class_path", lambda _: "jars/*")
    monkeypatch.setattr("sharebus.infra.embedded.kafka.require_free_port", lambda *_: None)
    kafka = EmbeddedKafka(load_settings(data_dir=tmp_path / "data"))
    kafka.directory.mkdir(parents=True)
    return kafka


def test_no_password_stands_on_a_command_line(kafka, tmp_path):
    argv = kafka.prepare()
    written = (tmp_path / "arguments").read_text() + " ".join(argv)
    assert "StorageTool @" in written
    for principal in secrets.BROKER_PRINCIPALS:
        assert secrets.password_of(kafka.settings, principal) not in written
    assert not (kafka.directory / "format-arguments").exists()


def test_storage_is_formatted_once(kafka, tmp_path):
    kafka.prepare()
    kafka.prepare()
    assert (tmp_path / "arguments").read_text().count("StorageTool") == 1


def test_interrupted_format_starts_anew(kafka):
    (kafka.directory / "unfinished-log" / "rest").mkdir(parents=True)
    kafka.prepare()
    assert list((kafka.directory / "log").iterdir()) == []


def test_failed_format_says_why_and_leaves_no_secret(kafka, tmp_path):
    (tmp_path / "bin" / "java").write_text("#!/bin/sh\necho 'disk is full' >&2; exit 1\n")
    with pytest.raises(Unavailable, match="formatted") as caught:
        kafka.prepare()
    assert caught.value.found == "disk is full"
    assert not (kafka.directory / "format-arguments").exists()
    assert not (kafka.directory / "log").exists()


def test_port_in_use_answers_and_is_refused_by_the_name_of_its_setting():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert port_answers("127.0.0.1", port)
        with pytest.raises(InvalidInput, match=str(port)) as caught:
            require_free_port("127.0.0.1", "kafka_port", port)
    assert "SHAREBUS_KAFKA_PORT" in caught.value.where
    assert not port_answers("127.0.0.1", port)
