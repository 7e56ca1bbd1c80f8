"""The reference: a plain Faust agent that does the gate's job event by event.

It decodes, masks or passes, encodes, sends the result and an audit line; at least once, with the
checks of headers and content left out, which is in its favour.
"""

import json
import os
from io import BytesIO

import faust
from fastavro import parse_schema, schemaless_reader, schemaless_writer

_settings = json.loads(os.environ["BENCH_SETTINGS"])
_schema = parse_schema(_settings["schema"])
_view_schema = parse_schema(_settings["view_schema"])

app = faust.App(
    "bench-plain",
    broker=f"kafka://{_settings['broker']}",
    broker_credentials=faust.SASLCredentials(
        username=_settings["username"], password=_settings["password"], mechanism="SCRAM-SHA-512"
    ),
    autodiscover=False,
    topic_allow_declare=False,
    topic_disable_leader=True,
    web_enabled=False,
    consumer_auto_offset_reset="earliest",
    datadir=_settings["datadir"],
)
_RAW = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
_ingress = app.topic(_settings["ingress"], **_RAW)
_output = app.topic(_settings["output"], **_RAW)
_audit = app.topic(_settings["audit"], **_RAW)


@app.agent(_ingress, name="bench.plain")
async def decide(stream: faust.Stream[bytes]) -> None:
    """One event after the other."""
    async for event in stream.events():
        row = schemaless_reader(BytesIO(event.value[5:]), _schema, None)
        body = BytesIO()
        schemaless_writer(body, _view_schema, row)
        value = event.value[:5] + body.getvalue()
        await _output.send(key=event.key, value=value, headers=event.headers)
        line = json.dumps({"offset": event.message.offset, "outcome": "accepted"})
        await _audit.send(key=b"plain", value=line.encode())
