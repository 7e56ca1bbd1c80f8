from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from sharebus.schemas.audit_digest import (
    DIGEST_BYTES,
    AuditDigest,
    pseudonym,
    view_pseudonym_key,
)

KEY = bytes(range(32))
DIGEST = AuditDigest(KEY)
records = st.tuples(st.binary(max_size=5), st.none() | st.binary(max_size=5))


@given(one=records, other=records)
def test_record_digest_is_of_key_and_value_and_where_they_part(
    one: tuple[bytes, bytes | None], other: tuple[bytes, bytes | None]
) -> None:
    assert (DIGEST.record(*one) == DIGEST.record(*other)) == (one == other)


def test_record_digest_can_be_made_without_our_code() -> None:
    mac = blake2b(key=KEY, digest_size=16, person=b"sharebus-record")
    mac.update(b"\0\0\0\3" + b"key" + b"\1" + b"value")
    assert DIGEST.record(b"key", b"value") == mac.digest()


@given(content=st.text(min_size=1, max_size=10))
def test_equal_bytes_in_two_uses_have_unlike_digests(content: str) -> None:
    data = content.encode()
    uses = [
        DIGEST.event(data), DIGEST.entity(data), DIGEST.delivery(content),
        DIGEST.record(data, None), DIGEST.record(b"", data),
    ]  # fmt: skip
    assert len(set(uses)) == len(uses)
    assert {len(digest) for digest in uses} == {DIGEST_BYTES}


@given(data=st.binary(max_size=10))
def test_digests_under_another_key_tell_nothing_of_each_other(data: bytes) -> None:
    other = AuditDigest(KEY[::-1])
    assert DIGEST.event(data) != other.event(data)
    assert DIGEST.event(data) == DIGEST.event(data)


def test_pseudonyms_of_two_views_or_entries_cannot_be_joined() -> None:
    secrets = [
        view_pseudonym_key(KEY, entry, view)
        for entry, view in [("shops", "v-1"), ("shops", "v-2"), ("parks", "v-1")]
    ]
    found = {pseudonym(b"91330200MA2000000X", secret) for secret in secrets}
    assert len(found) == 3
    assert all(len(text) == 32 and int(text, 16) >= 0 for text in found)
