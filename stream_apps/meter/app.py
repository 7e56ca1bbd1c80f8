"""The meter as a Faust app: ``faust -A sharebus.stream_apps.meter.app worker``. Wiring only."""

from sharebus.infra.credentials import credentials_for
from sharebus.infra.settings import load_settings
from sharebus.stream_apps.faust_app import faust_settings
from sharebus.stream_apps.hosted_loop import HostedLoop, LoopApp
from sharebus.stream_apps.meter.loop import NAME, MeterLoop

_settings = load_settings()

app = LoopApp("meter-worker", **faust_settings(_settings, credentials_for(_settings, NAME)))


@app.service
class MeterService(HostedLoop):
    """The transactional loop."""

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        super().__init__(
            NAME,
            lambda stop: MeterLoop(_settings).run(stop),
            _settings.bind_host,
            _settings.meter_metrics_port + _settings.meter_instance,
        )
