"""Set-up names what is missing and does not repeat what is done."""

import pytest

from sharebus.infra import setup


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_402"', 8),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "25-ea" 2025-09-16', 25),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_java_version_is_read_from_what_java_prints(text, version):
    assert setup.parse_java_version(text) == version


def fake_java(directory, version):
    directory.mkdir(exist_ok=True)
    program = directory / "java"
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)


def test_every_missing_program_is_named_in_one_line_with_its_package(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    missing = setup.missing_prerequisites()
    assert missing[-2:] == [
        "missing: Java 17 or later: apt-get install openjdk-17-jre-headless",
        "missing: Maven: apt-get install maven",
    ]


def test_java_that_is_too_old_is_named_with_what_was_found(tmp_path, monkeypatch):
    fake_java(tmp_path / "bin", "11.0.20")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/bin")
    assert (
        "missing: Java 17 or later (found 11): apt-get install openjdk-17-jre-headless"
        in setup.missing_prerequisites()
    )


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose set-up commands are recorded and not run."""
    monkeypatch.setattr(setup, "PROJECT", tmp_path)
    monkeypatch.setattr(setup, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(setup, "LOCK_FILE", tmp_path / "requirements-dev.lock")
    (tmp_path / "requirements-dev.lock").write_text("a==1 --hash=sha256:00\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    commands = []

    def record(*command):
        (tmp_path / ".venv").mkdir(exist_ok=True)
        commands.append(" ".join(command))

    monkeypatch.setattr(setup, "_run", record)
    return tmp_path, commands


def installs(commands) -> list[str]:
    return [
        command.split(" install ")[1].split()[0] for command in commands if "install" in command
    ]


def test_environment_is_made_once_and_again_when_a_lock_changes(project):
    directory, commands = project
    setup.set_up_environment()
    assert installs(commands) == ["--require-hashes", "--no-deps"]

    commands.clear()
    setup.set_up_environment()
    assert commands == []

    (directory / "pyproject.toml").write_text("[project]\nname = 'a'\n")
    setup.set_up_environment()
    assert installs(commands) == ["--no-deps"]

    commands.clear()
    (directory / "requirements-dev.lock").write_text("a==2 --hash=sha256:00\n")
    setup.set_up_environment()
    assert any("venv --clear" in command for command in commands)
    assert "--require-hashes" in installs(commands)


def test_environment_is_made_again_after_an_interruption(project, monkeypatch):
    _, commands = project
    record = setup._run

    def interrupted(*command):
        record(*command)
        if "--require-hashes" in command:
            raise KeyboardInterrupt

    monkeypatch.setattr(setup, "_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        setup.set_up_environment()
    monkeypatch.setattr(setup, "_run", record)
    commands.clear()
    setup.set_up_environment()
    assert installs(commands) == ["--require-hashes", "--no-deps"]
