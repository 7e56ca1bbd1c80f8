import pytest

from sharebus import InvalidInput, Refused
from sharebus.consumers.readable_topic import choose_topic
from sharebus.governance.identity import SystemName

GIS = SystemName("planning", "gis")


@pytest.mark.parametrize("topic", ["shared.divisions", "view.divisions.v-1"])
def test_one_readable_topic_of_the_entry_is_taken(topic: str) -> None:
    shown = [topic, "shared.catalog", "deliveries.divisions", "accepted.divisions"]
    assert choose_topic(shown, "divisions", GIS) == topic


@pytest.mark.parametrize(
    "shown",
    [
        [],
        ["accepted.divisions", "ingress.divisions"],
        ["shared.divisions-2", "view.divisions-2.v-1"],
    ],
    ids=["nothing", "a provider's topics", "an entry whose id begins alike"],
)
def test_no_readable_topic_is_refused_with_a_remedy(shown: list[str]) -> None:
    with pytest.raises(Refused) as refusal:
        choose_topic(shown, "divisions", GIS)
    assert "planning.gis may not read entry 'divisions'" in refusal.value.problem
    assert refusal.value.remedy


def test_several_views_without_a_choice_are_named() -> None:
    shown = ["view.divisions.v-2", "shared.divisions", "view.divisions.v-1"]
    with pytest.raises(InvalidInput) as refusal:
        choose_topic(shown, "divisions", GIS)
    assert refusal.value.expected == "a choice of one of shared, v-1, v-2"


@pytest.mark.parametrize(
    ("view", "topic"), [("shared", "shared.divisions"), ("v-1", "view.divisions.v-1")]
)
def test_named_view_is_taken_among_several(view: str, topic: str) -> None:
    assert choose_topic(["shared.divisions", "view.divisions.v-1"], "divisions", GIS, view) == topic


def test_named_view_that_is_not_shown_is_refused_even_if_it_is_the_only_choice() -> None:
    with pytest.raises(Refused) as refusal:
        choose_topic(["shared.divisions"], "divisions", GIS, "v-1")
    assert refusal.value.found == "grants for the views shared"
