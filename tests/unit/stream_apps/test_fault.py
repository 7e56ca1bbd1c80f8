"""An error that nobody expected is logged without its words: a value may stand in them."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from sharebus import Unavailable
from sharebus.stream_apps.fault import fault_text
from sharebus.stream_apps.gate import loop as gate_loop
from sharebus.stream_apps.gate.loop import GateLoop
from sharebus.stream_apps.hosted_loop import HostedLoop

CANARY = "CANARY-王某"


def fail(*_: Any) -> None:
    """As codecs do: the words of each error quote what could not be read."""
    try:
        (CANARY.encode() + b"\xff").decode()
    except UnicodeDecodeError as error:
        try:
            int(CANARY)
        except ValueError:
            raise KeyError(CANARY, repr(error)) from error


def fail_anew() -> None:
    """And speak of it in words of one's own."""
    try:
        int(CANARY)
    except ValueError:
        raise RuntimeError("no number") from None


def fault() -> Exception:
    with pytest.raises(KeyError) as caught:
        fail()
    assert CANARY in str(caught.value)
    return caught.value


def test_fault_tells_kinds_and_places_and_not_its_words() -> None:
    text = fault_text(fault())
    assert "CANARY" not in text
    assert "UnicodeDecodeError, whose words" in text
    assert "KeyError, whose words" in text
    assert text.index("UnicodeDecodeError") < text.index("and from that:") < text.index("KeyError")
    assert text.count(f'"{__file__}"') == text.count("in fail") + 1


def test_fault_whose_words_are_our_own_tells_them() -> None:
    assert "the broker does not answer" in fault_text(Unavailable("the broker does not answer"))
    assert "No space left" in fault_text(OSError(28, "No space left on device"))


def test_cause_that_was_put_aside_is_not_told() -> None:
    with pytest.raises(RuntimeError) as caught:
        fail_anew()
    assert "ValueError" not in fault_text(caught.value)


def test_app_that_fails_logs_no_value(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    codes: list[int] = []
    monkeypatch.setattr("sharebus.stream_apps.hosted_loop.os._exit", codes.append)
    HostedLoop("gate", fail, "127.0.0.1", 0)._run()
    assert codes == [70]
    assert "the gate failed" in caplog.text
    assert "in fail" in caplog.text
    assert "CANARY" not in caplog.text + "".join(capfd.readouterr())


def test_view_that_cannot_be_filled_holds_its_entry_and_logs_no_value(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gate_loop, "copy_chunk", fail)
    held: list[tuple[str, object]] = []
    place = ("ingress.persons", 0)
    loop = object.__new__(GateLoop)
    lanes, plans = {place: SimpleNamespace(entry="persons")}, {place: object()}
    serving: Any = SimpleNamespace(
        lanes=lanes, plans=plans, hold=lambda entry, why: held.append((entry, why))
    )
    loop._serving, loop._log_reader, loop._digest = serving, None, None  # type: ignore[assignment]
    caplog.set_level(logging.DEBUG)
    assert loop._copy(place) is None
    ((entry, why),) = held
    assert entry == "persons"
    assert "in fail" in str(why)
    assert "CANARY" not in str(why) + caplog.text
