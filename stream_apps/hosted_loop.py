"""Hosts a transactional loop in a Faust worker: started, watched and stopped by it."""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable

import faust
from faust.app import BootStrategy
from mode import Service
from prometheus_client import start_http_server

from sharebus import SharebusError
from sharebus.stream_apps.fault import fault_text
from sharebus.stream_apps.stopped import EXIT_RESTART

log = logging.getLogger(__name__)


class LoopOnly(BootStrategy):
    """Starts no consumer or producer of Faust's own: the app has no agents, only its loop."""

    enable_kafka = False


class LoopApp(faust.App):
    """A Faust app whose one service is a loop."""

    BootStrategy = LoopOnly


class HostedLoop(Service):
    """The loop blocks in librdkafka, so it has a thread of its own beside Faust's event loop.

    ``run`` is given the event by which it is asked to end; ``metrics_port`` 0 serves no metrics.
    """

    def __init__(
        self, name: str, run: Callable[[threading.Event], None], host: str, metrics_port: int
    ) -> None:
        super().__init__()
        self._name = name
        self._run_loop = run
        self._host = host
        self._metrics_port = metrics_port
        self._stop_loop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    async def on_start(self) -> None:
        """Serve the metrics and start the loop's thread."""
        if self._metrics_port:
            start_http_server(self._metrics_port, self._host)
        self._thread.start()

    async def on_stop(self) -> None:
        """Let the loop finish its transaction, then end."""
        self._stop_loop.set()
        await asyncio.to_thread(self._thread.join, 30)

    def _run(self) -> None:
        try:
            self._run_loop(self._stop_loop)
        except SharebusError as stopped:
            _exit(str(stopped), stopped.exit_code if stopped.exit_code >= EXIT_RESTART else 1)
        except Exception as fault:
            log.critical("the %s failed\n%s", self._name, fault_text(fault))
            _exit(f"the {self._name} failed; see above", EXIT_RESTART)


def _exit(word: str, code: int) -> None:
    """End the process at once: a transaction that may be open is left for the next start to fence.

    An orderly shutdown would try to end it, and could be wrong about what became of it.
    """
    log.critical("%s", word)
    logging.shutdown()
    print(word, file=sys.stderr, flush=True)
    os._exit(code)
