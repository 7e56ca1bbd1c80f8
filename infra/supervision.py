"""What a supervisor reports: the state of each part, in a file that `sharebus status` reads."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from sharebus import Refused
from sharebus.infra.settings import Settings

State = Literal[
    "waiting", "starting", "running", "restarting", "failing", "failed", "stopping", "stopped"
]
"""``waiting`` for a part that must run first; ``failing`` is started again and again; ``failed``
needs a person."""

_LOCK_FILE: Final = "supervisor.lock"
_STATUS_FILE: Final = "status.json"
# A reader of the status holds the lock for an instant; a supervisor that starts just then waits.
_LOCK_PATIENCE_SECONDS: Final = 1.0


class PartStatus(BaseModel):
    """One process. ``since_ms`` is when it entered ``state``, in milliseconds since 1970."""

    model_config = ConfigDict(frozen=True)

    name: str
    state: State
    since_ms: int
    pid: int | None = None
    restarts: int = 0
    address: str = ""
    log: str = ""
    message: str = ""


class Status(BaseModel):
    """The whole system. ``alive`` is false when the supervisor that wrote it is gone."""

    model_config = ConfigDict(frozen=True)

    alive: bool
    supervisor_pid: int | None = None
    parts: tuple[PartStatus, ...] = ()

    @property
    def ready(self) -> bool:
        """Every part runs."""
        return self.alive and all(part.state == "running" for part in self.parts)


def read_status(settings: Settings) -> Status:
    """What runs on this data directory.

    After a supervisor was killed its last report is still there; then ``alive`` is false and each
    part is ``stopped``, since the parts end with it.
    """
    try:
        text = (settings.data_dir / _STATUS_FILE).read_text(encoding="utf-8")
        status = Status.model_validate_json(text)
    except (FileNotFoundError, ValidationError):
        return Status(alive=False)
    if _is_held(settings.data_dir / _LOCK_FILE):
        return status
    parts = [part.model_copy(update={"state": "stopped", "pid": None}) for part in status.parts]
    return Status(alive=False, supervisor_pid=None, parts=tuple(parts))


def write_status(settings: Settings, parts: tuple[PartStatus, ...]) -> None:
    """Replace the report of this process; a reader sees the old one or the new one."""
    status = Status(alive=True, supervisor_pid=os.getpid(), parts=parts)
    path = settings.data_dir / _STATUS_FILE
    new = path.with_suffix(".new")
    new.write_text(json.dumps(status.model_dump(), indent=1) + "\n", encoding="utf-8")
    new.replace(path)


@contextmanager
def only_supervisor(settings: Settings) -> Iterator[None]:
    """Hold the data directory for this process; the kernel lets go of it when the process ends.

    Raises Refused naming the process that holds it.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (settings.data_dir / _LOCK_FILE).open("a") as lock:
        deadline = time.monotonic() + _LOCK_PATIENCE_SECONDS
        while not _try_lock(lock.fileno(), fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                holder = read_status(settings).supervisor_pid
                raise Refused(
                    "This data directory is in use by another sharebus.",
                    where=str(settings.data_dir),
                    found=f"process {holder}" if holder else "",
                    remedy="Stop it, or choose another SHAREBUS_DATA_DIR and other ports.",
                )
            time.sleep(0.05)
        yield


def _is_held(path: Path) -> bool:
    try:
        with path.open() as lock:
            return not _try_lock(lock.fileno(), fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
