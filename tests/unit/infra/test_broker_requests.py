"""The bytes of the quota requests, as Kafka's protocol guide gives them for version 0."""

import struct

from sharebus.infra.broker_requests import AlterQuotas, AlterQuotasStruct, Quota


def text(value: str) -> bytes:
    return struct.pack(">h", len(value)) + value.encode()


def test_quota_is_set_for_one_user_and_removed_for_another() -> None:
    request = AlterQuotas(
        Quota((("user", user),), {"request_percentage": share})
        for user, share in (("agency.a.x", 1.0), ("agency.b.y", None))
    )
    one, remove = struct.pack(">d?", 1.0, False), struct.pack(">d?", 0.0, True)
    count = struct.pack(">i", 1)

    def entry(user: str, value: bytes) -> bytes:
        entity = count + text("user") + text(user)
        return entity + count + text("request_percentage") + value

    expected = struct.pack(">i", 2) + entry("agency.a.x", one) + entry("agency.b.y", remove)
    assert request.build(AlterQuotasStruct).encode() == expected + b"\0"
    assert (AlterQuotasStruct.API_KEY, AlterQuotasStruct.API_VERSION) == (49, 0)
