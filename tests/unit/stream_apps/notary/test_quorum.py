"""Witnesses are asked while the log goes on; what they contradict stops it."""

import time
from collections.abc import Callable

import pytest

from sharebus.ledger.cosignature import Cosigner
from sharebus.ledger.policy import Log, Policy, Witness
from sharebus.stream_apps.notary import quorum
from sharebus.stream_apps.notary.contradiction import Contradiction
from sharebus.stream_apps.notary.notary import Notary
from sharebus.stream_apps.notary.quorum import Quorum
from sharebus.stream_apps.notary.witnesses import Collected, Failure, Trouble

from .desk import SIGNER, Desk

WITNESS = Cosigner.from_seed("witness.example/w1", bytes(range(1, 33)))
WAIT_SECONDS_MAX = 10.0
Answer = Callable[..., Collected]


@pytest.fixture
def desk() -> Desk:
    policy = Policy(logs=[Log(SIGNER.key, b"")], quorum=b"w1")
    policy.witnesses[b"w1"] = Witness(WITNESS.key, b"http://w1.example")
    return Desk([b"entry %d" % number for number in range(4)], policy)


def signed(desk: Desk, count: int) -> Notary:
    notary = desk.notary()
    notary.take(desk.ahead(notary, count))
    assert notary.seal()
    return notary


def settle(asked: Quorum) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while asked.is_asking:
        assert time.monotonic() < deadline
        asked.settle()


def answers(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    monkeypatch.setattr(quorum, "collect", answer)


def test_what_a_witness_signs_is_published(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_from = []

    def answer(note: object, policy: object, sizes: object, prove: object) -> Collected:
        asked_from.append(dict(sizes))  # type: ignore[call-overload]
        cosignature = WITNESS.cosign(note.text, int(time.time()))  # type: ignore[attr-defined]
        return Collected({b"w1": cosignature}, {b"w1": notary.signed_size})

    answers(monkeypatch, answer)
    notary = signed(desk, 2)
    with Quorum(notary) as asked:
        asked.begin()
        settle(asked)
        assert desk.files.public == desk.register.records[-1].note.encode()
        notary.take(desk.ahead(notary, 2))
        notary.seal()
        asked.begin()
        settle(asked)
    assert asked_from == [{}, {b"w1": 2}]
    assert len(desk.register.records) == 4  # each as it was signed, and as it was cosigned
    desk.check()


def test_without_a_quorum_nothing_is_published(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    away = Collected(failures={b"w1": Failure(Trouble.AWAY, "no answer")})
    answers(monkeypatch, lambda *_: away)
    with Quorum(signed(desk, 2)) as asked:
        asked.begin()
        settle(asked)
    assert desk.files.public is None


def test_a_witness_that_has_seen_another_history_stops_the_notary(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Collected(failures={b"w1": Failure(Trouble.CONTRADICTS, "a larger tree")})
    answers(monkeypatch, lambda *_: other)
    with Quorum(signed(desk, 2)) as asked:
        asked.begin()
        with pytest.raises(Contradiction, match="a witness contradicts") as stopped:
            settle(asked)
    assert stopped.value.where == "witness w1"
    assert desk.files.public is None
