import pytest

from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.errors import Malformed, Unproven, Untrusted
from sharebus.ledger.policy import Policy
from sharebus.ledger.proof_file import ProofFile
from sharebus.ledger.proofs import proof_lines

from . import samples

POLICY = Policy.parse(samples.POLICY)
NOW = samples.COSIGNED_SECONDS
FILE = ProofFile(7, samples.INCLUSION_7, samples.COSIGNED)
DATA = FILE.encode()


def test_file_has_the_bytes_that_tlog_proof_defines() -> None:
    expected = (
        b"c2sp.org/tlog-proof@v1\nindex 7\n"
        + proof_lines(samples.INCLUSION_7)
        + b"\n"
        + samples.COSIGNED.encode()
    )
    assert expected == DATA
    assert ProofFile.parse(DATA) == FILE


@pytest.mark.parametrize("extra", [b"", b"leaf", bytes(100)])
def test_extra_data_is_kept(extra: bytes) -> None:
    with_extra = FILE._replace(extra=extra)
    assert with_extra.encode().startswith(b"c2sp.org/tlog-proof@v1\nextra ")
    assert ProofFile.parse(with_extra.encode()) == with_extra


def test_proof_of_the_only_leaf_has_no_hashes() -> None:
    [hash_of_one] = samples.LEAF_HASHES[:1]
    body = Checkpoint(samples.ORIGIN, 1, hash_of_one).body()
    note = samples.SIGNED._replace(text=body, signatures=()).signed_by(samples.LOG)
    file = ProofFile(0, (), note)
    assert ProofFile.parse(file.encode()) == file
    file.verify(hash_of_one, Policy(logs=POLICY.logs), NOW)


def test_leaf_is_proved() -> None:
    witnessed = ProofFile.parse(DATA).verify(samples.LEAF_HASHES[7], POLICY, NOW)
    assert witnessed.checkpoint == Checkpoint(samples.ORIGIN, 15, samples.ROOT)
    assert witnessed.seconds_by_witness == {b"W1": samples.COSIGNED_SECONDS}


def test_another_leaf_or_index_or_proof_is_refused() -> None:
    leaf = samples.LEAF_HASHES[7]
    for file, hash_of_leaf in [
        (FILE, samples.LEAF_HASHES[6]),
        (FILE._replace(leaf_index=6), leaf),
        (FILE._replace(proof=samples.INCLUSION_7[:-1]), leaf),
        (FILE._replace(proof=samples.INCLUSION_7[::-1]), leaf),
    ]:
        with pytest.raises(Unproven):
            ProofFile.parse(file.encode()).verify(hash_of_leaf, POLICY, NOW)
    with pytest.raises(Malformed, match="no such leaf"):
        FILE._replace(leaf_index=15).verify(leaf, POLICY, NOW)


def test_checkpoint_without_the_quorum_is_refused() -> None:
    with pytest.raises(Untrusted, match="too few witnesses"):
        FILE._replace(checkpoint=samples.SIGNED).verify(samples.LEAF_HASHES[7], POLICY, NOW)


def test_checkpoint_with_another_root_is_refused() -> None:
    body = Checkpoint(samples.ORIGIN, 15, bytes(32)).body()
    forged = FILE._replace(checkpoint=samples.COSIGNED._replace(text=body))
    with pytest.raises(Untrusted, match="signature of a known key is wrong"):
        forged.verify(samples.LEAF_HASHES[7], POLICY, NOW)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not a proof file"),
        (DATA.replace(b"@v1", b"@v2"), "not a proof file"),
        (DATA.replace(b"\n", b"\r\n"), "not a proof file"),
        (b"\n" + DATA, "not a proof file"),
        (DATA[: DATA.index(b"\n\n")], "not a proof file"),
        (DATA.replace(b"index 7\n", b""), "no index line"),
        (DATA.replace(b"index 7", b"Index 7"), "no index line"),
        (DATA.replace(b"index 7", b"index 07"), "plain decimal"),
        (DATA.replace(b"index 7", b"index -7"), "plain decimal"),
        (DATA.replace(b"index 7", b"index 9223372036854775808"), "plain decimal"),
        (DATA.replace(b"index 7", b"extra A\nindex 7"), "canonical base64"),
        (DATA.replace(b"index 7", b"extra AAAA\nextra AAAA\nindex 7"), "no index line"),
        (DATA.replace(b"index 7", b"index 7\nindex 7"), "canonical base64"),
        (DATA.replace(b"index 7", b"index 7\nAAAA"), "wrong length"),
        (DATA.replace(b"index 7\n", b"index 7\n" + proof_lines([bytes(32)] * 60)), "too long"),
        (DATA.replace(b"\n\n", b"\n\n\n", 1) + b"x", "no newline"),
        (DATA[:-1], "no newline"),
    ],
)
def test_file_that_is_none_is_malformed(data: bytes, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        ProofFile.parse(data)
