"""The gate as a Faust app: ``faust -A sharebus.stream_apps.gate.app worker``. Wiring only."""

import faust
from faust.app import BootStrategy

from sharebus.infra.credentials import credentials_for
from sharebus.infra.settings import load_settings
from sharebus.stream_apps.faust_app import faust_settings
from sharebus.stream_apps.gate.service import GateService


class LoopOnly(BootStrategy):
    """Starts no consumer or producer of Faust's own: the gate has no agents, only its loop."""

    enable_kafka = False


class GateApp(faust.App):
    """A Faust app whose one service is the gate's transactional loop."""

    BootStrategy = LoopOnly


_settings = load_settings()

app = GateApp("gate-worker", **faust_settings(_settings, credentials_for(_settings, "gate")))


@app.service
class Gate(GateService):
    """The transactional loop."""

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        super().__init__(_settings, instance=_settings.gate_instance)
