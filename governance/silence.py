"""The longest silence: when something was heard, and where it was quiet for too long. Pure.

Signs of life are kept as stretches within which it was never too long from one to the next, so
that they can become known in any order and still take little room.
"""

from typing import Final, NamedTuple

HOUR_MS: Final = 3_600_000

Signs = tuple[tuple[int, int], ...]
"""Stretches from a first to a last sign of life, in order, each too long after the one before."""


class Quiet(NamedTuple):
    """Too long without a sign: since when, until when one was due, and when one came, if any."""

    since_ms: int
    due_ms: int
    ended_ms: int | None


def heard(signs: Signs, at_ms: int, hours: int) -> Signs:
    """The signs with one more; what lies before the first was counted, or came too early."""
    if not signs or at_ms < signs[0][0]:
        return signs
    stretches: list[tuple[int, int]] = []
    for first, last in sorted((*signs, (at_ms, at_ms))):
        if stretches and first <= stretches[-1][1] + hours * HOUR_MS:
            begun, before = stretches.pop()
            stretches.append((begun, max(before, last)))
        else:
            stretches.append((first, last))
    return tuple(stretches)


def take_quiet(signs: Signs, hours: int, known_ms: int) -> tuple[Signs, list[Quiet]]:
    """Where it was too quiet, when all before ``known_ms`` is known, and the signs from there on.

    What has not ended stays, and is told again.
    """
    found = []
    while signs:
        since_ms = signs[0][1]
        due_ms = since_ms + hours * HOUR_MS
        if len(signs) > 1 and signs[1][0] < known_ms:
            found.append(Quiet(since_ms, due_ms, signs[1][0]))
            signs = signs[1:]
            continue
        if known_ms > due_ms:
            found.append(Quiet(since_ms, due_ms, None))
        break
    return signs, found
