from hypothesis import example, given
from hypothesis import strategies as st

from sharebus.schemas.entity_key import compile_entity_key, is_entity_key, split_entity_key

NAMES = ["a", "b", "c"]
# Few characters, so that the separator and the escape are next to each other often.
texts = st.text(alphabet="|\\x证", max_size=5)
values = st.lists(texts | st.integers(), min_size=1, max_size=3)


def key_of(parts: list[str | int]) -> bytes:
    names = NAMES[: len(parts)]
    return compile_entity_key(names)(dict(zip(names, parts, strict=True)))


@given(parts=values)
def test_split_gives_the_texts_that_were_joined(parts: list[str | int]) -> None:
    assert split_entity_key(key_of(parts)) == [str(part) for part in parts]


@given(one=values, other=values)
@example(one=["a|b"], other=["a", "b"])
@example(one=["a\\", "b"], other=["a\\|b"])
@example(one=["", ""], other=["|"])
def test_unlike_entities_never_share_a_key(one: list[str | int], other: list[str | int]) -> None:
    alike = [str(part) for part in one] == [str(part) for part in other]
    assert (key_of(one) == key_of(other)) == alike


@given(parts=values)
def test_is_entity_key_knows_the_keys_of_entities(parts: list[str | int]) -> None:
    key = key_of(parts)
    assert is_entity_key(key, len(parts))
    assert not is_entity_key(key, len(parts) + 1)


@given(key=st.binary(max_size=6) | texts.map(str.encode), count=st.integers(1, 3))
def test_is_entity_key_lets_only_keys_of_entities_pass(key: bytes, count: int) -> None:
    if is_entity_key(key, count):
        assert key_of(list(split_entity_key(key))) == key


def test_key_of_one_plain_field_is_its_text() -> None:
    assert compile_entity_key(["code"])({"code": "330203", "name": "x"}) == b"330203"
    assert compile_entity_key(["code"])({"code": -7}) == b"-7"
    assert compile_entity_key(["code"])({"code": "海曙区"}) == "海曙区".encode()
