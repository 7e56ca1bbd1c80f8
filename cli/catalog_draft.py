"""Drafts a catalog entry and its Avro schema from a CSV file, for people to complete.

What only people can say is left as a placeholder, which ``catalog apply`` refuses.
"""

import csv
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from sharebus import InvalidInput
from sharebus.governance.identity import ID_PATTERN
from sharebus.infra.catalog_files import PLACEHOLDER
from sharebus.producers.input_file import InputFile

_FIELD_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,17}")
_MARKS: Final = "none, privacy, personal, sensitive_personal or commercial_secret"
_ROWS_READ_MAX: Final = 100_000
"""Enough to tell a column's type; a draft is reviewed by people anyway."""


class Draft(NamedTuple):
    """The two files of a draft: an entry in YAML and its data format in Avro."""

    entry: str
    avro_schema: str


@dataclass
class _Column:
    header: str
    name: str
    values: set[str] = field(default_factory=set)
    count: int = 0
    has_empty: bool = False
    is_integer: bool = True

    def take(self, value: str) -> None:
        if not value:
            self.has_empty = True
            return
        self.count += 1
        self.values.add(value)
        self.is_integer = self.is_integer and _INTEGER.fullmatch(value) is not None

    @property
    def is_key(self) -> bool:
        return self.count > 0 and not self.has_empty and len(self.values) == self.count

    @property
    def avro_type(self) -> Any:
        # Codes are texts that look like numbers: all of one length, or each of them once.
        lengths = {len(value) for value in self.values}
        is_number = self.is_integer and len(lengths) > 1 and not self.is_key
        plain = "long" if is_number else "string"
        return ["null", plain] if self.has_empty else plain


def draft_entry(file: InputFile, entry: str, schema_name: str) -> Draft:
    """The draft for a CSV file; ``schema_name`` is how the YAML file will name the schema's file.

    :raises InvalidInput: the file has no header or no rows, or ``entry`` is no id.
    """
    if not re.fullmatch(ID_PATTERN, entry):
        raise InvalidInput(
            "This is not the id of an entry.",
            where="--entry",
            expected="a–z, 0–9 and -, 2 to 41 characters, the first a letter",
            found=repr(entry),
        )
    columns = _read_columns(file)
    record = "".join(part.capitalize() for part in entry.split("-"))
    schema = {
        "type": "record",
        "name": record,
        "namespace": "cn.example",
        "fields": [
            {"name": column.name, "type": column.avro_type}
            | ({"default": None} if column.has_empty else {})
            for column in columns
        ],
    }
    return Draft(
        _yaml(file.path, entry, schema_name, columns),
        json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
    )


def _read_columns(file: InputFile) -> list[_Column]:
    encoding = "utf-8-sig" if file.encoding == "utf-8" else file.encoding
    with file.path.open(encoding=encoding, newline="") as lines:
        try:
            rows = csv.reader(lines, strict=True)
            header = next(rows, [])
            columns = _columns(file.path, header)
            for number, row in enumerate(rows):
                if number == _ROWS_READ_MAX:
                    break
                for column, value in zip(columns, row, strict=False):
                    column.take(value)
        except csv.Error as error:
            raise InvalidInput(
                "The file is not CSV.", where=f"{file.path}:{rows.line_num}", found=str(error)
            ) from error
    if not any(column.count for column in columns):
        raise InvalidInput("The file has no rows to draft from.", where=str(file.path))
    return columns


def _columns(path: Path, header: list[str]) -> list[_Column]:
    if not header or len(set(header)) < len(header):
        raise InvalidInput(
            "The first line is not a header.",
            where=f"{path}:1",
            expected="a name for each column, each once",
            found=repr(header)[:120],
        )
    return [
        _Column(text, text if _FIELD_NAME.fullmatch(text) else f"column_{index}")
        for index, text in enumerate(header, start=1)
    ]


def _fill_in(what: str) -> str:
    return _quoted(f"{PLACEHOLDER}: {what}>>")


def _quoted(text: str) -> str:
    # A JSON string is a YAML string too.
    return json.dumps(text, ensure_ascii=False)


def _yaml(path: Path, entry: str, schema_name: str, columns: list[_Column]) -> str:
    keys = [column.name for column in columns if column.is_key]
    key = keys[0] if keys else _fill_in("the field or fields that name an entity")
    renamed = [column for column in columns if column.name != column.header]
    head = f"# Draft from {path.name}. Replace every value that begins with {PLACEHOLDER}.\n"
    if renamed:
        head += "# Rename these columns in the file as the fields are named, or the fields:\n"
        head += "".join(f"#   {_quoted(column.header)} is {column.name}\n" for column in renamed)
    items = "".join(
        f"  - field: {column.name}\n"
        f"    name: {_quoted(column.header)}\n"
        f"    mark: {_fill_in(_MARKS)}\n"
        f"    origin: {{kind: collected, basis: {_fill_in('legal basis of the collection')}}}\n"
        for column in columns
    )
    return f"""{head}kind: entry
id: {entry}
name: {_fill_in("name 名称")}
scope: {_fill_in("what it covers 共享范围")}
jurisdiction: {_fill_in("division code of six digits, quoted")}
avro_schema: {schema_name}
key_fields: [{key}]
data_items:
{items}sharing:
  class: {_fill_in("unconditional, conditional or not_shared")}
  # conditional needs 'conditions'; not_shared needs 'basis' with instrument, version and article
provider:
  agency: {_fill_in("id of the agency")}
  system: {_fill_in("id of its system that sends")}
  officer: {{name: {_fill_in("responsible officer")}, title: {_fill_in("title")}}}
update:
  frequency: {_fill_in("daily, weekly, monthly, quarterly, yearly, on_change, …")}
  deadline: {_fill_in("update deadline 更新时限")}
  # schedule says it so that it can be counted: docs/clocks.md, When data are due
database: {{kind: {_fill_in("base, comprehensive or specialised")}, domain: {_fill_in("domain")}}}
"""
