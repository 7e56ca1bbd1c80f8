"""What the notary writes, read by others: golang.org/x/mod and Tessera's fsck, from Go's sources.

Their modules come from wherever Go is told to take them; ``go.sum`` holds their digests. Without
Go the tests are skipped, unless ``SHAREBUS_REQUIRE_GO`` is 1.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sharebus.infra.tile_directory import TileWriter
from sharebus.stream_apps.notary.notary import Leaf, Notary

from ...unit.stream_apps.notary.desk import POLICY, SIGNER, TOPIC_ID, MemoryRegister, Weather
from ..consumers.test_foreign_clients import FOREIGN, require

pytestmark = pytest.mark.integration
BUILD_SECONDS_MAX = 300
VERIFY_SECONDS_MAX = 150
SIZE = 66_100
"""Beyond 256 * 256, so that there is a tile of level 2."""

Verify = Callable[[Path], str]


@pytest.fixture(scope="module")
def verify(tmp_path_factory: pytest.TempPathFactory) -> Verify:
    go, program = require("go"), tmp_path_factory.mktemp("tlog") / "tlog"
    subprocess.run(
        [go, "build", "-o", program, "."],
        cwd=FOREIGN / "tlog", check=True, timeout=BUILD_SECONDS_MAX,
    )  # fmt: skip

    def run(directory: Path) -> str:
        answer = subprocess.run(
            [program, directory, SIGNER.key.name, SIGNER.key.vkey()],
            capture_output=True, text=True, check=False, timeout=VERIFY_SECONDS_MAX,
        )  # fmt: skip
        assert answer.returncode in (0, 1), answer.stderr
        return answer.stdout

    return run


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log as the notary leaves it, signed four times on the way."""
    writer = TileWriter(tmp_path_factory.mktemp("log"))
    writer.open()
    notary = Notary(SIGNER, POLICY, TOPIC_ID, writer, MemoryRegister(Weather()))
    leaves = [Leaf(number, b"entry %d" % number * (number % 4)) for number in range(SIZE)]
    for begin, end in ((0, 1), (1, 300), (300, 65_536), (65_536, SIZE)):
        notary.take(leaves[begin:end])
        assert notary.seal()
        notary.publish()
    return writer.path


def test_others_find_the_log_good(verify: Verify, log: Path) -> None:
    assert verify(log) == f"good: {SIZE}\n"


@pytest.mark.parametrize(
    "path", ["tile/entries/128", "tile/0/128", "tile/1/000", "tile/2/000.p/1", "checkpoint"]
)
def test_others_find_what_was_altered(verify: Verify, log: Path, path: str) -> None:
    file = log / path
    before = file.read_bytes()
    # The last byte of a tile, or of a checkpoint's tree size.
    place = before.index(b"\n", before.index(b"\n") + 1) - 1 if path == "checkpoint" else -1
    altered = bytearray(before)
    altered[place] ^= 1
    file.write_bytes(altered)
    try:
        assert verify(log).startswith("bad: ")
    finally:
        file.write_bytes(before)
