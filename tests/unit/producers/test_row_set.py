from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus.producers.row_set import RowSet

NUMBERS = st.integers(0, 5000)


@settings(deadline=None)
@given(steps=st.lists(st.tuples(st.booleans(), NUMBERS)))
def test_row_set_does_what_a_set_does(steps: list[tuple[bool, int]]) -> None:
    rows, model = RowSet(), set[int]()
    for is_added, number in steps:
        (rows.add if is_added else rows.discard)(number)
        (model.add if is_added else model.discard)(number)
        assert len(rows) == len(model)
    assert {number for number in range(5001) if number in rows} == model


@settings(deadline=None)
@given(ours=st.sets(NUMBERS), others=st.sets(NUMBERS))
def test_minus_is_the_difference(ours: set[int], others: set[int]) -> None:
    left, right = RowSet(), RowSet()
    for number in ours:
        left.add(number)
    for number in others:
        right.add(number)
    rest = left.minus(right)
    assert len(rest) == len(ours - others)
    assert all((number in rest) == (number in ours - others) for number in range(5001))
    rest.add(6000)
    assert 6000 in rest
    assert len(left) == len(ours)
