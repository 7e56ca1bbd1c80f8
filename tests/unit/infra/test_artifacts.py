"""Artifacts are verified before they are used, appear whole or not at all, and are fetched once."""

import hashlib
import io
import tarfile
import threading

import pytest

from sharebus import InvalidInput, Unavailable
from sharebus.infra.embedded import artifacts

JAR = b"jar"


def registry_archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("apicurio-registry-app-1-runner.jar")
        member.size = len(JAR)
        archive.addfile(member, io.BytesIO(JAR))
    return buffer.getvalue()


@pytest.fixture
def maven(tmp_path, monkeypatch):
    """A stand-in for Maven that "fetches" two files and counts its calls."""
    source = tmp_path / "source"
    files = {"kafka/a.jar": JAR, "registry/app.tar.gz": registry_archive()}
    for name, content in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    digests = tmp_path / "artifacts.sha256"
    digests.write_text(
        "".join(
            f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()
        )
    )
    monkeypatch.setattr(artifacts, "DIGESTS", digests)
    program = tmp_path / "bin" / "mvn"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        f"echo called >>{tmp_path}/calls\n"
        'for argument; do case "$argument" in -Dfetch.directory=*) '
        f'cp -r {source}/. "${{argument#*=}}";; esac; done\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return tmp_path


def calls(maven) -> int:
    return len((maven / "calls").read_text().splitlines())


def test_fetched_artifacts_are_found_again_and_not_fetched_twice(maven):
    directory = maven / "artifacts"
    with pytest.raises(Unavailable, match="not been fetched"):
        artifacts.kafka_class_path(directory)

    target = artifacts.fetch(directory)
    assert artifacts.fetch(directory) == target
    assert calls(maven) == 1
    assert artifacts.kafka_class_path(directory) == str(target / "kafka" / "*")
    assert artifacts.registry_jar(directory).read_bytes() == JAR


def test_changed_bytes_are_refused_by_name_and_leave_nothing(maven):
    (maven / "source" / "kafka" / "a.jar").write_bytes(b"something else")
    with pytest.raises(InvalidInput, match=r"kafka/a\.jar"):
        artifacts.fetch(maven / "artifacts")
    assert [path.name for path in (maven / "artifacts").iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("fetched", "named"), [({"b.jar": JAR}, r"a\.jar"), ({"a.jar": JAR, "b.jar": JAR}, r"b\.jar")]
)
def test_missing_and_additional_files_are_refused_by_name(tmp_path, fetched, named):
    for name, content in fetched.items():
        (tmp_path / name).write_bytes(content)
    digests = f"{hashlib.sha256(JAR).hexdigest()}  a.jar\n"
    with pytest.raises(InvalidInput, match=named):
        artifacts.verify(tmp_path, digests)


def test_other_digests_are_another_set_of_artifacts(maven):
    directory = maven / "artifacts"
    first = artifacts.fetch(directory)
    digests = artifacts.DIGESTS
    digests.write_text(digests.read_text() + "\n")
    assert artifacts.directory(directory) != first


def test_two_fetches_at_once_call_maven_once(maven):
    directory = maven / "artifacts"
    threads = [threading.Thread(target=artifacts.fetch, args=(directory,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls(maven) == 1
    assert artifacts.directory(directory).is_dir()


def test_rest_of_an_interrupted_fetch_is_removed(maven):
    directory = maven / "artifacts"
    (directory / ".fetching-abandoned").mkdir(parents=True)
    artifacts.fetch(directory)
    assert not (directory / ".fetching-abandoned").exists()


def test_missing_maven_is_named_with_its_package(maven, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unavailable, match="Maven is missing") as caught:
        artifacts.fetch(maven / "artifacts")
    assert "Debian package maven" in caught.value.remedy


def test_error_of_maven_is_told(maven):
    program = maven / "bin" / "mvn"
    program.write_text('#!/bin/sh\necho "[ERROR] Could not transfer artifact"; exit 1\n')
    with pytest.raises(Unavailable) as caught:
        artifacts.fetch(maven / "artifacts")
    assert "Could not transfer artifact" in caught.value.found


def test_checked_in_digests_cover_broker_and_registry():
    names = [line.split()[1] for line in artifacts.DIGESTS.read_text().splitlines()]
    assert len(names) == len(set(names)) == 46
    assert "registry/apicurio-registry-app-3.0.9-all.tar.gz" in names
    assert "kafka/kafka_2.13-4.4.0.jar" in names
