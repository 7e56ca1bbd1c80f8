"""When a view's last grant ended follows from the facts alone, and with it when its topic goes."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sharebus.governance.facts import AnyFact, PolicyFacts
from sharebus.governance.view import view_of_grant
from sharebus.schemas.topic import view_topic
from sharebus.stream_apps.enforcer.view_end import ViewEnds

from .enforcer_case import CONDITIONAL, MakeEntry, MakeGrant

DAY_MS = 86_400_000
KEPT_DAYS = 30


class History:
    """Facts, each at the next instant, and what follows of the ends of views."""

    def __init__(self) -> None:
        self.facts, self.ends = PolicyFacts(), ViewEnds()
        self.now_ms = 0

    def add(self, fact: AnyFact) -> int:
        self.now_ms += 1_000
        before = self.facts.standing(fact)
        self.facts.apply(fact, self.now_ms)
        self.ends.learn(self.facts, before, fact, self.now_ms)
        return self.now_ms

    def ended(self, *topics: str) -> dict[str, int]:
        return {view.topic: view.ended_ms for view in self.ends.unused(topics, (), KEPT_DAYS)}


def test_view_is_due_so_long_after_its_last_grant_ended(
    make_entry: MakeEntry, make_grant: MakeGrant
) -> None:
    history = History()
    entry, first, second = make_entry(sharing=CONDITIONAL), make_grant("aa"), make_grant("bb")
    topic = view_topic("shops", view_of_grant(entry, first).name)
    for fact in (entry, first, second, make_grant("aa", revoked=True)):
        history.add(fact)
    assert history.ended(topic) == {}
    ended_ms = history.add(make_grant("bb", revoked=True))
    history.add(make_grant("aa", revoked=True))  # said again: it ended when it ended
    (unused,) = history.ends.unused([topic], (), KEPT_DAYS)
    assert (unused.ended_ms, unused.due_ms) == (ended_ms, ended_ms + KEPT_DAYS * DAY_MS)
    assert "1970-01-31" in str(unused)
    assert history.ends.unused([topic], {topic}, KEPT_DAYS) == ()


def test_view_that_is_granted_again_in_time_lives_and_its_days_begin_anew(
    make_entry: MakeEntry, make_grant: MakeGrant
) -> None:
    history = History()
    entry, grant = make_entry(sharing=CONDITIONAL), make_grant()
    topic = view_topic("shops", view_of_grant(entry, grant).name)
    for fact in (entry, grant, make_grant(revoked=True), make_grant("other")):
        history.add(fact)
    assert history.ended(topic) == {}
    again_ms = history.add(make_grant("other", revoked=True))
    assert history.ended(topic) == {topic: again_ms}


def test_views_end_with_their_entry_or_when_their_grant_is_for_other_fields(
    make_entry: MakeEntry, make_grant: MakeGrant
) -> None:
    history = History()
    entry, grant = make_entry(sharing=CONDITIONAL), make_grant()
    topic = view_topic("shops", view_of_grant(entry, grant).name)
    narrower = make_grant(fields=["code"])
    other = view_topic("shops", view_of_grant(entry, narrower).name)
    history.add(entry)
    history.add(grant)
    narrowed_ms = history.add(narrower)
    retired_ms = history.add(make_entry(sharing=CONDITIONAL, retired=True))
    assert history.ended(topic, other) == {topic: narrowed_ms, other: retired_ms}


def test_only_views_that_some_grant_asked_for_are_ever_due(
    make_entry: MakeEntry, make_grant: MakeGrant
) -> None:
    history = History()
    history.add(make_entry())
    history.add(make_grant())
    history.add(make_grant(revoked=True))
    names = ("ingress.shops", "accepted.shops", "shared.shops", "view.shops.v-0", "view.alleys.v-0")
    assert history.ended(*names) == {}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["aa", "bb"]), st.booleans(), st.booleans(), st.booleans()),
        max_size=8,
    )
)
def test_end_of_a_view_is_the_last_instant_at_which_it_ceased_to_be_asked_for(
    steps: list[tuple[str, bool, bool, bool]], make_entry: MakeEntry, make_grant: MakeGrant
) -> None:
    history = History()
    entry = make_entry(sharing=CONDITIONAL)
    names = {
        is_narrow: view_topic("shops", view_of_grant(entry, make_grant(**_fields(is_narrow))).name)
        for is_narrow in (False, True)
    }
    expected: dict[str, int] = {}
    used: set[str] = set()
    history.add(entry)
    for grant_id, is_narrow, revoked, is_entry in steps:
        fact = (
            make_entry(sharing=CONDITIONAL, retired=revoked)
            if is_entry
            else make_grant(grant_id, revoked=revoked, **_fields(is_narrow))
        )
        now_ms = history.add(fact)
        views = history.facts.views_of(history.facts.entries["shops"])
        now_used = {view_topic("shops", view.name) for view in views}
        expected |= dict.fromkeys(used - now_used, now_ms)
        expected = {topic: ended for topic, ended in expected.items() if topic not in now_used}
        used = now_used
    found = history.ended(*names.values())
    assert {t: ms for t, ms in found.items() if t in expected} == expected
    assert not used & found.keys()


def _fields(is_narrow: bool) -> dict[str, list[str]]:
    return {"fields": ["code"] if is_narrow else ["code", "owner"]}
