"""What a gate had in hand when it died is known to the next one."""

from pathlib import Path

from sharebus.stream_apps.in_hand import InHand, Suspect


def reborn(path: Path) -> InHand:
    """The file as the next process finds it; nothing of the former one is left but the file."""
    return InHand(path)


def test_process_that_dies_with_nothing_in_hand_leaves_no_suspect(tmp_path: Path) -> None:
    path = tmp_path / "gate-0" / "in_hand.json"
    hand = InHand(path)
    assert hand.suspect is None
    hand.take("persons", 3, 10, 20)
    hand.release()
    assert reborn(path).suspect is None


def test_deaths_over_one_start_are_counted_and_another_batch_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "in_hand.json"
    InHand(path).take("persons", 3, 10, 20)
    second = reborn(path)
    assert second.suspect == Suspect("persons", 3, 10, 20, deaths=1, is_fault=False)
    second.take("persons", 3, 10, 25)
    third = reborn(path)
    assert third.suspect == Suspect("persons", 3, 10, 25, deaths=2, is_fault=False)
    third.take("persons", 3, 25, 30)
    assert reborn(path).suspect == Suspect("persons", 3, 25, 30, deaths=1, is_fault=False)


def test_error_is_blamed_on_what_was_in_hand_alone(tmp_path: Path) -> None:
    path = tmp_path / "in_hand.json"
    hand = InHand(path)
    hand.blame()
    assert reborn(path).suspect is None
    hand.take("persons", 0, 1, 2)
    hand.blame()
    assert reborn(path).suspect == Suspect("persons", 0, 1, 2, deaths=1, is_fault=True)


def test_torn_or_foreign_file_is_no_suspect(tmp_path: Path) -> None:
    path = tmp_path / "in_hand.json"
    for content in (b"", b'["persons", 0', b"\xff\xfe", b"[1, 2]", b"7"):
        path.write_bytes(content)
        assert InHand(path).suspect is None
