import pytest

from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.cosignature import CosignatureKey, Cosigner, cosigned_seconds
from sharebus.ledger.errors import Malformed, Untrusted
from sharebus.ledger.keys import NoteSigner, signer_key
from sharebus.ledger.note import Note, Signature

from . import samples

KEY = CosignatureKey.from_vkey(samples.WITNESS_VKEY)


def test_published_cosignature_is_made_and_verified() -> None:
    signature = samples.WITNESS.cosign(samples.BODY, samples.COSIGNED_SECONDS)
    assert signature.line() == samples.COSIGNATURE_LINE
    assert samples.WITNESS.key == KEY
    assert samples.COSIGNED.verify([KEY]) == (signature,)
    assert cosigned_seconds(signature) == samples.COSIGNED_SECONDS


def test_cosigner_reads_go_s_signer_key() -> None:
    text = signer_key("witness.example/w1", bytes(range(32)))
    assert Cosigner.from_text(text).key == KEY


def test_cosignature_replayed_on_another_checkpoint_is_refused() -> None:
    replayed = samples.WITNESS.cosign(samples.BODY, samples.COSIGNED_SECONDS)
    for other in (
        Checkpoint(samples.ORIGIN, 14, samples.ROOT),
        Checkpoint("example.com/other", 15, samples.ROOT),
        Checkpoint(samples.ORIGIN, 15, samples.ROOT, ("extension",)),
    ):
        with pytest.raises(Untrusted):
            Note(other.body(), (replayed,)).verify([KEY])


def test_cosignature_with_another_time_is_refused() -> None:
    good = samples.WITNESS.cosign(samples.BODY, 5)
    for seconds in (4, 6, 0, 2**63, 2**64 - 1):
        changed = good._replace(blob=seconds.to_bytes(8, "big") + good.blob[8:])
        assert not KEY.verifies(samples.BODY, changed.blob)


def test_cosignature_beyond_the_largest_time_is_refused_even_if_signed() -> None:
    seconds = 2**63
    message = b"cosignature/v1\ntime %d\n" % seconds + samples.BODY
    signed = NoteSigner.from_seed("witness.example/w1", bytes(range(32))).sign(message).blob
    assert KEY.is_signature(message, signed)
    assert not KEY.verifies(samples.BODY, seconds.to_bytes(8, "big") + signed)


def test_plain_signature_of_the_same_key_is_no_cosignature() -> None:
    plain = NoteSigner.from_seed("witness.example/w1", bytes(range(32))).sign(samples.BODY)
    disguised = Signature(KEY.name, KEY.key_id, bytes(8) + plain.blob)
    assert not KEY.verifies(samples.BODY, plain.blob)
    assert not KEY.verifies(samples.BODY, disguised.blob)


@pytest.mark.parametrize("cut", [0, 1, 8, 71, 73])
def test_cosignature_of_another_length_is_refused(cut: int) -> None:
    blob = samples.WITNESS.cosign(samples.BODY, 5).blob + b"\x00"
    assert KEY.verifies(samples.BODY, blob[:72])
    assert not KEY.verifies(samples.BODY, blob[:cut])


@pytest.mark.parametrize("seconds", [-1, 0, 2**63])
def test_time_that_no_cosignature_may_have_is_not_signed(seconds: int) -> None:
    with pytest.raises(Malformed, match="not a POSIX time"):
        samples.WITNESS.cosign(samples.BODY, seconds)
