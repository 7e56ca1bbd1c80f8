"""What an inspection found, as its provider reads it."""

from datetime import date

from sharebus.producers.desk.inspection import Disposal, read_inspection

from ...governance.docket.town import Town


def test_inspection_tells_each_holder_with_what_it_recorded_in_sum() -> None:
    town = Town()
    town.ask("r-1", "open")
    town.ask("r-2", "open", ("name",))
    days = {"first_day": "2026-02-01", "last_day": "2026-02-28"}
    for case, events in (("u-1", 7), ("u-2", 5)):
        town.file("tax", "usage", case, "record", grant="r-1", purpose="核验", used_by="征管处",
                  period=days, events=events)  # fmt: skip
    town.file("tax", "usage", "u-3", "dispose", grant="r-1", means="删除", day="2026-03-01",
              period=days)  # fmt: skip
    town.file("tax", "grant", "r-2", "give_back")
    town.file("market", "usage", "u-4", "inspect", entry="open")
    found = read_inspection(town.case("usage", "u-4"), "S Art 29")
    assert (found.case, found.basis) == ("u-4", "S Art 29")
    first, second = found.holders
    assert (first.grant.id, first.holds, first.uses, first.events) == ("r-1", True, 2, 12)
    assert first.last_used == date(2026, 2, 28)
    assert first.disposed == Disposal(date(2026, 3, 1), "删除", is_whole=False)
    assert (second.grant.id, second.holds, second.uses) == ("r-2", False, 0)
    assert (second.last_used, second.disposed) == (None, None)
