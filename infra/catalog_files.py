"""Reads the reviewed documents of the catalog from YAML files, with every problem at once.

A document is an agency, an entry or a grant, told by ``kind``; a file may hold several. The data
format of an entry, ``avro_schema``, stands in the document or in an ``.avsc`` file that it names.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from sharebus import InvalidInput
from sharebus.governance.agency import Agency
from sharebus.governance.collection import Collection, Problem, document_name
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import Grant
from sharebus.governance.schema_lint import lint_schema
from sharebus.governance.schema_text import decode_schema_text
from sharebus.infra.document_error import document_errors
from sharebus.infra.yaml_document import YamlDefect, YamlDocument, read_yaml

PLACEHOLDER: Final = "<<fill in"
"""Begins every value of a draft that a person must still give; such a value is refused."""

_KINDS: Final[dict[str, type[Agency] | type[CatalogEntry] | type[Grant]]] = {
    "agency": Agency,
    "entry": CatalogEntry,
    "grant": Grant,
}
_SUFFIXES: Final = (".yaml", ".yml")
_FOUND_CHARS_MAX: Final = 120
_FILE_BYTES_MAX: Final = 4_000_000


class InvalidCatalog(InvalidInput):
    """The documents are refused as a whole. Each of ``problems`` names in ``document`` its place:
    file and line, or the document in force that contradicts."""

    def __init__(self, problems: list[Problem]) -> None:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        lines = [
            f"{problem.document}: {problem.field}\n"
            f"    expected: {problem.expected}\n"
            f"    found:    {problem.found}"
            for problem in problems
        ]
        super().__init__("\n  ".join([f"The catalog is refused whole: {count}.", *lines]))
        self.problems = problems


@dataclass(frozen=True)
class CatalogFiles:
    """What the files hold, and where each document stands."""

    collection: Collection
    places: dict[str, str]

    def placed(self, problem: Problem) -> Problem:
        """The problem with file and line of its document, where a file holds it."""
        place = self.places.get(problem.document)
        where = f"{place}: {problem.document}" if place else f"{problem.document} (in force)"
        return problem._replace(document=where)


def load_catalog_files(path: Path) -> CatalogFiles:
    """Read a file, or all ``*.yaml`` and ``*.yml`` files below a directory.

    :raises InvalidCatalog: a document is not as it must be; every problem of every file is named.
    :raises InvalidInput: there is nothing to read at ``path``.
    """
    reading = _Reading()
    for file in _files(path):
        reading.read_file(file)
    if reading.problems:
        raise InvalidCatalog(reading.problems)
    collection = Collection(*(tuple(documents) for documents in reading.documents.values()))
    return CatalogFiles(collection, reading.places)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES)
    else:
        files = [path] if path.exists() else []
    if not files:
        raise InvalidInput(
            "there is no catalog to read",
            where=str(path),
            expected="a YAML file, or a directory with YAML files",
            found="no such file in the directory" if path.is_dir() else "nothing",
        )
    return files


class _Reading:
    """One load: the documents by kind, where they stand, and what is wrong."""

    def __init__(self) -> None:
        self.documents: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
        self.places: dict[str, str] = {}
        self.problems: list[Problem] = []

    def read_file(self, file: Path) -> None:
        text = self._text(file)
        if text is None:
            return
        try:
            for document in read_yaml(text):
                self._read_document(file, document)
        except YamlDefect as defect:
            self._complain(file, defect.line, "document", "YAML", defect.problem)

    def _text(self, file: Path) -> str | None:
        try:
            if file.stat().st_size > _FILE_BYTES_MAX:
                self._complain(file, 0, "file", f"at most {_FILE_BYTES_MAX} bytes", "more")
                return None
            return file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            self._complain(file, 0, "file", "a readable file in UTF-8", str(error))
            return None

    def _read_document(self, file: Path, document: YamlDocument) -> None:
        before = len(self.problems)
        for key, line in document.repeated_keys():
            self._complain(file, line, key, "each key once", "the key again")
        for path, line, text in document.texts():
            if text.startswith(PLACEHOLDER):
                self._complain(file, line, path, "a value in place of the placeholder", text)
        value = document.value
        if not isinstance(value, dict) or value.get("kind") not in _KINDS:
            found = value.get("kind", "none") if isinstance(value, dict) else value
            self._complain(file, document.line, "kind", ", ".join(_KINDS), found)
        elif isinstance(value.get("avro_schema"), str):
            self._read_schema(file, document)
        if len(self.problems) == before:
            self._lint_schema(file, document)
        if len(self.problems) == before:
            self._validate(file, document)

    def _read_schema(self, file: Path, document: YamlDocument) -> None:
        _, line = document.locate(["avro_schema"])
        source = file.parent / document.value["avro_schema"]
        text = self._text(source)
        if text is None:
            return
        schema, findings = decode_schema_text(text)
        for problem, expected, found in findings:
            self._complain(file, line, f"avro_schema ({source}): {problem}", expected, found)
        document.value["avro_schema"] = schema

    def _lint_schema(self, file: Path, document: YamlDocument) -> None:
        # Before the model, which trusts the form of the schema.
        schema = document.value.get("avro_schema")
        if document.value["kind"] == "entry" and isinstance(schema, dict):
            _, line = document.locate(["avro_schema"])
            for lint in lint_schema(schema):
                path = f"avro_schema {lint.path}: {lint.problem}"
                self._complain(file, line, path, lint.expected, lint.found)

    def _validate(self, file: Path, document: YamlDocument) -> None:
        kind = document.value["kind"]
        try:
            model = _KINDS[kind].model_validate(document.value)
        except ValidationError as invalid:
            for location, expected, found in document_errors(_KINDS[kind], invalid.errors()):
                path, line = document.locate(location)
                self._complain(file, line, path or kind, expected, found)
            return
        self.documents[kind].append(model)
        self.places.setdefault(document_name(model), f"{file}:{document.line}")

    def _complain(self, file: Path, line: int, path: str, expected: str, found: object) -> None:
        text = found if isinstance(found, str) else repr(found)
        if len(text) > _FOUND_CHARS_MAX:
            text = text[: _FOUND_CHARS_MAX - 1] + "…"
        place = f"{file}:{line}" if line else str(file)
        self.problems.append(Problem(place, path, expected, text))
