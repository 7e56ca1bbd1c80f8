from base64 import b64encode

import pytest

from sharebus.ledger.cosignature import CosignatureKey, Cosigner
from sharebus.ledger.errors import Malformed
from sharebus.ledger.keys import NoteKey, NoteSigner, parse_signer_key, signer_key

from . import samples


def test_published_keys_belong_together() -> None:
    key = NoteKey.from_vkey(samples.VKEY)
    assert samples.LOG.key == key
    assert key.key_id.hex() == "33d7b496"
    assert key.vkey() == samples.VKEY
    assert signer_key(*parse_signer_key(samples.SIGNER_KEY)) == samples.SIGNER_KEY


def test_same_secret_has_another_id_for_each_name_and_signature_type() -> None:
    seed = bytes(32)
    ids = {
        NoteSigner.from_seed("a.example", seed).key.key_id,
        NoteSigner.from_seed("b.example", seed).key.key_id,
        Cosigner.from_seed("a.example", seed).key.key_id,
    }
    assert len(ids) == 3


def test_base64_of_a_key_may_hold_plus_signs() -> None:
    with_plus = (
        NoteSigner.from_seed("a.example", bytes([number] * 32)).key.vkey() for number in range(256)
    )
    vkey = next(each for each in with_plus if each.count("+") > 2)
    assert NoteKey.from_vkey(vkey).vkey() == vkey


@pytest.mark.parametrize(
    ("vkey", "problem"),
    [
        ("", "not a verifier key"),
        ("example.com", "not a verifier key"),
        (samples.VKEY.replace("33d7b496", "33D7B496"), "not a verifier key"),
        (samples.VKEY.replace("33d7b496", "33d7b49"), "not a verifier key"),
        (samples.VKEY.replace("33d7b496", "33d7b497"), "key id is not that"),
        (samples.VKEY.replace("example.com", "example.org"), "key id is not that"),
        (samples.VKEY.replace("example.com", "example com"), "key name is not valid"),
        (samples.VKEY.replace("AeHT", "BeHT"), "another kind of signature"),
        (samples.VKEY + "=", "not canonical base64"),
        (samples.VKEY + "\n", "not canonical base64"),
        (samples.VKEY[:-4], "wrong length"),
        ("a+00000000+", "another kind of signature"),
        ("a+00000000+é", "not canonical base64"),
        (samples.WITNESS_VKEY, "another kind of signature"),
    ],
)
def test_vkey_that_is_none_is_malformed(vkey: str, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        NoteKey.from_vkey(vkey)


def test_log_s_vkey_is_none_of_a_witness() -> None:
    with pytest.raises(Malformed, match="another kind of signature"):
        CosignatureKey.from_vkey(samples.VKEY)


@pytest.mark.parametrize(
    "damaged",
    [
        samples.SIGNER_KEY[:-1],
        samples.SIGNER_KEY.removeprefix("PRIVATE+KEY+"),
        samples.SIGNER_KEY.replace("33d7b496", "33d7b497"),
        samples.SIGNER_KEY.replace("example.com", "example com"),
        samples.SIGNER_KEY.replace("33d7b496+", "33d7b496-"),
        samples.SIGNER_KEY.replace("AeymY", "BeymY"),
        samples.SIGNER_KEY.replace("+AeymY", "+Aeymé"),
    ],
)
def test_damaged_signer_key_is_refused_without_being_shown(damaged: str) -> None:
    with pytest.raises(Malformed, match="signer key is not valid") as refused:
        NoteSigner.from_text(damaged)
    secret = samples.SIGNER_KEY.partition("+33d7b496+")[2]
    assert secret[6:20] not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("signer", [samples.LOG, samples.WITNESS])
def test_signer_does_not_show_its_secret(signer: NoteSigner | Cosigner) -> None:
    for seed in (bytes(range(32)), parse_signer_key(samples.SIGNER_KEY)[1]):
        for shown in (seed.hex(), b64encode(seed).decode(), repr(seed)):
            assert shown not in f"{signer!r} {signer}"


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(64)])
def test_secret_of_another_length_is_malformed(seed: bytes) -> None:
    with pytest.raises(Malformed, match="32 bytes"):
        NoteSigner.from_seed("a.example", seed)


def test_public_key_of_another_length_or_no_point_is_refused() -> None:
    with pytest.raises(Malformed, match="wrong length"):
        NoteKey("a.example", bytes(31))
    signature = samples.LOG.sign(b"text\n").blob
    assert not NoteKey("a.example", b"\xff" * 32).verifies(b"text\n", signature)


@pytest.mark.parametrize("blob", [b"", b"\x00", bytes(63), bytes(64), bytes(65), b"\xff" * 64])
def test_blob_that_is_no_signature_does_not_verify(blob: bytes) -> None:
    assert not samples.LOG.key.verifies(b"text\n", blob)
