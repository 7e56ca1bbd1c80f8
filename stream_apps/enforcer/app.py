"""The enforcer as a Faust app: ``faust -A sharebus.stream_apps.enforcer.app worker``. Wiring."""

from sharebus.infra.credentials import credentials_for
from sharebus.infra.settings import load_settings
from sharebus.stream_apps.enforcer.loop import EnforcerLoop
from sharebus.stream_apps.enforcer.rights import ENFORCER
from sharebus.stream_apps.faust_app import faust_settings
from sharebus.stream_apps.hosted_loop import HostedLoop, LoopApp

_settings = load_settings()

app = LoopApp("enforcer-worker", **faust_settings(_settings, credentials_for(_settings, ENFORCER)))


@app.service
class Enforcer(HostedLoop):
    """The loop that makes the broker match the facts."""

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        super().__init__(
            ENFORCER,
            lambda stop: EnforcerLoop(_settings).run(stop),
            _settings.bind_host,
            _settings.enforcer_metrics_port,
        )
