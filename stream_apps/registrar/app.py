"""The registrar as a Faust app: ``faust -A sharebus.stream_apps.registrar.app worker``. Wiring."""

from sharebus.infra.credentials import credentials_for
from sharebus.infra.settings import load_settings
from sharebus.stream_apps.faust_app import faust_settings
from sharebus.stream_apps.hosted_loop import HostedLoop, LoopApp
from sharebus.stream_apps.registrar.loop import NAME, RegistrarLoop

_settings = load_settings()

app = LoopApp("registrar-worker", **faust_settings(_settings, credentials_for(_settings, NAME)))


@app.service
class Registrar(HostedLoop):
    """The transactional loop."""

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        super().__init__(
            NAME,
            lambda stop: RegistrarLoop(_settings).run(stop),
            _settings.bind_host,
            _settings.registrar_metrics_port,
        )
