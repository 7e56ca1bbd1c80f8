"""While an entry is suspended nobody reads it, and who could before does when it is resumed."""

from datetime import date

import pytest

from sharebus.governance.agency import Agency
from sharebus.stream_apps.enforcer.desired import desired_broker

from .enforcer_case import MakeEntry, MakeGrant, facts_of


@pytest.mark.parametrize("sharing", ["conditional", "unconditional"])
def test_suspension_takes_the_readers_rights_alone_and_resuming_gives_them_back(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant, today: date,
    sharing: str,
) -> None:  # fmt: skip
    stated = {"class": sharing, **({"conditions": "x"} if sharing == "conditional" else {})}
    entry, grant = make_entry(sharing=stated), make_grant()
    facts = facts_of(*agencies, entry, grant)
    before = desired_broker(facts, today)
    assert facts.may_read(grant, today)

    facts.apply(entry.model_copy(update={"suspended": True}), facts.version + 1)
    halted = desired_broker(facts, today)
    assert not facts.may_read(grant, today)
    taken = before.rules - halted.rules
    assert taken
    assert {rule.who for rule in taken} == {grant.grantee.principal}
    assert halted.rules <= before.rules
    assert (halted.topics, halted.schemas) == (before.topics, before.schemas)

    facts.apply(entry, facts.version + 1)
    assert desired_broker(facts, today) == before


def test_suspension_of_the_provider_takes_nothing_from_those_who_read_what_it_gave(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant, today: date
) -> None:
    entry, grant = make_entry(), make_grant()
    suspended = [
        agency.model_copy(update={"suspended": agency.id == entry.provider.agency})
        for agency in agencies
    ]
    assert facts_of(*suspended, entry, grant).may_read(grant, today)
