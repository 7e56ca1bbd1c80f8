"""The command line ends every mistake with a message and the exit code of its kind."""

import importlib.metadata
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from sharebus import EXIT_INVALID_INPUT, EXIT_REFUSED, NumbersDisagree
from sharebus.cli import catalog, publish
from sharebus.cli.main import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["sharebus", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code if isinstance(ended.value.code, int) else 0


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_missing_file_ends_with_a_message_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "catalog", "apply", "nowhere") == EXIT_INVALID_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "nowhere" in captured.err
    assert "Traceback" not in captured.err


def test_unknown_command_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "planet") == 2
    assert "planet" in capsys.readouterr().err


def test_interrupt_ends_with_the_exit_code_of_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(catalog, "load_catalog_files", interrupt)
    assert run(monkeypatch, "catalog", "apply", "anywhere") == 130


def test_text_of_an_error_is_printed_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Path) -> None:
        raise NumbersDisagree("[bold]counts[/bold] differ", expected="[1]", found="[/2]")

    monkeypatch.setattr(catalog, "load_catalog_files", fail)
    assert run(monkeypatch, "catalog", "apply", "x") == NumbersDisagree.exit_code
    err = capsys.readouterr().err
    assert "[bold]counts[/bold] differ" in err
    assert "expected: [1]" in err


def test_certificate_cannot_be_saved_elsewhere_than_in_its_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = run(monkeypatch, "credentials", "tax.levy", "--mtls", "--save")
    assert code == EXIT_INVALID_INPUT != EXIT_REFUSED


def test_keys_of_a_cluster_are_made_once_and_never_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SHAREBUS_DATA_DIR", str(tmp_path))
    assert run(monkeypatch, "credentials", "--keys") == 0
    keys = [tmp_path / "secrets" / name for name in ("audit_key", "view_key")]
    before = [key.read_text() for key in keys]
    assert all(len(bytes.fromhex(text)) == 32 for text in before)
    assert [key.stat().st_mode & 0o777 for key in keys] == [0o600, 0o600]
    assert len(set(before)) == 2

    keys[1].unlink()
    capsys.readouterr()
    assert run(monkeypatch, "credentials", "--keys") == EXIT_REFUSED
    assert str(keys[0]) in capsys.readouterr().err
    assert keys[0].read_text() == before[0]
    assert not keys[1].exists()


@pytest.mark.parametrize("arguments", [[], ["tax.levy", "--keys"]])
def test_credentials_are_for_a_system_or_for_the_cluster(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    assert run(monkeypatch, "credentials", *arguments) == EXIT_INVALID_INPUT


@pytest.mark.parametrize("option", ["--check", "--no-close"])
def test_statement_of_no_change_is_never_made_with_options_that_it_cannot_follow(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    arguments = ("publish", "a", "--as", "tax.levy", "--period", "2026-11", "--no-change", option)
    assert run(monkeypatch, *arguments) == EXIT_INVALID_INPUT
    assert option in capsys.readouterr().err


def test_confirmed_deletions_without_a_snapshot_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("publish", "a", "--as", "tax.levy", "--period", "2026-11", "--from", "a.csv")
    assert run(monkeypatch, *arguments, "--confirm-deletes", "3") == EXIT_INVALID_INPUT
    assert "--snapshot" in capsys.readouterr().err


def test_interrupted_publication_says_what_was_sent_and_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(
        publish, "Provider", lambda *_: nullcontext(SimpleNamespace(confirmed_count=1234))
    )
    monkeypatch.setattr(publish, "publish_file", interrupt)
    arguments = ("publish", "a", "--as", "tax.levy", "--period", "2026-11", "--from", "a.csv")
    assert run(monkeypatch, *arguments) == 130
    err = capsys.readouterr().err
    assert "1,234 records" in err
    assert "same command goes on" in err


def test_version_is_that_of_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out.strip() == f"sharebus {importlib.metadata.version('sharebus')}"


def test_draft_is_written_once_and_never_over_another_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "shops.csv").write_text("code,name\n1,宁波\n", encoding="utf-8")
    assert run(monkeypatch, "catalog", "init", "shops.csv", "--out", "draft") == 0
    assert sorted(path.name for path in (tmp_path / "draft").iterdir()) == [
        "shops.avsc",
        "shops.yaml",
    ]
    assert run(monkeypatch, "catalog", "init", "shops.csv", "--out", "draft") == EXIT_INVALID_INPUT
    assert "overwrite" in capsys.readouterr().err
