"""What is said of an error that nobody expected: what it is and where, and not what it says.

A value that an event or a command carries may stand in the words of an error: codecs and parsers
quote what they cannot read. Logs are read by people who may not see it (Order 171 Art 19).
"""

import traceback
from typing import Final

from confluent_kafka import KafkaException

from sharebus import SharebusError

_SAYS_NO_VALUES: Final = (SharebusError, KafkaException, OSError)


def fault_text(fault: BaseException) -> str:
    """The places that an error came through and its kind, and the same of what it came from."""
    lines: list[str] = []
    cause = fault.__cause__ or (None if fault.__suppress_context__ else fault.__context__)
    if cause is not None:
        lines += [fault_text(cause), "and from that:"]
    for frame in traceback.extract_tb(fault.__traceback__):
        lines.append(f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}')
    said = f": {fault}" if isinstance(fault, _SAYS_NO_VALUES) else ", whose words are not shown"
    return "\n".join([*lines, f"{type(fault).__qualname__}{said}"])
