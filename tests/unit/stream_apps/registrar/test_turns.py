"""Each agency's commands are taken in their order, and nobody's flood comes before another's."""

from hypothesis import given
from hypothesis import strategies as st

from sharebus.schemas.filed_command import Arrival
from sharebus.stream_apps.registrar.turns import HELD_BYTES_MAX, HELD_MAX, PORTION_MAX, Turns

FLOODS = st.lists(st.integers(1, 300), min_size=1, max_size=70)


def filled(counts: list[int]) -> Turns:
    turns = Turns()
    for number, count in enumerate(counts):
        for offset in range(count):
            turns.put(Arrival(f"commands.a-{number}", offset, offset, b"x"))
    return turns


@given(FLOODS)
def test_each_command_is_taken_once_in_the_order_of_its_topic(counts: list[int]) -> None:
    turns = filled(counts)
    taken: dict[str, list[int]] = {}
    while portion := turns.take():
        assert len(portion) <= PORTION_MAX
        for arrival in portion:
            taken.setdefault(arrival.topic, []).append(arrival.offset)
    assert turns.is_empty()
    assert taken == {f"commands.a-{n}": list(range(count)) for n, count in enumerate(counts)}


@given(FLOODS)
def test_who_comes_last_with_one_command_waits_for_one_portion_per_fifty_others(
    counts: list[int],
) -> None:
    turns = filled(counts)
    turns.put(Arrival("commands.last", 0, 10**6, b"x"))
    portions = 1
    while "commands.last" not in {arrival.topic for arrival in turns.take()}:
        portions += 1
    assert portions <= len(counts) // PORTION_MAX + 1


def test_command_that_comes_a_second_time_is_passed_over() -> None:
    turns = filled([3])
    turns.put(Arrival("commands.a-0", 1, 0, b"x"))
    assert [arrival.offset for arrival in turns.take()] == [0, 1, 2]
    assert turns.next_offset("commands.a-0") == 3


def test_topic_is_held_back_by_number_or_by_length_until_most_of_it_is_taken() -> None:
    many = filled([HELD_MAX])
    assert many.is_full("commands.a-0")
    assert not many.is_low("commands.a-0")
    while not many.is_low("commands.a-0"):
        many.take()
    assert not many.is_empty()
    long = Turns()
    long.put(Arrival("commands.a", 0, 0, bytes(HELD_BYTES_MAX)))
    assert long.is_full("commands.a")
    assert not long.is_low("commands.a")
    long.take()
    assert long.is_low("commands.a")
    assert not long.is_full("commands.a")
