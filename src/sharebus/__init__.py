"""sharebus: an event-driven data-sharing bus for government agencies.

The rooms, in the order an event meets them: ``producers`` (providers send), ``stream_apps`` (the
gate decides), ``consumers`` (subscribers receive). ``governance`` holds the rules and ``ledger``
the audit arithmetic as pure functions; ``schemas`` is what crosses the wire; ``infra`` is the
outside world; ``cli`` is the command line.
"""

from typing import ClassVar, Final

EXIT_INVALID_INPUT: Final = 3
EXIT_REFUSED: Final = 4
EXIT_UNAVAILABLE: Final = 5
EXIT_NEEDS_CONFIRMATION: Final = 6
EXIT_NUMBERS_DISAGREE: Final = 7

__all__ = [
    "InvalidInput",
    "NeedsConfirmation",
    "NumbersDisagree",
    "Refused",
    "SharebusError",
    "Unavailable",
]


class SharebusError(Exception):
    """Root of every error that sharebus raises on purpose.

    SharebusError              exit 1   anything else
    ├── InvalidInput           exit 3   a file, option, event or setting is not as it must be
    ├── Refused                exit 4   the caller has no right to do this
    ├── Unavailable            exit 5   broker, registry or another service does not answer
    ├── NeedsConfirmation      exit 6   nothing was done; a person must confirm first
    └── NumbersDisagree        exit 7   counts that must be equal are not

    ``problem`` says what is wrong in one sentence; ``where``, ``expected``, ``found`` and
    ``remedy`` are printed below it when given. They are written for the person who reads them.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        problem: str,
        *,
        where: str = "",
        expected: str = "",
        found: str = "",
        remedy: str = "",
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where
        self.expected = expected
        self.found = found
        self.remedy = remedy

    def __str__(self) -> str:
        lines = [self.problem]
        for label in ("where", "expected", "found", "remedy"):
            text = getattr(self, label)
            if text:  # what has several lines stays below its label, and cannot pass for another
                lines.append(f"  {label + ':':<10}{text.replace(chr(10), chr(10) + ' ' * 12)}")
        return "\n".join(lines)


class InvalidInput(SharebusError):
    """A file, option, event or setting is not as it must be; nothing was done with it."""

    exit_code = EXIT_INVALID_INPUT


class Refused(SharebusError):
    """The caller has no right to do this; the broker or a rule said no."""

    exit_code = EXIT_REFUSED


class Unavailable(SharebusError):
    """A service that is needed does not answer."""

    exit_code = EXIT_UNAVAILABLE


class NeedsConfirmation(SharebusError):
    """Nothing was done: what was asked is large or destructive, and a person must confirm it."""

    exit_code = EXIT_NEEDS_CONFIRMATION


class NumbersDisagree(SharebusError):
    """Counts that must be equal are not."""

    exit_code = EXIT_NUMBERS_DISAGREE
