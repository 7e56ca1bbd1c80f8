"""SM2 beside Ed25519: the standard's own example, another implementation, and damaged input."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus import InvalidInput
from sharebus.schemas.signature import ALGORITHMS, Algorithm

SM2 = ALGORITHMS["sm2"]
# GB/T 32918.5-2017, Annex A.2
PRIVATE = bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
PUBLIC = bytes.fromhex(
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
SIGNATURE = bytes.fromhex(
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)
CONTENT = b"message digest"
# SubjectPublicKeyInfo and ECPrivateKey of the curve sm2p256v1 around a raw key
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
SEC1 = (bytes.fromhex("30770201010420"), bytes.fromhex("a00a06082a811ccf5501822da144034200"))
NUMBER_BYTES = 32


def test_sm2_agrees_with_the_example_of_the_standard() -> None:
    assert SM2.public_key(PRIVATE) == PUBLIC
    assert SM2.is_valid(PUBLIC, CONTENT, SIGNATURE)


def _openssl(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *arguments], capture_output=True, check=False)


needs_openssl = pytest.mark.skipif(
    not shutil.which("openssl") or b"SM2" not in _openssl("list", "-public-key-algorithms").stdout,
    reason="no openssl with SM2",
)
RULES = ("-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678")


@needs_openssl
@pytest.mark.parametrize("content", [b"", CONTENT, "同意共享".encode() * 500])
def test_openssl_believes_what_we_sign(tmp_path: Path, content: bytes) -> None:
    signature = SM2.sign(PRIVATE, content)
    r, s = (int.from_bytes(half) for half in (signature[:NUMBER_BYTES], signature[NUMBER_BYTES:]))
    paths = [tmp_path / name for name in ("key.der", "content", "signature")]
    for path, given_bytes in zip(
        paths, (SPKI + PUBLIC, content, encode_dss_signature(r, s)), strict=True
    ):
        path.write_bytes(given_bytes)
    key, text, value = map(str, paths)
    done = _openssl(
        "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", key, "-in", text,
        "-sigfile", value, *RULES,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@needs_openssl
def test_we_believe_what_openssl_signs(tmp_path: Path) -> None:
    key, text = tmp_path / "key.der", tmp_path / "content"
    key.write_bytes(SEC1[0] + PRIVATE + SEC1[1] + PUBLIC)
    text.write_bytes(CONTENT)
    done = _openssl("pkeyutl", "-sign", "-keyform", "DER", "-inkey", str(key), "-in", str(text),
                    *RULES)  # fmt: skip
    assert done.returncode == 0, done.stderr
    r, s = decode_dss_signature(done.stdout)
    assert SM2.is_valid(PUBLIC, CONTENT, r.to_bytes(NUMBER_BYTES) + s.to_bytes(NUMBER_BYTES))


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS.keys())
def test_new_key_signs_what_only_its_public_key_believes(algorithm: Algorithm) -> None:
    private, other = algorithm.new_private_key(), algorithm.new_private_key()
    assert private != other
    signature = algorithm.sign(private, CONTENT)
    assert algorithm.is_valid(algorithm.public_key(private), CONTENT, signature)
    assert not algorithm.is_valid(algorithm.public_key(other), CONTENT, signature)
    assert not algorithm.is_valid(algorithm.public_key(private), CONTENT + b".", signature)


@settings(max_examples=30, deadline=None)
@given(bit=st.integers(0, 8 * len(SIGNATURE) - 1))
def test_sm2_signature_with_any_bit_changed_is_not_believed(bit: int) -> None:
    changed = int.from_bytes(SIGNATURE) ^ 1 << bit
    assert not SM2.is_valid(PUBLIC, CONTENT, changed.to_bytes(len(SIGNATURE)))


@settings(max_examples=50, deadline=None)
@given(key=st.binary(max_size=70), signature=st.binary(max_size=70))
def test_sm2_takes_whatever_bytes_are_given(key: bytes, signature: bytes) -> None:
    assert not SM2.is_valid(key, CONTENT, signature)


@pytest.mark.parametrize(
    "key",
    [b"\x00", b"\x04" + bytes(64), PUBLIC[:-1] + b"\x14", b"\x04" + b"\xff" * 64],
    ids=["infinity", "origin", "off the curve", "beyond the field"],
)
def test_sm2_key_that_is_no_point_of_the_curve_believes_nothing(key: bytes) -> None:
    assert not SM2.is_valid(key, CONTENT, SIGNATURE)


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, PRIVATE + b"\x00"])
def test_sm2_private_key_is_a_number_of_the_curve(key: bytes) -> None:
    with pytest.raises(InvalidInput, match="no SM2 private key"):
        SM2.sign(key, CONTENT)
