import pytest

from sharebus.ledger.errors import Malformed
from sharebus.ledger.proofs import PROOF_HASHES_MAX, proof_lines
from sharebus.ledger.witness_request import AddCheckpoint

from . import samples

REQUEST = AddCheckpoint(7, samples.INCLUSION_7, samples.SIGNED)
DATA = REQUEST.encode()


def test_body_has_the_bytes_that_tlog_witness_defines() -> None:
    assert b"old 7\n" + proof_lines(samples.INCLUSION_7) + b"\n" + samples.SIGNED.encode() == DATA
    assert AddCheckpoint.parse(DATA) == REQUEST


def test_body_without_proof_is_read() -> None:
    first = AddCheckpoint(0, (), samples.SIGNED)
    assert first.encode().startswith(b"old 0\n\nexample.com/")
    assert AddCheckpoint.parse(first.encode()) == first


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not a request"),
        (b"old 7", "not a request"),
        (b"\n" + DATA, "not a request"),
        (DATA.replace(b"old 7", b"old"), "not a request"),
        (DATA.replace(b"old 7", b"Old 7"), "not a request"),
        (DATA.replace(b"old 7", b"old 07"), "old tree size"),
        (DATA.replace(b"old 7", b"old  7"), "old tree size"),
        (DATA.replace(b"old 7", b"old 7 "), "old tree size"),
        (DATA.replace(b"old 7\n", b"old 7\nAAAA\n"), "wrong length"),
        (DATA.replace(b"old 7\n", b"old 7\nindex 7\n"), "canonical base64"),
        (b"old 7\n" + proof_lines([bytes(32)] * (PROOF_HASHES_MAX + 1)) + b"\n", "too long"),
        (b"old 7\n\n", "no empty line before its signatures"),
    ],
)
def test_body_that_is_none_is_malformed(data: bytes, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        AddCheckpoint.parse(data)
