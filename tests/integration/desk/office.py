"""Acts for the agencies of a town hall: by the command line, and by the desk itself."""

import json
from typing import Any

from click.testing import Result
from typer.testing import CliRunner

from sharebus import SharebusError
from sharebus.cli.main import app
from sharebus.governance.identity import SystemName
from sharebus.infra.private_key import key_path, save_key
from sharebus.infra.settings import environment_of
from sharebus.producers.desk import Desk, PrivateKey

from ..registrar.hall import Hall


class Office:
    """One of each party, with its key where the command line looks for it."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.settings = hall.world.settings
        self.systems: dict[str, SystemName] = {}
        for agency, secret in hall.keys.items():
            (system,) = hall.world.facts_now().agencies[agency].system_names()
            hall.world.broker.client_config(system.principal)
            self.systems[agency] = system
            path = key_path(self.settings, agency)
            if not path.exists():
                save_key(path, PrivateKey("office", "ed25519", secret))

    def environment(self) -> dict[str, str]:
        """What tells the command line where the broker is."""
        return environment_of(self.settings)

    def desk(self, agency: str) -> Desk:
        """The agency's desk."""
        key = PrivateKey("office", "ed25519", self.hall.keys[agency])
        return Desk(self.settings, self.systems[agency], key)

    def run(self, agency: str, *arguments: str) -> Any:
        """What a command prints as JSON.

        :raises SharebusError: as the command does.
        """
        self.hall.registrar.tend()
        system = str(self.systems[agency])
        result: Result = CliRunner().invoke(app, [*arguments, "--as", system, "--json"])
        if isinstance(result.exception, SharebusError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)
