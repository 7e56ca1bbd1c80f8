"""``sharebus catalog import``: drafts of entries from the columns that agencies have already."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from sharebus import InvalidInput
from sharebus.cli import catalog_columns as columns
from sharebus.cli.catalog_columns import Defect, Line, Resource
from sharebus.cli.output import print_line, print_note
from sharebus.infra.catalog_files import PLACEHOLDER
from sharebus.producers.input_file import Encoding, InputFile, inspect_file


def add_catalog_import(group: typer.Typer) -> None:
    """Add the command to the group ``catalog``."""
    group.command("import", epilog="Example:  sharebus catalog import 目录.csv --out catalog")(
        _import
    )


def _import(
    file: Annotated[Path, typer.Argument(help="A CSV file with the guide's columns.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write the drafts.")] = Path(),
    encoding: Annotated[
        Encoding | None, typer.Option("--encoding", help="Detected when not given.")
    ] = None,
) -> None:
    """Draft entries from a catalog kept by the national guide (政务信息资源目录编制指南).

    A row is a data item; the resource's own columns may be empty below its first row. What is wrong
    is named at once, with its line and column, and then nothing is written.
    """
    resources = read_catalog_file(inspect_file(file, encoding))
    texts = {
        out / f"{resource.id}{suffix}": text
        for resource in resources
        for suffix, text in (
            (".yaml", entry_text(resource, file.name)), (".avsc", schema_text(resource)),
        )
    }  # fmt: skip
    there = [str(path) for path in texts if path.exists()]
    if there:
        raise InvalidInput(
            "The drafts would overwrite files.",
            where=", ".join(there),
            remedy="Give another --out.",
        )
    out.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
        print_line(path)
    print_note(
        f"Replace every value that begins with {PLACEHOLDER}; then `sharebus catalog draft`."
    )


def read_catalog_file(file: InputFile) -> list[Resource]:
    """The resources of a file.

    :raises InvalidInput: a column, a row or a value is not as it must be; all of them are named.
    """
    encoding = "utf-8-sig" if file.encoding == "utf-8" else file.encoding
    with file.path.open(encoding=encoding, newline="") as text:
        rows = csv.reader(text, strict=True)
        try:
            header = [name.strip() for name in next(rows, [])]
            defects = columns.header_defects(header)
            lines = [] if defects else list(_lines(rows, header, defects))
        except csv.Error as error:
            raise InvalidInput(
                "The file is not CSV.", where=f"{file.path}:{rows.line_num}", found=str(error)
            ) from error
    resources, found = columns.read_resources(lines)
    defects += found
    if not defects and not resources:
        raise InvalidInput("The file has no rows to draft from.", where=str(file.path))
    if defects:
        raise _refusal(file.path, sorted(defects))
    return resources


def entry_text(resource: Resource, source: str) -> str:
    """The draft of an entry; what only people can say is left open."""
    head = (
        f"# Draft from {source}, line {resource.line}. "
        f"Replace every value that begins with {PLACEHOLDER}.\n"
    )
    return head + yaml.safe_dump(_entry(resource), allow_unicode=True, sort_keys=False, width=1000)


def schema_text(resource: Resource) -> str:
    """Its data format; the fields stand in the order of the rows."""
    fields = [
        {"name": _field(number), "type": avro_type, "doc": name}
        for number, (name, avro_type) in enumerate(resource.items, start=1)
    ]
    name = "".join(part.capitalize() for part in resource.id.split("-"))
    schema = {"type": "record", "name": name, "namespace": "cn.example", "fields": fields}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _lines(rows: Any, header: list[str], defects: list[Defect]) -> Iterator[Line]:
    line = 2  # the reader counts the lines that it has read, and a row may hold several
    for row in rows:
        if any(cell.strip() for cell in row):
            if len(row) != len(header):
                defects.append(Defect(line, "the row", f"{len(header)} cells", f"{len(row)}"))
            else:
                cells = (cell.strip() for cell in row)
                yield Line(line, dict(zip(header, cells, strict=True)))
        line = rows.line_num + 1


def _entry(resource: Resource) -> dict[str, Any]:
    stated = resource.stated
    database = columns.database_of(stated.get(columns.CLASSIFICATION, ""))
    kind, domain = database or (
        _open("base, comprehensive or specialised"), _open("domain"),
    )  # fmt: skip
    officer = {"name": _open("responsible officer"), "title": _open("title")}
    agency = f"id of the agency: {stated[columns.PROVIDER]}, {stated[columns.PROVIDER_CODE]}"
    return {
        "kind": "entry",
        "id": resource.id,
        "name": stated[columns.NAME],
        "scope": stated[columns.ABSTRACT],
        "jurisdiction": _open("division code of six digits, quoted"),
        "avro_schema": f"{resource.id}.avsc",
        "key_fields": [_open("the field or fields that name an entity")],
        "data_items": [
            {
                "field": _field(number),
                "name": name,
                "mark": _open("none, privacy, personal, sensitive_personal or commercial_secret"),
                "origin": {"kind": "collected", "basis": _open("legal basis of the collection")},
            }
            for number, (name, _) in enumerate(resource.items, start=1)
        ],
        "sharing": _sharing(stated),
        "provider": {"agency": _open(agency), "system": _open("its system"), "officer": officer},
        "update": {
            "frequency": columns.CYCLES[stated[columns.CYCLE]],
            "deadline": _open("update deadline 更新时限"),
        },
        "database": {"kind": kind, "domain": domain},
    }


def _sharing(stated: Mapping[str, str]) -> dict[str, Any]:
    sharing_class = columns.CLASSES[stated[columns.CLASS]]
    conditions = stated.get(columns.CONDITIONS, "")
    if sharing_class == "conditional":
        return {"class": sharing_class, "conditions": conditions}
    if sharing_class == "not_shared":
        basis = {
            "instrument": _open(f"the law: {conditions}"),
            "rank": _open("law, administrative_regulation or local_regulation"),
            "version": _open("version"),
            "article": _open("article, a number"),
        }
        return {"class": sharing_class, "basis": basis}
    return {"class": sharing_class}


def _field(number: int) -> str:
    return f"item_{number}"


def _open(what: str) -> str:
    return f"{PLACEHOLDER}: {what}>>"


def _refusal(path: Path, defects: list[Defect]) -> InvalidInput:
    count = f"{len(defects)} problem{'s' if len(defects) > 1 else ''}"
    lines = [
        f"{path}:{defect.line}: {defect.column}\n"
        f"    expected: {defect.expected}\n"
        f"    found:    {defect.found}"
        for defect in defects
    ]
    return InvalidInput("\n  ".join([f"The file is refused whole: {count}.", *lines]))
