import pytest

from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.cosignature import Cosigner
from sharebus.ledger.errors import Malformed, Untrusted
from sharebus.ledger.keys import NoteSigner
from sharebus.ledger.note import Note
from sharebus.ledger.policy import Group, Policy

from . import samples

NOW = samples.COSIGNED_SECONDS + 10
W1, W2 = samples.WITNESS, samples.OTHER_WITNESS
LOG_LINE = f"log {samples.VKEY}\n"
WITNESS_LINES = f"witness W1 {W1.key.vkey()}\nwitness W2 {W2.key.vkey()}\n"


def policy(*lines: str) -> Policy:
    return Policy.parse(
        (LOG_LINE + WITNESS_LINES + "".join(f"{line}\n" for line in lines)).encode()
    )


def cosigned(*cosigners: Cosigner, seconds: int = samples.COSIGNED_SECONDS) -> Note:
    return samples.SIGNED.with_signatures(
        cosigner.cosign(samples.BODY, seconds) for cosigner in cosigners
    )


def test_policy_file_is_read() -> None:
    read = Policy.parse(samples.POLICY)
    assert [(log.key.vkey(), log.url) for log in read.logs] == [
        (samples.VKEY, b"https://log.example/")
    ]
    assert {name: (witness.key, witness.url) for name, witness in read.witnesses.items()} == {
        b"W1": (W1.key, b""),
        b"W2": (W2.key, b"https://w2.example/"),
    }
    assert read.groups == {b"both": Group(1, (b"W1", b"W2"))}
    assert read.quorum == b"both"


def test_comments_blank_lines_and_tabs_are_allowed() -> None:
    text = f"\n \t\n  # a comment: \u4e2d\n\tquorum\t none \n{LOG_LINE}"
    read = Policy.parse(text.encode())
    assert read.quorum is None
    assert len(read.logs) == 1


def test_names_are_octets() -> None:
    text = WITNESS_LINES.encode().replace(b"W1", b"\xe2\x84\xaa").replace(b"W2", b"\xff")
    read = Policy.parse(text + b"group K 1 \xff \xe2\x84\xaa\nquorum K\n")
    assert read.is_met_by([b"\xff"])
    assert not read.is_met_by([b"K"])


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("", "no quorum line"),
        ("quorum none\nquorum none\n", "second quorum"),
        ("quorum W9\n", "no earlier line defines"),
        ("quorum g\ngroup g any W1\n", "no earlier line defines"),
        ("group g any W9\nquorum none\n", "no earlier line defines"),
        ("group g any g\nquorum none\n", "no earlier line defines"),
        ("group g any none\nquorum none\n", "no earlier line defines"),
        ("group g any W1 W1\nquorum none\n", "member twice"),
        ("group g any W1\ngroup h all W1 W2\nquorum none\n", "member twice"),
        ("group g any\nquorum none\n", "not a log, witness, group or quorum"),
        ("group W1 any W2\nquorum none\n", "name that is taken"),
        ("group none any W2\nquorum none\n", "name that is taken"),
        ("group g 0 W1\nquorum none\n", "threshold"),
        ("group g 3 W1 W2\nquorum none\n", "threshold"),
        ("group g 01 W1 W2\nquorum none\n", "threshold"),
        ("group g -1 W1 W2\nquorum none\n", "threshold"),
        ("group g some W1 W2\nquorum none\n", "threshold"),
        (f"group g {'9' * 5000} W1 W2\nquorum none\n", "threshold"),
        ("quorum\n", "not a log, witness, group or quorum"),
        ("quorum W1 W2\n", "not a log, witness, group or quorum"),
        ("Quorum none\n", "not a log, witness, group or quorum"),
        ("quorum none\r\n", "control character"),
        ("quorum none\x7f\n", "control character"),
        (LOG_LINE + "quorum none\n", "log's key stands twice"),
        ("log x y z\nquorum none\n", "not a log, witness, group or quorum"),
        (f"log {W1.key.vkey()}\nquorum none\n", "another kind of signature"),
        (f"witness W3 {samples.VKEY}\nquorum none\n", "another kind of signature"),
        (f"witness W3 {W1.key.vkey()}\nquorum none\n", "witness's key stands twice"),
        (
            f"witness W3 {Cosigner.from_seed('other.example', bytes(range(32))).key.vkey()}\n"
            "quorum none\n",
            "witness's key stands twice",
        ),
    ],
)
def test_policy_that_is_none_is_malformed(lines: str, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        Policy.parse((LOG_LINE + WITNESS_LINES + lines).encode())


def test_message_names_the_line() -> None:
    with pytest.raises(Malformed) as refused:
        policy("# fine", "quorum nobody")
    assert refused.value.where == "line 5"


@pytest.mark.parametrize(
    ("quorum", "met_by"),
    [
        (("quorum none",), [(), (W1,), (W2,), (W1, W2)]),
        (("quorum W2",), [(W2,), (W1, W2)]),
        (("group g any W1 W2", "quorum g"), [(W1,), (W2,), (W1, W2)]),
        (("group g all W1 W2", "quorum g"), [(W1, W2)]),
        (("group g 2 W1 W2", "quorum g"), [(W1, W2)]),
        (("group a any W1", "group b all a W2", "quorum b"), [(W1, W2)]),
        (("group a any W1", "group b any a W2", "quorum b"), [(W1,), (W2,), (W1, W2)]),
    ],
)
def test_checkpoint_is_accepted_by_its_quorum_only(
    quorum: tuple[str, ...], met_by: list[tuple[Cosigner, ...]]
) -> None:
    for cosigners in ((), (W1,), (W2,), (W1, W2)):
        if cosigners in met_by:
            witnessed = policy(*quorum).accept(cosigned(*cosigners), NOW)
            assert witnessed.checkpoint == Checkpoint(samples.ORIGIN, 15, samples.ROOT)
            assert len(witnessed.seconds_by_witness) == len(cosigners)
        else:
            with pytest.raises(Untrusted, match="too few witnesses"):
                policy(*quorum).accept(cosigned(*cosigners), NOW)


def test_witness_that_signs_twice_counts_once_with_its_last_time() -> None:
    both = policy("group g 2 W1 W2", "quorum g")
    doubled = Note(
        samples.BODY,
        (
            *samples.SIGNED.signatures,
            W1.cosign(samples.BODY, 7), W1.cosign(samples.BODY, 9), W1.cosign(samples.BODY, 8),
        ),
    )  # fmt: skip
    with pytest.raises(Untrusted, match="too few witnesses"):
        both.accept(doubled, NOW)
    assert policy("quorum W1").accept(doubled, NOW).seconds_by_witness == {b"W1": 9}


def test_cosignature_from_the_future_does_not_count() -> None:
    note = cosigned(W1, seconds=NOW + 1)
    with pytest.raises(Untrusted, match="too few witnesses"):
        policy("quorum W1").accept(note, NOW)
    assert policy("quorum W1").accept(note, NOW + 1).seconds_by_witness == {b"W1": NOW + 1}


def test_cosignature_replayed_from_another_checkpoint_spoils_the_note() -> None:
    other = Checkpoint(samples.ORIGIN, 14, samples.ROOT).body()
    note = samples.SIGNED.with_signatures([W1.cosign(other, samples.COSIGNED_SECONDS)])
    with pytest.raises(Untrusted, match="signature of a known key is wrong"):
        policy("quorum W1").accept(note, NOW)


def test_strangers_do_not_count() -> None:
    stranger = Cosigner.from_seed("stranger.example", bytes(32))
    same_name = Cosigner.from_seed("witness.example/w1", bytes(32))
    note = cosigned(stranger, same_name)
    with pytest.raises(Untrusted, match="too few witnesses"):
        policy("quorum W1").accept(note, NOW)
    assert policy("quorum none").accept(note, NOW).seconds_by_witness == {}


def test_cosigned_checkpoint_without_the_log_s_signature_is_refused() -> None:
    note = Note(samples.BODY).with_signatures([W1.cosign(samples.BODY, 5)])
    with pytest.raises(Untrusted, match="no known key"):
        policy("quorum W1").accept(note, NOW)


def test_checkpoint_of_a_log_that_is_not_named_is_refused() -> None:
    other = NoteSigner.from_seed("other.example", bytes(32))
    body = Checkpoint("other.example", 15, samples.ROOT).body()
    with pytest.raises(Untrusted, match="does not name this log"):
        policy("quorum none").accept(Note(body).signed_by(other), NOW)
    # One trusted log cannot speak for another.
    spoken_for = policy("quorum none", f"log {other.key.vkey()}")
    with pytest.raises(Untrusted, match="no known key"):
        spoken_for.accept(Note(body).signed_by(samples.LOG), NOW)
