from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus.ledger.errors import LedgerError, Malformed, Unproven
from sharebus.ledger.hashing import EMPTY_ROOT, leaf_hash
from sharebus.ledger.proofs import (
    PROOF_HASHES_MAX,
    consistency_proof,
    inclusion_proof,
    parse_proof_lines,
    proof_lines,
    range_root,
    verify_consistency,
    verify_inclusion,
)

from . import samples
from .naive_tree import LEAVES, leaf, mth, node, nodes, path, proof

SIZES = range(1, len(LEAVES) + 1)
HASH = b"\x05" * 32

sizes = st.integers(min_value=1, max_value=len(LEAVES))


@st.composite
def leaf_places(draw: st.DrawFn) -> tuple[int, int]:
    """A leaf's index, and the size of a tree that has it."""
    size = draw(sizes)
    return draw(st.integers(min_value=0, max_value=size - 1)), size


@st.composite
def growths(draw: st.DrawFn) -> tuple[int, int]:
    """The sizes of a tree and of a larger one."""
    new_size = draw(st.integers(min_value=2, max_value=len(LEAVES)))
    return draw(st.integers(min_value=1, max_value=new_size - 1)), new_size


def flipped(hashes: Sequence[bytes], number: int) -> list[bytes]:
    changed = list(hashes)
    changed[number] = bytes([changed[number][0] ^ 1]) + changed[number][1:]
    return changed


@pytest.mark.parametrize("size", SIZES)
def test_inclusion_of_every_leaf_is_as_rfc_6962_defines_and_verifies(size: int) -> None:
    root = mth(LEAVES[:size])
    for index in range(size):
        made = inclusion_proof(index, size, nodes)
        assert made == path(index, LEAVES[:size])
        verify_inclusion(leaf(LEAVES[index]), index, size, made, root)


@pytest.mark.parametrize("new_size", SIZES)
def test_consistency_of_every_smaller_tree_is_as_rfc_6962_defines_and_verifies(
    new_size: int,
) -> None:
    new_root = mth(LEAVES[:new_size])
    for old_size in range(1, new_size + 1):
        made = consistency_proof(old_size, new_size, nodes)
        assert made == proof(old_size, LEAVES[:new_size])
        verify_consistency(old_size, mth(LEAVES[:old_size]), new_size, new_root, made)


@pytest.mark.parametrize("size", SIZES)
def test_range_root_from_the_first_leaf_is_the_tree_s(size: int) -> None:
    assert range_root(0, size, nodes) == mth(LEAVES[:size])


def test_published_proofs_are_reproduced() -> None:
    tree = samples.LEAVES
    seven = [*samples.INCLUSION_7[:1], samples.CONSISTENCY_7_ONLY, *samples.INCLUSION_7[1:]]
    assert path(7, tree) == list(samples.INCLUSION_7)
    assert proof(7, tree) == seven
    assert proof(8, tree) == seven[-1:]
    verify_inclusion(samples.LEAF_HASHES[7], 7, 15, samples.INCLUSION_7, samples.ROOT)
    verify_consistency(7, mth(tree[:7]), 15, samples.ROOT, seven)
    verify_consistency(8, mth(tree[:8]), 15, samples.ROOT, seven[-1:])


def test_range_root_of_nothing_is_that_of_the_empty_tree() -> None:
    assert range_root(0, 0, nodes) == EMPTY_ROOT


@given(leaf_places(), st.data())
def test_inclusion_with_a_changed_proof_is_refused(
    place: tuple[int, int], data: st.DataObject
) -> None:
    index, size = place
    root, current = mth(LEAVES[:size]), leaf(LEAVES[index])
    good = path(index, LEAVES[:size])
    wrong = [[*good, HASH], [HASH, *good], [*good, root], [*good, current]]
    if good:
        number = data.draw(st.integers(min_value=0, max_value=len(good) - 1))
        wrong += [
            flipped(good, number),
            good[:number] + good[number + 1 :],
            [*good[:number], good[number], *good[number:]],
        ]
    if len(good) > 1:
        wrong.append(good[::-1])
    for each in wrong:
        with pytest.raises(Unproven, match="not show that the record is in the log"):
            verify_inclusion(current, index, size, each, root)


@given(leaf_places(), leaf_places())
def test_inclusion_of_another_leaf_index_or_size_is_refused(
    place: tuple[int, int], other: tuple[int, int]
) -> None:
    index, size = place
    root, good = mth(LEAVES[:size]), path(index, LEAVES[:size])
    with pytest.raises(Unproven):
        verify_inclusion(leaf(b"another"), index, size, good, root)
    with pytest.raises(Unproven):
        verify_inclusion(leaf(LEAVES[index]), index, size, good, HASH)
    other_index, other_size = other
    if other_index != index and other_index < size:
        with pytest.raises(Unproven):
            verify_inclusion(leaf(LEAVES[index]), other_index, size, good, root)
    if other_size != size:
        # The same hashes may be a proof under another size, but never for that size's root.
        with pytest.raises(LedgerError):
            verify_inclusion(leaf(LEAVES[index]), index, other_size, good, mth(LEAVES[:other_size]))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 4), (4, 4), (0, 2**63)])
def test_inclusion_of_a_leaf_that_the_tree_has_not_is_malformed(index: int, size: int) -> None:
    with pytest.raises(Malformed, match="no such leaf"):
        verify_inclusion(HASH, index, size, [], HASH)
    with pytest.raises(Malformed, match="no such leaf"):
        inclusion_proof(index, size, nodes)


@given(growths(), st.data())
def test_consistency_with_a_changed_proof_is_refused(
    growth: tuple[int, int], data: st.DataObject
) -> None:
    old_size, new_size = growth
    old_root, new_root = mth(LEAVES[:old_size]), mth(LEAVES[:new_size])
    good = proof(old_size, LEAVES[:new_size])
    number = data.draw(st.integers(min_value=0, max_value=len(good) - 1))
    wrong = [
        [], [*good, HASH], [HASH, *good], [*good, new_root], [old_root, *good],
        flipped(good, number), good[:number] + good[number + 1 :],
    ]  # fmt: skip
    if len(good) > 1:
        wrong.append(good[::-1])
    for each in wrong:
        with pytest.raises(Unproven, match="not show that the log only grew"):
            verify_consistency(old_size, old_root, new_size, new_root, each)


@given(growths(), sizes)
def test_consistency_of_other_roots_or_sizes_is_refused(
    growth: tuple[int, int], other: int
) -> None:
    old_size, new_size = growth
    old_root, new_root = mth(LEAVES[:old_size]), mth(LEAVES[:new_size])
    good = proof(old_size, LEAVES[:new_size])
    for old, new in [(HASH, new_root), (old_root, HASH), (new_root, old_root)]:
        with pytest.raises(Unproven):
            verify_consistency(old_size, old, new_size, new, good)
    if other != old_size:
        with pytest.raises(LedgerError):
            verify_consistency(other, old_root, new_size, new_root, good)
    if other != new_size:
        with pytest.raises(LedgerError):
            verify_consistency(old_size, old_root, other, mth(LEAVES[:other]), good)


@pytest.mark.parametrize("changed", [0, 3, 6])
def test_consistency_over_a_rewritten_record_is_refused(changed: int) -> None:
    rewritten = (*LEAVES[:changed], b"rewritten", *LEAVES[changed + 1 : 20])
    with pytest.raises(Unproven):
        verify_consistency(7, mth(LEAVES[:7]), 20, mth(rewritten), proof(7, rewritten))


def test_consistency_of_one_size_with_two_roots_is_refused() -> None:
    verify_consistency(5, HASH, 5, HASH, [])
    with pytest.raises(Unproven, match="only grew") as refused:
        verify_consistency(5, HASH, 5, mth(LEAVES[:5]), [])
    assert refused.value.found == "one size has two roots"
    with pytest.raises(Unproven):
        verify_consistency(5, HASH, 5, HASH, [HASH])


def test_consistency_from_the_empty_tree_takes_its_one_root_and_no_proof() -> None:
    verify_consistency(0, EMPTY_ROOT, 3, HASH, [])
    verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    assert consistency_proof(0, 3, nodes) == []
    for old_root, new_size, new_root, given_proof in [
        (HASH, 3, HASH, []),
        (EMPTY_ROOT, 3, HASH, [HASH]),
        (EMPTY_ROOT, 0, HASH, []),
        (HASH, 0, HASH, []),
    ]:
        with pytest.raises(Unproven):
            verify_consistency(0, old_root, new_size, new_root, given_proof)


@pytest.mark.parametrize(("old_size", "new_size"), [(2, 1), (-1, 1), (1, 2**63)])
def test_consistency_of_a_log_that_shrank_is_malformed(old_size: int, new_size: int) -> None:
    with pytest.raises(Malformed, match="only a smaller tree"):
        verify_consistency(old_size, HASH, new_size, HASH, [])
    with pytest.raises(Malformed, match="only a smaller tree"):
        consistency_proof(old_size, new_size, nodes)


@pytest.mark.parametrize("bad", [b"", HASH[:31], HASH + b"\x00"])
def test_verifiers_take_nothing_but_hashes(bad: bytes) -> None:
    for call in (
        lambda: verify_inclusion(bad, 0, 2, [HASH], HASH),
        lambda: verify_inclusion(HASH, 0, 2, [bad], HASH),
        lambda: verify_inclusion(HASH, 0, 2, [HASH], bad),
        lambda: verify_consistency(1, bad, 2, HASH, [HASH]),
        lambda: verify_consistency(1, HASH, 2, bad, [HASH]),
        lambda: verify_consistency(1, HASH, 2, HASH, [bad]),
    ):
        with pytest.raises(Malformed, match="wrong length"):
            call()


def test_longer_proof_is_refused_even_if_the_roots_were_made_for_it() -> None:
    current = leaf(LEAVES[0])
    with pytest.raises(Unproven) as refused:
        verify_inclusion(current, 0, 1, [HASH], node(HASH, current))
    assert refused.value.found == "the proof has too many hashes"
    old_root, new_root = node(HASH, mth(LEAVES[:3])), node(HASH, mth(LEAVES[:4]))
    with pytest.raises(Unproven) as refused:
        verify_consistency(3, old_root, 4, new_root, [*proof(3, LEAVES[:4]), HASH])
    assert refused.value.found == "the proof has too many hashes"


def test_shorter_proof_is_refused_even_if_the_roots_were_made_for_it() -> None:
    current = leaf(LEAVES[0])
    with pytest.raises(Unproven) as refused:
        verify_inclusion(current, 0, 3, [HASH], node(current, HASH))
    assert refused.value.found == "the proof has too few hashes"
    # Accepted by verifiers that do not ask whether the path reached the top of the new tree.
    first = proof(2, LEAVES[:4])
    verify_consistency(2, mth(LEAVES[:2]), 4, mth(LEAVES[:4]), first)
    with pytest.raises(Unproven) as refused:
        verify_consistency(2, mth(LEAVES[:2]), 8, mth(LEAVES[:4]), first)
    assert refused.value.found == "the proof has too few hashes"


def test_inner_node_is_no_leaf() -> None:
    root = mth(LEAVES[:4])
    left, right = mth(LEAVES[:2]), mth(LEAVES[2:4])
    verify_inclusion(left, 0, 2, [right], root)  # the hashes alone cannot tell: the size does
    with pytest.raises(Unproven):
        verify_inclusion(left, 0, 4, [right], root)
    with pytest.raises(Unproven):
        verify_inclusion(leaf_hash(left + right), 0, 1, [], node(left, right))


def test_proof_lines_read_what_they_wrote() -> None:
    made = path(9, LEAVES)
    lines = proof_lines(made).split(b"\n")
    assert lines.pop() == b""
    assert parse_proof_lines(lines) == tuple(made)
    assert proof_lines([]) == b""


def test_proof_lines_beyond_the_longest_proof_are_malformed() -> None:
    line = proof_lines([HASH]).strip()
    assert len(parse_proof_lines([line] * PROOF_HASHES_MAX)) == PROOF_HASHES_MAX
    with pytest.raises(Malformed, match="too long"):
        parse_proof_lines([line] * (PROOF_HASHES_MAX + 1))
    with pytest.raises(Malformed, match="wrong length"):
        parse_proof_lines([b"AAAA"])
