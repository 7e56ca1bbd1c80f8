"""What the broker is told to log of its readers, and what it leaves out."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sharebus.infra.access_log import access_log_path, access_log_properties
from sharebus.infra.embedded import kafka_properties
from sharebus.infra.settings import load_settings


def properties(text: str) -> dict[str, str]:
    """As Java reads them: a backslash escapes what follows."""
    lines = (line.split(" = ", 1) for line in text.splitlines())
    return {name: re.sub(r"\\(.)", r"\1", value) for name, value in lines}


def logged(**changes: Any) -> str:
    """The beginning, the middle and the end of a line of ``kafka.request.logger``."""
    given = {"api": "FETCH", "epoch": -1, "topics": "", "size": 0, "who": "agency.a.r", **changes}
    return (
        f'Completed request:{{"requestHeader":{{"requestApiKeyName":"{given["api"]}"}},"request":'
        f'{{"sessionEpoch":{given["epoch"]},"topics":[{given["topics"]}]}},"response":'
        f'{{"recordsSizeInBytes":{given["size"]}}},"principal":"User:{given["who"]}",'
        f'"listener":{json.dumps("CLIENT")}}}'
    )


@pytest.mark.parametrize(
    ("changes", "is_kept"),
    [
        ({"size": 17}, True),
        ({}, False),
        ({"api": "PRODUCE", "size": 17}, False),
        ({"size": 17, "who": "gate"}, False),
        ({"size": 17, "who": "gateway"}, True),
        ({"size": 17, "who": "admin"}, True),
        ({"epoch": 0, "topics": '{"topicId":"x"}'}, True),
        ({"epoch": 12, "topics": '{"topicId":"x"}'}, True),
        ({"epoch": 12}, False),
        ({"epoch": -1, "topics": '{"topicId":"x"}'}, False),
    ],
)
def test_fetch_that_gave_records_or_tells_of_a_session_is_kept(
    changes: dict[str, Any], is_kept: bool
) -> None:
    found = properties(access_log_properties(Path("/x/access.log")))
    pattern = found["logger.requests.appenderRef.access.filter.kept.regex"]
    assert bool(re.fullmatch(pattern, logged(**changes))) == is_kept


def test_embedded_broker_logs_only_if_it_is_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "kafka.log"
    on = load_settings(data_dir=tmp_path)
    assert str(access_log_path(on)) in kafka_properties.logging(on, path)
    off = load_settings(data_dir=tmp_path, meter_reads=False)
    assert "access" not in kafka_properties.logging(off, path)
