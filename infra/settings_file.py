"""The one TOML file of settings: ``SHAREBUS_CONFIG``, or ``sharebus.toml`` where we are."""

import os
import tomllib
from pathlib import Path
from typing import Any, Final

from sharebus import InvalidInput

CONFIG_VARIABLE: Final = "SHAREBUS_CONFIG"
CONFIG_FILE: Final = "sharebus.toml"


def settings_file() -> Path | None:
    """Where it is; None if there is none, and none is named."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    default = Path(CONFIG_FILE)
    return default if default.exists() else None


def read_settings_file(path: Path) -> dict[str, Any]:
    """What it says.

    :raises InvalidInput: it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(
            "The settings file cannot be read.",
            where=str(path),
            found=error.strerror or str(error),
            remedy=f"Correct or unset {CONFIG_VARIABLE}.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "The settings file is not TOML.", where=str(path), found=str(error)
        ) from error
