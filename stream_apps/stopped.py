"""Why an app stops itself. It loses nothing: what was not committed is read again."""

from typing import ClassVar, Final

from sharebus import SharebusError

EXIT_RESTART: Final = 70
"""The supervisor starts the app again: a new start fences and aborts what this one left open."""
EXIT_NEEDS_PERSON: Final = 78
"""Starting again would not help, or would do harm: a person must look."""


class AppStopped(SharebusError):
    """The app cannot go on, and the supervisor should start it again."""

    exit_code: ClassVar[int] = EXIT_RESTART


class OffsetsLost(SharebusError):
    """The group's offsets contradict what the gate itself has recorded as done.

    To begin again at 0 would publish everything a second time, so the gate stops.
    """

    exit_code: ClassVar[int] = EXIT_NEEDS_PERSON
