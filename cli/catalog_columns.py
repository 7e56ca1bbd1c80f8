"""The core metadata of the national catalog guide (政务信息资源目录编制指南), read from CSV. Pure.

A row is a data item (信息项). The columns of the resource stand in its first row; below it they are
empty or the same.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

NAME, CODE, CLASSIFICATION = "信息资源名称", "信息资源代码", "信息资源分类"
PROVIDER, PROVIDER_CODE = "信息资源提供方", "信息资源提供方代码"
ABSTRACT, FORMAT = "信息资源摘要", "信息资源格式"
ITEM, TYPE = "信息项名称", "数据类型"
CLASS, CONDITIONS, MODE = "共享类型", "共享条件", "共享方式"
CYCLE = "更新周期"
REQUIRED: Final = (NAME, CODE, PROVIDER, PROVIDER_CODE, ABSTRACT, ITEM, TYPE, CLASS, CYCLE)
OPTIONAL: Final = (CLASSIFICATION, FORMAT, CONDITIONS, MODE, "开放属性", "发布日期", "关联资源代码")

CLASSES: Final = {
    "无条件共享": "unconditional", "有条件共享": "conditional", "不予共享": "not_shared",
}  # fmt: skip
CYCLES: Final = {
    "实时": "on_change", "不定期": "on_change", "每小时": "hourly", "每日": "daily",
    "每周": "weekly", "每旬": "ten_days", "每月": "monthly", "每季度": "quarterly",
    "每半年": "half_yearly", "每年": "yearly", "不更新": "once",
}  # fmt: skip
TYPES: Final[Mapping[str, Any]] = {
    "字符型": "string", "备注型": "string", "整型": "long", "数值型": "double",
    "双精度型": "double", "浮点型": "double", "逻辑型": "boolean",
    "货币型": {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2},
    "日期型": {"type": "int", "logicalType": "date"},
    "日期时间型": {"type": "long", "logicalType": "timestamp-millis"},
}  # fmt: skip
DATABASES: Final = {"基础": "base", "主题": "comprehensive", "部门": "specialised"}
_CODE: Final = re.compile(r"[0-9A-Za-z]+(?:[/-][0-9A-Za-z]+)*")
_CODE_CHARS_MAX: Final = 38
_ID_PREFIX: Final = "r-"


class Defect(NamedTuple):
    """What is wrong in a place of the file."""

    line: int
    column: str
    expected: str
    found: str


class Resource(NamedTuple):
    """A resource as the columns state it: its first line, its values, and its data items."""

    line: int
    id: str
    stated: Mapping[str, str]
    items: tuple[tuple[str, Any], ...]


class Line(NamedTuple):
    """A row of the file with its line, by column."""

    number: int
    cells: Mapping[str, str]


def header_defects(header: Iterable[str]) -> list[Defect]:
    """Columns that are missing, unknown or there twice."""
    columns = list(header)
    known = (*REQUIRED, *OPTIONAL)
    missing = [Defect(1, name, "this column", "no such column") for name in REQUIRED
               if name not in columns]  # fmt: skip
    unknown = [Defect(1, name or "without a name", "a column of the guide: " + ", ".join(known),
                      name) for name in columns if name not in known]  # fmt: skip
    twice = [Defect(1, name, "the column once", f"{columns.count(name)} times")
             for name in known if columns.count(name) > 1]  # fmt: skip
    return [*missing, *unknown, *twice]


def read_resources(lines: Iterable[Line]) -> tuple[list[Resource], list[Defect]]:
    """The resources of all rows, and everything that is wrong with them."""
    groups: list[list[Line]] = []
    for line in lines:
        code = line.cells.get(CODE, "")
        is_further = not code and not line.cells.get(NAME)
        if groups and (is_further or code == groups[-1][0].cells.get(CODE)):
            groups[-1].append(line)
        else:
            groups.append([line])
    defects: list[Defect] = []
    resources: list[Resource] = []
    first_lines: dict[str, int] = {}
    for group in groups:
        found = list(_defects(group))
        first = group[0]
        entry_id = entry_id_of(first.cells.get(CODE, ""))
        before = first_lines.setdefault(entry_id, first.number)
        if before != first.number:
            text = first.cells[CODE]
            found.append(Defect(first.number, CODE, f"another code than in line {before}", text))
        defects += found
        if not found:
            items = tuple((line.cells[ITEM], _avro_type(line.cells[TYPE])) for line in group)
            resources.append(Resource(first.number, entry_id, first.cells, items))
    return resources, defects


def entry_id_of(code: str) -> str:
    """The entry's id: the resource's code in what an id may hold."""
    return _ID_PREFIX + code.replace("/", "-").lower()


def database_of(classification: str) -> tuple[str, str] | None:
    """Kind of database and domain that a classification (类/项/目/细目) says, if it does."""
    parts = [part.strip() for part in re.split(r"[/／>]", classification) if part.strip()]
    kind = next((DATABASES[word] for word in DATABASES if parts and word in parts[0]), None)
    return (kind, "/".join(parts[1:]) or parts[0]) if kind else None


def _defects(group: list[Line]) -> Iterator[Defect]:
    first = group[0]
    for column in REQUIRED:
        if column not in (ITEM, TYPE) and not first.cells.get(column):
            yield Defect(first.number, column, "a value", "nothing")
    code = first.cells.get(CODE, "")
    if code and (not _CODE.fullmatch(code) or len(code) > _CODE_CHARS_MAX):
        yield Defect(first.number, CODE, f"digits and letters, joined by / or -, at most "
                     f"{_CODE_CHARS_MAX}", code)  # fmt: skip
    for column, words in ((CLASS, CLASSES), (CYCLE, CYCLES)):
        value = first.cells.get(column, "")
        if value and value not in words:
            yield Defect(first.number, column, ", ".join(words), value)
    if first.cells.get(CLASS) in ("有条件共享", "不予共享") and not first.cells.get(CONDITIONS):
        wanted = "the conditions" if first.cells[CLASS] == "有条件共享" else "the legal basis"
        yield Defect(first.number, CONDITIONS, wanted, "nothing")
    yield from _item_defects(group)


def _item_defects(group: list[Line]) -> Iterator[Defect]:
    seen: dict[str, int] = {}
    for line in group:
        name, kind = line.cells.get(ITEM, ""), line.cells.get(TYPE, "")
        if not name:
            yield Defect(line.number, ITEM, "the name of a data item", "nothing")
        elif seen.setdefault(name, line.number) != line.number:
            yield Defect(line.number, ITEM, f"another name than in line {seen[name]}", name)
        if _avro_type(kind) is None:
            yield Defect(line.number, TYPE, ", ".join(TYPES), kind or "nothing")
        for column in (*REQUIRED, *OPTIONAL):
            value = line.cells.get(column, "")
            if column not in (ITEM, TYPE) and value not in ("", group[0].cells.get(column, "")):
                yield Defect(line.number, column, f"nothing, or as in line {group[0].number}: "
                             f"{group[0].cells.get(column, '')}", value)  # fmt: skip


def _avro_type(stated: str) -> Any:
    """The guide writes the type with its letter: 字符型C."""
    return TYPES.get(re.sub(r"\s*[(（]?[A-Z]?[)）]?$", "", stated))
