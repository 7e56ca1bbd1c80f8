"""Writes the table of working days from the library chinesecalendar: ``make calendar``.

When the State Council has announced a year (usually in November): add the notice below, let
``make lock`` take the library's new release, run this, and review the difference line by line
against the notice. Tests compare the table with the independent library ``holidays``.
"""

import json
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from chinese_calendar import Holiday
from chinese_calendar.constants import holidays, workdays

TABLE: Final = Path(__file__).parents[1] / "governance" / "tables" / "working_days.json"
FIRST_DAY: Final = date(2007, 1, 1)
"""Before this day the library is known to err: it rests on 2005-12-31, which was worked."""

LICENCE: Final = """MIT License. Copyright (c) 2017 Lirian Su. \
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and \
associated documentation files (the "Software"), to deal in the Software without restriction, \
including without limitation the rights to use, copy, modify, merge, publish, distribute, \
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is \
furnished to do so, subject to the following conditions: The above copyright notice and this \
permission notice shall be included in all copies or substantial portions of the Software. \
THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT \
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND \
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, \
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT \
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""
"""Of the library, whose wheel does not hold it: days and names are taken from there."""

# Addresses as the library's source cites them.
NOTICES: Final = {
    2007: ["http://www.gov.cn/fwxx/sh/2006-12/18/content_471877.htm"],
    2008: ["http://www.gov.cn/zwgk/2007-12/18/content_837184.htm"],
    2009: ["http://www.gov.cn/zwgk/2008-12/10/content_1174014.htm"],
    2010: ["http://www.gov.cn/zwgk/2009-12/08/content_1482691.htm"],
    2011: ["http://www.gov.cn/zwgk/2010-12/10/content_1762643.htm"],
    2012: ["http://www.gov.cn/zwgk/2011-12/06/content_2012097.htm"],
    2013: ["http://www.gov.cn/zwgk/2012-12/10/content_2286598.htm"],
    2014: ["http://www.gov.cn/zwgk/2013-12/11/content_2546204.htm"],
    2015: [
        "http://www.gov.cn/zhengce/content/2014-12/16/content_9302.htm",
        "http://www.gov.cn/zhengce/content/2015-05/13/content_9742.htm",
    ],
    2016: ["http://www.gov.cn/zhengce/content/2015-12/10/content_10394.htm"],
    2017: ["http://www.gov.cn/zhengce/content/2016-12/01/content_5141603.htm"],
    2018: ["http://www.gov.cn/zhengce/content/2017-11/30/content_5243579.htm"],
    2019: [
        "http://www.gov.cn/xinwen/2018-12/06/content_5346287.htm",
        "http://www.gov.cn/zhengce/content/2019-03/22/content_5375877.htm",
    ],
    2020: [
        "http://www.gov.cn/zhengce/content/2019-11/21/content_5454164.htm",
        "http://www.gov.cn/zhengce/content/2020-01/27/content_5472352.htm",
    ],
    2021: ["http://www.gov.cn/zhengce/content/2020-11/25/content_5564127.htm"],
    2022: ["http://www.gov.cn/zhengce/content/2021-10/25/content_5644835.htm"],
    2023: ["http://www.gov.cn/zhengce/content/2022-12/08/content_5730844.htm"],
    2024: ["https://www.gov.cn/zhengce/content/202310/content_6911527.htm"],
    2025: ["https://www.gov.cn/zhengce/content/202411/content_6986382.htm"],
    2026: ["https://www.gov.cn/zhengce/content/202511/content_7047090.htm"],
}


def horizon() -> date:
    """The last day that no notice to come will move, unless it is a correction.

    The notice for a year can move days of the December before it; the day before the earliest that
    was ever moved so, in the last year that the library knows.
    """
    moved = min(
        (day.month, day.day) for days in (holidays, workdays) for day in days if day.month == 12
    )
    return date(max(holidays).year, *moved) - timedelta(days=1)


def special_days() -> Iterator[dict[str, Any]]:
    """Every day that a notice names, in order."""
    named = [(day, False, name) for day, name in holidays.items()]
    named += [(day, True, name) for day, name in workdays.items()]
    for day, working, name in sorted(named):
        if day >= FIRST_DAY:
            title = f"{Holiday(name).chinese} {name}"
            yield {"day": day.isoformat(), "working": working, "name": title}


def table_text() -> str:
    """The table as it is checked in: one line for each day."""
    if max(NOTICES) != max(holidays).year:
        sys.exit(f"NOTICES ends with {max(NOTICES)}, the library with {max(holidays).year}")
    library = f"chinesecalendar {version('chinesecalendar')}"
    head = {
        "version": f"CN-gov {library.rpartition(' ')[2]}",
        "source": f"notices of the General Office of the State Council, by way of {library}",
        "licence": LICENCE,
        "first_day": FIRST_DAY.isoformat(),
        "horizon": horizon().isoformat(),
    }
    notices = [
        {"year": year, "address": address}
        for year, addresses in NOTICES.items()
        for address in addresses
    ]
    parts = [f'  "{name}": {_in_json(value)}' for name, value in head.items()]
    parts += [_lines("notices", notices), _lines("days", special_days())]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(name: str, rows: Any) -> str:
    return f'  "{name}": [\n    ' + ",\n    ".join(_in_json(row) for row in rows) + "\n  ]"


def _in_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    TABLE.write_text(table_text(), encoding="utf-8")
