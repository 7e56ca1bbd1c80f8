"""A catalog kept by the national guide becomes drafts, or every problem of it is named."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from sharebus import InvalidInput
from sharebus.cli.catalog_columns import CODE, CYCLES, REQUIRED, TYPES
from sharebus.cli.catalog_import import read_catalog_file
from sharebus.cli.main import app
from sharebus.governance.entry import UpdateDuty
from sharebus.governance.schema_lint import lint_schema
from sharebus.infra.catalog_files import PLACEHOLDER, load_catalog_files
from sharebus.producers.input_file import inspect_file

HEADER = [
    "信息资源分类", "信息资源名称", "信息资源代码", "信息资源提供方", "信息资源提供方代码",
    "信息资源摘要", "信息项名称", "数据类型", "共享类型", "共享条件", "更新周期",
]  # fmt: skip
FIRST = [
    "基础信息资源/法人", "企业登记", "307/0012", "宁波市市场监督管理局", "11330200MB0000000X",
    "全市企业", "名称", "字符型C", "有条件共享", "依法履职", "每日",
]  # fmt: skip
SECOND = ["", "", "", "", "", "", "成立日期", "日期型", "", "", ""]


def write(path: Path, *rows: list[str], encoding: str = "utf-8") -> Path:
    path.write_bytes("\r\n".join(",".join(row) for row in rows).encode(encoding))
    return path


def problems(path: Path) -> str:
    with pytest.raises(InvalidInput) as refused:
        read_catalog_file(inspect_file(path))
    return str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_rows_become_a_draft_with_one_item_each(tmp_path: Path, encoding: str) -> None:
    file = write(tmp_path / "目录.csv", HEADER, FIRST, SECOND, encoding=encoding)
    done = CliRunner().invoke(app, ["catalog", "import", str(file), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    draft = yaml.safe_load((tmp_path / "out/r-307-0012.yaml").read_text("utf-8"))
    assert (draft["id"], draft["name"]) == ("r-307-0012", "企业登记")
    assert draft["sharing"] == {"class": "conditional", "conditions": "依法履职"}
    assert draft["database"] == {"kind": "base", "domain": "法人"}
    assert [item["name"] for item in draft["data_items"]] == ["名称", "成立日期"]
    schema = json.loads((tmp_path / "out/r-307-0012.avsc").read_text("utf-8"))
    assert [field["name"] for field in schema["fields"]] == [
        item["field"] for item in draft["data_items"]
    ]
    assert schema["fields"][1]["type"] == {"type": "int", "logicalType": "date"}


def test_draft_is_accepted_once_people_have_filled_it_in(tmp_path: Path) -> None:
    file = write(tmp_path / "c.csv", HEADER, FIRST, SECOND)
    out = tmp_path / "out"
    CliRunner().invoke(app, ["catalog", "import", str(file), "--out", str(out)])
    with pytest.raises(InvalidInput):
        load_catalog_files(out)
    path = out / "r-307-0012.yaml"
    draft = yaml.safe_load(path.read_text("utf-8"))
    officer = {"name": "王某", "title": "处长"}
    draft |= {"jurisdiction": "330200", "key_fields": ["item_1"]}
    draft["provider"] = {"agency": "nb-market", "system": "register", "officer": officer}
    draft["update"]["deadline"] = "次日9时前"
    for item in draft["data_items"]:
        item["mark"], item["origin"]["basis"] = "none", "条例"
    path.write_text(yaml.safe_dump(draft, allow_unicode=True), "utf-8")
    assert PLACEHOLDER not in path.read_text("utf-8")
    (entry,) = load_catalog_files(out).collection.entries
    assert entry.sharing_class == "conditional"


def test_every_problem_is_named_with_line_and_column(tmp_path: Path) -> None:
    bad = list(FIRST)
    bad[2], bad[8], bad[9], bad[10] = "307 号", "共享", "", "天天"
    repeated = ["", "", "", "", "", "", "名称", "通用型G", "不予共享", "", ""]
    short = ["x"]
    found = problems(write(tmp_path / "c.csv", HEADER, bad, repeated, FIRST[:6] + FIRST[6:], short))
    for place in (
        "c.csv:2: 信息资源代码", "c.csv:2: 共享类型", "c.csv:2: 更新周期", "c.csv:3: 信息项名称",
        "c.csv:3: 数据类型", "c.csv:3: 共享类型", "c.csv:5: the row",
    ):  # fmt: skip
        assert place in found
    assert "7 problems" in found


def test_conditions_or_basis_are_asked_for_where_the_class_needs_them(tmp_path: Path) -> None:
    for sharing_class, wanted in (
        ("有条件共享", "the conditions"),
        ("不予共享", "the legal basis"),
    ):
        row = list(FIRST)
        row[8], row[9] = sharing_class, ""
        assert f"expected: {wanted}" in problems(write(tmp_path / "c.csv", HEADER, row))


def test_two_resources_of_one_code_are_told_apart(tmp_path: Path) -> None:
    other = list(FIRST)
    other[2] = "307/0013"
    found = problems(write(tmp_path / "c.csv", HEADER, FIRST, other, FIRST))
    assert "c.csv:4: 信息资源代码" in found
    assert "another code than in line 2" in found


@pytest.mark.parametrize("column", REQUIRED)
def test_missing_column_is_named(tmp_path: Path, column: str) -> None:
    header = [name for name in HEADER if name != column]
    assert f":1: {column}\n" in problems(write(tmp_path / "c.csv", header, FIRST))


def test_row_that_holds_several_lines_does_not_shift_the_count(tmp_path: Path) -> None:
    spread = list(FIRST)
    spread[5] = '"全市\r\n企业"'
    found = problems(write(tmp_path / "c.csv", HEADER, spread, ["", *FIRST[1:2], *[""] * 9]))
    assert f"c.csv:4: {CODE}" in found


def test_nothing_is_written_over_a_file(tmp_path: Path) -> None:
    file = write(tmp_path / "c.csv", HEADER, FIRST)
    (tmp_path / "r-307-0012.yaml").write_text("mine")
    done = CliRunner().invoke(app, ["catalog", "import", str(file), "--out", str(tmp_path)])
    assert isinstance(done.exception, InvalidInput)
    assert (tmp_path / "r-307-0012.yaml").read_text() == "mine"
    assert not (tmp_path / "r-307-0012.avsc").exists()


def test_types_and_cycles_are_those_that_an_entry_can_have() -> None:
    fields = [{"name": f"f{n}", "type": kind} for n, kind in enumerate(TYPES.values())]
    assert lint_schema({"type": "record", "name": "R", "fields": fields}) == []
    for frequency in CYCLES.values():
        UpdateDuty.model_validate({"frequency": frequency, "deadline": "x"})
