"""A file to publish: its digest, and its encoding found from the whole of it, never from a guess.

Chinese registers come in UTF-8 or GB18030. Both are decoded strictly here, from the first byte to
the last, before a single row is read; a file that is neither is refused with the position of the
byte that says so. Characters are Python's mapping of GB18030-2000, which gives every valid sequence
one code point and back: nothing is replaced, and private-use characters stay what they are.
"""

import codecs
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from sharebus import InvalidInput

Encoding = Literal["utf-8", "gb18030"]

_CHUNK_BYTES: Final = 1 << 20
_DIGEST_CHARS: Final = 16
_HAN: Final = re.compile("[\u4e00-\u9fff]")


@dataclass(frozen=True)
class InputFile:
    """A file as it was when it was inspected.

    ``digest`` is the first 16 hexadecimal digits of the SHA-256 of its bytes; event ids are made
    of it. ``size_bytes`` and ``modified_ns`` tell whether it is still the same file.
    """

    path: Path
    encoding: Encoding
    digest: str
    size_bytes: int
    modified_ns: int

    def require_unchanged(self) -> None:
        """Raise InvalidInput when somebody wrote the file since it was inspected."""
        status = self.path.stat()
        if (status.st_size, status.st_mtime_ns) != (self.size_bytes, self.modified_ns):
            raise InvalidInput(
                "The file changed while it was being published.",
                where=str(self.path),
                remedy="Publish it again when nobody writes to it; its delivery was left open.",
            )


def inspect_file(path: Path, encoding: Encoding | None = None) -> InputFile:
    """Digest and encoding of a file; ``encoding`` overrides what would be detected.

    Detected is UTF-8 (with or without byte order mark) when all of the file is UTF-8, else GB18030
    when all of it is that. A short file can be both and mean different text; then nobody but the
    provider can say which it is.

    :raises InvalidInput: the file cannot be read, is in neither encoding or not in the given one,
        or is ambiguous.
    """
    try:
        status = path.stat()
        if not path.is_file():
            raise InvalidInput("This is not a file.", where=str(path))
        sha256 = hashlib.sha256()
        for chunk in _chunks(path):
            sha256.update(chunk)
        found = _as_stated(path, encoding) if encoding else _detect(path)
    except OSError as error:
        raise InvalidInput(
            "The file cannot be read.", where=str(path), found=error.strerror or str(error)
        ) from error
    digest = sha256.hexdigest()[:_DIGEST_CHARS]
    return InputFile(path, found, digest, status.st_size, status.st_mtime_ns)


class _Defect(NamedTuple):
    """The first byte that begins no character. ``is_cut``: one begins, and the file ends in it."""

    position: int
    line: int
    is_cut: bool


def _as_stated(path: Path, encoding: Encoding) -> Encoding:
    defect = _first_defect(path, encoding)
    if defect is not None:
        raise _refusal(path, encoding, defect)
    return encoding


def _detect(path: Path) -> Encoding:
    with path.open("rb") as file:
        if file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8:
            return _as_stated(path, "utf-8")
    utf_8 = _first_defect(path, "utf-8")
    if utf_8 is None or utf_8.is_cut:  # cut off, it must not be taken for GB18030 either
        if _is_surely_utf_8(path):
            return _as_stated(path, "utf-8")
        raise InvalidInput(
            "The file can be read as UTF-8 and as GB18030, and says different things.",
            where=str(path),
            remedy="Give --encoding utf-8 or --encoding gb18030.",
        )
    gb18030 = _first_defect(path, "gb18030")
    if gb18030 is None:
        return "gb18030"
    if gb18030.is_cut:
        raise _refusal(path, "gb18030", gb18030)
    raise InvalidInput(
        "The file is neither UTF-8 nor GB18030.",
        where=f"{path}, {_place(utf_8)} (UTF-8), {_place(gb18030)} (GB18030)",
        expected="text that is one of them from the first byte to the last",
        found=f"{_bytes_at(path, utf_8.position)}; {_bytes_at(path, gb18030.position)}",
        remedy="Save it as UTF-8.",
    )


def _refusal(path: Path, encoding: Encoding, defect: _Defect) -> InvalidInput:
    where, found = f"{path}, {_place(defect)}", _bytes_at(path, defect.position)
    if defect.is_cut:
        return InvalidInput(
            "The file ends in the middle of a character.",
            where=where,
            expected=f"all bytes of a character of {encoding}",
            found=f"{found}, and the end of the file",
            remedy="It may have been cut off on its way: compare it with its original.",
        )
    return InvalidInput(
        f"The file is not {encoding}.", where=where, expected=f"text in {encoding}", found=found
    )


def _place(defect: _Defect) -> str:
    return f"line {defect.line}, byte {defect.position}"


def _is_surely_utf_8(path: Path) -> bool:
    """Whether a file that decodes as UTF-8, but perhaps for its end, means what UTF-8 says.

    It does when GB18030 cannot be or says the same (ASCII); and when UTF-8 gives everyday Chinese
    and GB18030 does not, as Chinese text in UTF-8 looks when misread.
    """
    as_gb18030 = codecs.getincrementaldecoder("gb18030")("strict")
    as_utf_8 = codecs.getincrementaldecoder("utf-8")("strict")
    is_ascii, has_han = True, False
    is_everyday = {"gb18030": True, "utf-8": True}
    try:
        for chunk in _chunks(path):
            has_begun_character = as_gb18030.getstate()[0] or as_utf_8.getstate()[0]
            if chunk.isascii() and not has_begun_character:
                continue
            is_ascii = False
            misread, text = as_gb18030.decode(chunk), as_utf_8.decode(chunk)
            is_everyday["gb18030"] &= _is_everyday(misread)
            is_everyday["utf-8"] &= _is_everyday(text)
            has_han = has_han or _HAN.search(text) is not None
        as_gb18030.decode(b"", final=True)
    except UnicodeDecodeError:
        return True
    return is_ascii or (has_han and is_everyday["utf-8"] and not is_everyday["gb18030"])


def _is_everyday(text: str) -> bool:
    """Whether the text has no character beyond GB 2312: 6,763 Han characters, signs, letters."""
    try:
        text.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _first_defect(path: Path, encoding: Encoding) -> _Defect | None:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    end, line, is_cut = 0, 1, False
    try:
        for chunk in _chunks(path):
            end += len(chunk)
            decoder.decode(chunk)
            line += chunk.count(b"\n")
        is_cut = True
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        # The decoder complains about what it kept from the chunk before, plus this chunk.
        position = end - len(error.object) + error.start
        return _Defect(position, line + error.object[: error.start].count(b"\n"), is_cut)
    return None


def _bytes_at(path: Path, position: int) -> str:
    with path.open("rb") as file:
        file.seek(position, os.SEEK_SET)
        return file.read(4).hex(" ")


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
