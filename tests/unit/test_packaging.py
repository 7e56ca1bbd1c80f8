"""The wheel holds the rooms and nothing else, and works where the project's folders are not."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)

PROJECT = Path(__file__).parents[2]
# Stated, since a clone without symbolic links would build a wheel without them and no error.
ROOMS = (
    "cli", "consumers", "governance", "infra", "ledger", "producers", "schemas", "stream_apps",
)  # fmt: skip
PACKAGED = (".py", ".avsc", ".json", ".sha256", ".yaml")
PACKAGED_NAMES = ("archive_readme.md", "pom.xml", "py.typed")
# What set-up, tests and other builds leave in the tree is not part of what is built.
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".sharebus", ".*_cache", ".hypothesis", "__pycache__", "build", "dist",
    "*.egg-info", "node_modules",
)  # fmt: skip


def run(*command: str | Path, cwd: Path) -> str:
    # Nothing of this process's own paths may help the child.
    environment = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ
    }
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, f"{command}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made from the source archive, as a package index would get both."""
    tree = tmp_path_factory.mktemp("tree") / "sharebus"
    shutil.copytree(PROJECT, tree, symlinks=True, ignore=LEFT_OUT)
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, tree, cwd=tree)
    [archive] = out.glob("*.whl")
    return archive


@pytest.fixture(scope="module")
def python_elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment in which the wheel is installed.

    Its dependencies are those of this environment, which a path file adds; the project itself is
    here by a path file too, and those are not followed.
    """
    directory = tmp_path_factory.mktemp("environment")
    venv.create(directory, symlinks=True)
    python = directory / "bin" / "python"
    install = ("install", "--quiet", "--no-deps", "--no-index", "--no-compile", wheel)
    run(sys.executable, "-m", "pip", "--python", python, *install, cwd=directory)
    [site_packages] = directory.glob("lib/python*/site-packages")
    dependencies = sysconfig.get_path("purelib")
    (site_packages / "dependencies.pth").write_text(dependencies + "\n", encoding="utf-8")
    return python


def test_wheel_holds_every_file_of_the_rooms_and_nothing_else(wheel: Path) -> None:
    expected = {"sharebus/__init__.py", "sharebus/py.typed"}
    for room in ROOMS:
        for path in (PROJECT / room).rglob("*"):
            if path.suffix in PACKAGED or path.name in PACKAGED_NAMES:
                expected.add(f"sharebus/{path.relative_to(PROJECT).as_posix()}")
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert found == expected
    assert {"sharebus/schemas/avro/audit_batch.avsc", "sharebus/infra/embedded/pom.xml"} <= found


def test_installed_package_is_imported_from_its_environment(python_elsewhere: Path) -> None:
    program = """
import sharebus.producers, sharebus.consumers.subscription, sharebus.infra.embedded.artifacts
from sharebus.schemas.record import platform_records
from sharebus.infra.clock_tables import load_clock_rules, load_working_days
assert len(platform_records()) == 10
assert load_working_days().days and load_clock_rules().rules
assert sharebus.infra.embedded.artifacts.POM.exists()
assert sharebus.infra.embedded.artifacts.DIGESTS.exists()
print(sharebus.producers.__file__)
"""
    where = run(python_elsewhere, "-I", "-c", program, cwd=python_elsewhere.parent).strip()
    assert Path(where).is_relative_to(python_elsewhere.parents[1])


def test_installed_package_gives_no_room_a_name_of_its_own(python_elsewhere: Path) -> None:
    program = f"""
import importlib.util
print(*[name for name in {ROOMS!r} if importlib.util.find_spec(name)])
"""
    assert run(python_elsewhere, "-I", "-c", program, cwd=python_elsewhere.parent).strip() == ""


def test_installed_command_knows_its_commands(python_elsewhere: Path) -> None:
    command = python_elsewhere.with_name("sharebus")
    said = run(command, "--help", cwd=python_elsewhere.parent)
    for word in ("catalog", "publish", "subscribe", "up"):
        assert f"\n  {word} " in said
