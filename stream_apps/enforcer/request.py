"""Requests to the broker, made in parts that it takes and waited for as long as it goes on."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from itertools import islice
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException

from sharebus import Refused, Unavailable

REQUEST_SECONDS: Final = 30.0
_READ_BACK_SECONDS_MAX: Final = 15.0
_READ_BACK_PAUSE_SECONDS: Final = 0.05


def until_none_left(count_left: Callable[[], int]) -> int:
    """Wait as long as it becomes less, which in a city takes a while; what is left in the end."""
    left = count_left()
    deadline = time.monotonic() + _READ_BACK_SECONDS_MAX
    while left and time.monotonic() < deadline:
        time.sleep(_READ_BACK_PAUSE_SECONDS)
        before, left = left, count_left()
        if left < before:
            deadline = time.monotonic() + _READ_BACK_SECONDS_MAX
    return left


def in_batches(
    request: Callable[..., Mapping[Any, "Future[Any]"]],
    items: Iterable[Any],
    size: int,
    *,
    harmless: int | None = None,
    kept: Callable[[Any], Any] = lambda answer: answer,
) -> dict[Any, Any]:
    """Make a request for every ``size`` items, each when the one before is answered; the answers.

    Without items there is no request. ``kept`` says what of an answer is kept. An error with the
    code ``harmless`` is an answer: None.
    """
    answers: dict[Any, Any] = {}
    rest = iter(items)
    while batch := list(islice(rest, size)):
        for item, future in request(batch, request_timeout=REQUEST_SECONDS).items():
            answers[item] = kept(wait_for(future, harmless))
    return answers


def wait_for(future: "Future[Any]", harmless: int | None = None) -> Any:
    """As :func:`asked`, of one that was asked already."""
    return asked(lambda: future.result(REQUEST_SECONDS), harmless)


def asked(request: Callable[[], Any], harmless: int | None = None) -> Any:
    """Make a request; an error with the code ``harmless`` is an answer: None.

    :raises Refused: the principal has no right to it.
    :raises Unavailable: the broker did not do it, or does not answer.
    """
    try:
        return request()
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        if cause.code() == harmless:
            return None
        if cause.code() in (
            KafkaError.CLUSTER_AUTHORIZATION_FAILED,
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError._AUTHENTICATION,
        ):
            raise Refused("The broker refuses this to us.", found=cause.str()) from error
        raise Unavailable("The broker did not do it.", found=cause.str()) from error
    except TimeoutError as error:
        raise Unavailable(
            "The broker does not answer.", expected=f"within {REQUEST_SECONDS:g} s"
        ) from error
