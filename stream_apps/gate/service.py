"""The gate's loop as a service of its Faust worker."""

import gc
import threading

from sharebus.infra.settings import Settings
from sharebus.stream_apps.gate.loop import GateLoop
from sharebus.stream_apps.hosted_loop import HostedLoop


class GateService(HostedLoop):
    """The gate's transactional loop."""

    def __init__(self, settings: Settings, instance: int) -> None:
        def run(stop: threading.Event) -> None:
            # The loop makes hundreds of thousands of objects a second and hardly a cycle; what was
            # imported never goes away. To look for cycles at the usual pace costs a fifth of the
            # rate.
            gc.freeze()
            gc.set_threshold(100_000, 50, 100)
            GateLoop(settings, instance).run(stop)

        port = settings.metrics_port + instance if settings.metrics_port else 0
        super().__init__("gate", run, settings.bind_host, port)
