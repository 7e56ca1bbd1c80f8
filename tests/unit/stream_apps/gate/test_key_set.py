from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sharebus.stream_apps.gate.key_set import KeySetFile

KEYS = [b"a", b"b", "宁波".encode(), b""]


def test_key_set_of_a_topic_made_anew_is_empty(tmp_path: Path) -> None:
    file = KeySetFile(tmp_path / "keys.sqlite")
    keys = file.open("view.e.v", 0, "epoch-1")
    keys.add(b"a")
    keys.commit(5)
    assert file.open("view.e.v", 0, "epoch-1").next_offset == 5
    anew = file.open("view.e.v", 0, "epoch-2")
    assert b"a" not in anew
    assert anew.next_offset == 0
    file.close()


def test_key_sets_of_views_and_partitions_are_apart(tmp_path: Path) -> None:
    file = KeySetFile(tmp_path / "keys.sqlite")
    keys = file.open("view.e.v", 0, "epoch-1")
    keys.add(b"a")
    keys.commit(1)
    assert b"a" not in file.open("view.e.v", 1, "epoch-1")
    assert b"a" not in file.open("view.e.w", 0, "epoch-1")
    file.close()


def test_key_set_does_not_hold_the_keys_themselves(tmp_path: Path) -> None:
    path = tmp_path / "keys.sqlite"
    file = KeySetFile(path)
    keys = file.open("view.e.v", 0, "epoch-1")
    keys.add(b"330203199001011234")
    keys.commit(1)
    file.close()
    assert b"330203199001011234" not in path.read_bytes()


actions = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["add", "discard"]), st.sampled_from(KEYS)),
        st.tuples(st.sampled_from(["commit", "lose", "reopen"]), st.just(b"")),
    ),
    max_size=40,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50
)
@given(actions=actions)
def test_key_set_equals_a_set_that_is_saved_at_commit(
    tmp_path: Path, actions: list[tuple[str, bytes]]
) -> None:
    path = tmp_path / "keys.sqlite"
    path.unlink(missing_ok=True)
    file = KeySetFile(path)
    keys = file.open("view.e.v", 0, "epoch")
    saved: set[bytes] = set()
    staged: set[bytes] = set()
    for action, key in actions:
        match action:
            case "add":
                keys.add(key)
                staged.add(key)
            case "discard":
                keys.discard(key)
                staged.discard(key)
            case "commit":
                keys.commit()
                saved = set(staged)
            case "lose":  # an aborted transaction: the lane is made again
                keys = file.open("view.e.v", 0, "epoch")
                staged = set(saved)
            case _:
                file.close()
                file = KeySetFile(path)
                keys = file.open("view.e.v", 0, "epoch")
                staged = set(saved)
        assert {key for key in KEYS if key in keys} == staged
    file.close()
