from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus.governance.rule import Rule
from sharebus.stream_apps.gate.delivery import DELIVERIES_MAX, DeliveryCounts
from sharebus.stream_apps.gate.judge import Refusal

Name = tuple[str, str]
COUNTED = ("accepted", "refused", "duplicate")


def name_of(number: int) -> Name:
    return ("2026-11", f"d-{number}")


def test_open_of_closed_delivery_is_refused() -> None:
    counts = DeliveryCounts()
    counts.open(name_of(1)).accepted += 1
    counts.of(name_of(1)).closed = True
    with pytest.raises(Refusal, match=Rule.DELIVERY_CLOSED):
        counts.open(name_of(1))
    assert counts.of(name_of(1)).accepted == 1


def test_same_delivery_id_in_another_period_is_another_delivery() -> None:
    counts = DeliveryCounts()
    counts.of(("2026-10", "d")).closed = True
    counts.open(("2026-11", "d"))


def test_forgetting_takes_closed_deliveries_first() -> None:
    counts = DeliveryCounts()
    for number in range(DELIVERIES_MAX):
        counts.of(name_of(number)).closed = number in (7, 9)
    counts.of(name_of(1000))
    known = {record["delivery"] for record in counts.records()}
    assert "d-7" not in known
    assert {"d-0", "d-9", "d-1000"} <= known


@given(
    events=st.lists(
        st.tuples(st.integers(0, DELIVERIES_MAX + 8), st.sampled_from([*COUNTED, "closed"])),
        max_size=300,
    ),
    cut=st.integers(0, 300),
)
def test_counts_equal_the_naive_model_also_across_a_restart(
    events: list[tuple[int, str]], cut: int
) -> None:
    counts = DeliveryCounts()
    naive: OrderedDict[Name, dict[str, int]] = OrderedDict()
    for position, (number, what) in enumerate(events):
        if position == cut:
            counts = DeliveryCounts(counts.records())
        name = name_of(number)
        count = counts.of(name)
        if name not in naive and len(naive) == DELIVERIES_MAX:
            closed = [known for known, value in naive.items() if value["closed"]]
            del naive[closed[0] if closed else next(iter(naive))]
        expected = naive.setdefault(name, {**dict.fromkeys(COUNTED, 0), "closed": False})
        naive.move_to_end(name)
        if what == "closed":
            count.closed = expected["closed"] = True
        else:
            setattr(count, what, getattr(count, what) + 1)
            expected[what] += 1
    assert counts.records() == [
        {"period": period, "delivery": delivery, **value}
        for (period, delivery), value in naive.items()
    ]
