"""Hosts the gate's loop in a Faust worker: started, watched and stopped by it."""

import asyncio
import gc
import logging
import os
import sys
import threading

from mode import Service
from prometheus_client import start_http_server

from sharebus import SharebusError
from sharebus.infra.settings import Settings
from sharebus.stream_apps.gate.loop import GateLoop
from sharebus.stream_apps.gate.stopped import EXIT_RESTART

log = logging.getLogger(__name__)


class GateService(Service):
    """The loop blocks in librdkafka, so it has a thread of its own beside Faust's event loop."""

    def __init__(self, settings: Settings, instance: int) -> None:
        super().__init__()
        self._settings = settings
        self._instance = instance
        self._stop_loop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gate", daemon=True)

    async def on_start(self) -> None:
        """Serve the metrics and start the loop's thread."""
        if self._settings.metrics_port:
            port = self._settings.metrics_port + self._instance
            start_http_server(port, self._settings.bind_host)
        self._thread.start()

    async def on_stop(self) -> None:
        """Let the loop finish its transaction, then end."""
        self._stop_loop.set()
        await asyncio.to_thread(self._thread.join, 30)

    def _run(self) -> None:
        # The loop makes hundreds of thousands of objects a second and hardly a cycle; what was
        # imported never goes away. Looking for cycles at the usual pace costs a fifth of the rate.
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        try:
            GateLoop(self._settings, self._instance).run(self._stop_loop)
        except SharebusError as stopped:
            _exit(str(stopped), stopped.exit_code if stopped.exit_code >= EXIT_RESTART else 1)
        except Exception:
            log.exception("the gate failed")
            _exit("the gate failed; see above", EXIT_RESTART)


def _exit(word: str, code: int) -> None:
    """End the process at once: a transaction that may be open is left for the next start to fence.

    An orderly shutdown would try to end it, and could be wrong about what became of it.
    """
    log.critical("%s", word)
    logging.shutdown()
    print(word, file=sys.stderr, flush=True)
    os._exit(code)
