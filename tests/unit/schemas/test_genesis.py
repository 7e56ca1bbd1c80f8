from sharebus.ledger.chain import WriterHead
from sharebus.schemas.genesis import Genesis
from sharebus.schemas.record import audit_batch

GENESIS = Genesis("cluster-1", "audit", "topic-1")


def record(batch: dict[str, object]) -> bytes:
    return audit_batch().encode(7, WriterHead("catalog").link(batch))


def test_genesis_is_an_audit_record_like_others() -> None:
    assert Genesis.of(record(GENESIS.batch(1_000))) == GENESIS


def test_no_other_record_is_taken_for_it() -> None:
    assert Genesis.of(record({**GENESIS.batch(1_000), "kind": "policy"})) is None
    assert Genesis.of(record({**GENESIS.batch(1_000), "lines": []})) is None
    assert Genesis.of(b"") is None
