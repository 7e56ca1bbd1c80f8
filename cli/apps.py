"""The apps that a supervisor runs, and how each is started."""

import sys

from sharebus.infra.settings import Settings
from sharebus.infra.supervisor import App


def platform_apps(settings: Settings) -> list[App]:
    """Every app of the platform, each a Faust worker in a process of its own.

    The meter runs where it can read the broker's access log.
    """
    apps = [
        _faust_app("enforcer", settings, settings.enforcer_metrics_port),
        _faust_app("registrar", settings, settings.registrar_metrics_port),
        _faust_app("notary", settings, settings.notary_metrics_port),
        _faust_app("gate", settings, settings.metrics_port + settings.gate_instance),
    ]
    if settings.meter_reads and (settings.embedded or settings.access_log):
        port = settings.meter_metrics_port + settings.meter_instance
        apps.append(_faust_app("meter", settings, port))
    return apps


def _faust_app(name: str, settings: Settings, metrics_port: int) -> App:
    module = f"sharebus.stream_apps.{name}.app"
    argv = [sys.executable, "-m", "faust", "-A", module, "worker", "-l", "info", "--without-web"]
    return App(name=name, argv=argv, address=f"http://{settings.bind_host}:{metrics_port}")
