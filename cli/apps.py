"""The apps that a supervisor runs, and how each is started."""

import sys

from sharebus.infra.settings import Settings
from sharebus.infra.supervisor import App


def platform_apps(settings: Settings) -> list[App]:
    """Every app of the platform, each a Faust worker in a process of its own."""
    return [
        _faust_app("enforcer", settings, settings.enforcer_metrics_port),
        _faust_app("registrar", settings, settings.registrar_metrics_port),
        _faust_app("notary", settings, settings.notary_metrics_port),
        _faust_app("gate", settings, settings.metrics_port + settings.gate_instance),
    ]


def _faust_app(name: str, settings: Settings, metrics_port: int) -> App:
    module = f"sharebus.stream_apps.{name}.app"
    argv = [sys.executable, "-m", "faust", "-A", module, "worker", "-l", "info", "--without-web"]
    return App(name=name, argv=argv, address=f"http://{settings.bind_host}:{metrics_port}")
