import codecs
import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus import InvalidInput
from sharebus.producers import input_file
from sharebus.producers.input_file import Encoding, inspect_file

# Everything that both encodings can hold: all of Unicode but halves of surrogate pairs.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
HAN_CHARACTERS = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5)
HAN = st.text(HAN_CHARACTERS, min_size=1)
EVERYDAY = st.text(st.characters(codec="gb2312"))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("input") / "file.csv"


def detected(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    try:
        return inspect_file(path).encoding
    except InvalidInput as error:
        return error.problem


AMBIGUOUS = "The file can be read as UTF-8 and as GB18030, and says different things."


@settings(deadline=None)
@given(text=TEXTS | HAN | EVERYDAY)
def test_utf_8_is_detected_or_refused_never_taken_for_gb18030(path: Path, text: str) -> None:
    assert detected(path, text.encode()) in ("utf-8", AMBIGUOUS)


@settings(deadline=None)
@given(text=EVERYDAY.filter(lambda text: not text.isascii()))
def test_gb18030_is_detected_or_refused_never_taken_for_utf_8(path: Path, text: str) -> None:
    assert detected(path, text.encode("gb18030")) in ("gb18030", AMBIGUOUS)


@pytest.mark.parametrize("text", ["艀", "螒", "一"])
def test_character_whose_gb18030_is_another_in_utf_8_is_ambiguous(path: Path, text: str) -> None:
    assert text.encode("gb18030").decode("utf-8") != text
    assert detected(path, text.encode("gb18030")) == AMBIGUOUS


def test_short_chinese_text_in_utf_8_is_not_ambiguous(path: Path) -> None:
    text = "code,name\n330102001,清波街道\n"
    assert text.encode().decode("gb18030") != text
    assert detected(path, text.encode()) == "utf-8"


@settings(deadline=None)
@given(text=TEXTS | HAN, encoding=st.sampled_from(["utf-8", "gb18030"]))
def test_stated_encoding_is_taken_when_the_file_is_in_it(
    path: Path, text: str, encoding: Encoding
) -> None:
    path.write_bytes(text.encode(encoding))
    assert inspect_file(path, encoding).encoding == encoding


def test_detection_of_chinese_register_finds_each_encoding(path: Path) -> None:
    register = "代码,名称\r\n330102,上城区\r\n330102001,清波街道\r\n"
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        path.write_bytes(register.encode(encoding))
        assert inspect_file(path).encoding == encoding.removesuffix("-sig")


def test_ambiguous_file_is_read_as_stated(path: Path) -> None:
    path.write_bytes("一".encode("gb18030"))
    assert inspect_file(path, "gb18030").encoding == "gb18030"
    assert inspect_file(path, "utf-8").encoding == "utf-8"


def first_invalid_byte(data: bytes, encoding: str) -> int:
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start
    raise AssertionError("the test must end in an invalid byte")


@settings(deadline=None)
@given(
    prefix=st.text(HAN_CHARACTERS | st.just("\n"), min_size=1),
    encoding=st.sampled_from(["utf-8", "gb18030"]),
    tail=st.sampled_from([b"\xff", b"\x81", b"\xe4\xff"]),
    chunk_bytes=st.integers(1, 7),
)
def test_invalid_byte_is_named_as_decoding_at_once_names_it(
    path: Path, prefix: str, encoding: Encoding, tail: bytes, chunk_bytes: int
) -> None:
    data = prefix.encode(encoding) + tail
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(input_file, "_CHUNK_BYTES", chunk_bytes)
        position = first_invalid_byte(data, encoding)
        with pytest.raises(InvalidInput) as refused:
            inspect_file(path, encoding)
    line = data[:position].count(b"\n") + 1
    assert refused.value.where == f"{path}, line {line}, byte {position}"


def test_file_in_neither_encoding_is_refused_with_both_positions(path: Path) -> None:
    path.write_bytes("名称".encode("gb18030") + b"\xff\n")
    with pytest.raises(InvalidInput, match="neither UTF-8 nor GB18030") as refused:
        inspect_file(path)
    assert "line 1, byte 0 (UTF-8), line 1, byte 4 (GB18030)" in refused.value.where


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("is_stated", [True, False], ids=["stated", "found"])
@pytest.mark.parametrize("last", ["路", "\U0002a6d6"])
def test_file_cut_off_within_its_last_character_is_refused_with_line_byte_and_what_is_left(
    path: Path, encoding: str, is_stated: bool, last: str
) -> None:
    register = "代码,名称\n330102,上城区\n330103,清波街道"
    whole, end = register.encode(encoding), last.encode(encoding.removesuffix("-sig"))
    stated: Encoding = "gb18030" if encoding == "gb18030" else "utf-8"
    for left in range(1, len(end)):
        path.write_bytes(whole + end[:left])
        with pytest.raises(InvalidInput, match="ends in the middle of a character") as refused:
            inspect_file(path, stated if is_stated else None)
        assert refused.value.where == f"{path}, line 3, byte {len(whole)}"
        assert refused.value.expected == f"all bytes of a character of {stated}"
        assert refused.value.found == f"{end[:left].hex(' ')}, and the end of the file"


@settings(deadline=None)
@given(text=HAN, cut=st.integers(1, 2))
def test_utf_8_cut_off_within_its_last_character_is_never_taken_for_gb18030(
    path: Path, text: str, cut: int
) -> None:
    assert detected(path, text.encode()[:-cut]) != "gb18030"


def test_file_in_utf_16_is_refused(path: Path) -> None:
    path.write_bytes("代码,名称\n".encode("utf-16"))
    with pytest.raises(InvalidInput, match="neither"):
        inspect_file(path)


def test_byte_order_mark_binds_to_utf_8(path: Path) -> None:
    path.write_bytes(codecs.BOM_UTF8 + "名称".encode("gb18030"))
    with pytest.raises(InvalidInput, match="not utf-8"):
        inspect_file(path)


def test_digest_is_the_beginning_of_the_sha256_of_the_bytes(path: Path) -> None:
    path.write_bytes(b"a" * 3_000_000)
    expected = hashlib.sha256(b"a" * 3_000_000).hexdigest()[:16]
    assert inspect_file(path).digest == expected


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read") as refused:
        inspect_file(tmp_path / "absent.csv")
    assert str(tmp_path / "absent.csv") in refused.value.where


def test_changed_file_is_noticed(path: Path) -> None:
    path.write_bytes(b"a\n")
    file = inspect_file(path)
    file.require_unchanged()
    path.write_bytes(b"a\nb\n")
    with pytest.raises(InvalidInput, match="changed"):
        file.require_unchanged()
