"""The gate as a Faust app: ``faust -A sharebus.stream_apps.gate.app worker``. Wiring only."""

from sharebus.infra.credentials import credentials_for
from sharebus.infra.settings import load_settings
from sharebus.stream_apps.faust_app import faust_settings
from sharebus.stream_apps.gate.service import GateService
from sharebus.stream_apps.hosted_loop import LoopApp

_settings = load_settings()

app = LoopApp("gate-worker", **faust_settings(_settings, credentials_for(_settings, "gate")))


@app.service
class Gate(GateService):
    """The transactional loop."""

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        super().__init__(_settings, instance=_settings.gate_instance)
