"""The broker's access log: which fetches gave records to whom, and what it refused.

Three loggers of the broker write one file, so that one position says how far it was read, and the
broker's own starts and ends stand between what it gave.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sharebus.infra.embedded.secrets import PLATFORM_PRINCIPALS
from sharebus.infra.settings import Settings

FILE_BYTES: Final = 20_971_520
FILES_KEPT: Final = 20
"""Older ones that are kept: what the meter has not read after so much is lost, and marked."""


def access_log_path(settings: Settings) -> Path:
    """The file that the broker writes now; older ones are beside it as ``.1``, ``.2`` …"""
    return settings.access_log or settings.data_dir / "logs" / "access.log"


def access_log_properties(path: Path, left_out: Iterable[str] = PLATFORM_PRINCIPALS) -> str:
    """log4j2 properties for any Kafka broker; append them to its own.

    Of all requests only fetches are kept, and of these the ones that gave records or changed what
    an incremental fetch session stands for; an idle reader writes nothing. ``left_out`` are the
    platform's own principals.
    """
    # JSON of the broker: its fields stand in this order.
    kept = (
        '^Completed request:.*"requestApiKeyName":"FETCH".*'
        '(?:"sessionEpoch":[0-9]+,"topics":\\\\[\\\\{|"recordsSizeInBytes":[1-9]).*'
        f'"principal":"User:(?!(?:{"|".join(left_out)})").*$'
    )
    loggers = (
        ("requests", "kafka.request.logger", "debug", kept),
        ("refusals", "kafka.authorizer.logger", "info", ""),
        ("life", "kafka.server.BrokerServer", "info", r"^\\[BrokerServer id=.*\\] Transition .*$"),
    )
    lines = [
        "appender.access.type = RollingFile",
        "appender.access.name = access",
        f"appender.access.fileName = {path}",
        f"appender.access.filePattern = {path}.%i",
        "appender.access.layout.type = PatternLayout",
        # A client chooses its id and its group: a line break in it must not begin a line.
        "appender.access.layout.pattern = %d{UNIX_MILLIS} %enc{%m}{CRLF}%n",
        "appender.access.policies.type = Policies",
        "appender.access.policies.size.type = SizeBasedTriggeringPolicy",
        f"appender.access.policies.size.size = {FILE_BYTES}",
        "appender.access.strategy.type = DefaultRolloverStrategy",
        "appender.access.strategy.fileIndex = max",
        f"appender.access.strategy.max = {FILES_KEPT}",
    ]
    for name, logger, level, pattern in loggers:
        lines += [
            f"logger.{name}.name = {logger}",
            f"logger.{name}.level = {level}",
            f"logger.{name}.additivity = {str(name == 'life').lower()}",
            f"logger.{name}.appenderRef.access.ref = access",
        ]
        if pattern:
            lines += [
                f"logger.{name}.appenderRef.access.filter.kept.type = RegexFilter",
                f"logger.{name}.appenderRef.access.filter.kept.regex = {pattern}",
                f"logger.{name}.appenderRef.access.filter.kept.onMatch = ACCEPT",
                f"logger.{name}.appenderRef.access.filter.kept.onMismatch = DENY",
            ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: python -m sharebus.infra.access_log PATH-OF-THE-LOG")
    print(access_log_properties(Path(sys.argv[1])), end="")
