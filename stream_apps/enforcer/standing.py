"""What is in force and what ``shared.catalog`` shows of it, for whoever applies a catalog."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

from sharebus import NumbersDisagree
from sharebus.governance.facts import PolicyFacts
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.facts_reader import FactsReader
from sharebus.schemas.topic import FACTS_POLICY, SHARED_CATALOG
from sharebus.stream_apps.enforcer.desired import SubjectSchema
from sharebus.stream_apps.enforcer.plan import FactChanges, fact_changes

_READ_BACK_SECONDS_MAX: Final = 15.0
_READ_BACK_PAUSE_SECONDS: Final = 0.02


class StandingFacts:
    """The facts in force, and those that ``shared.catalog`` shows to every agency.

    ``topics`` are those that there are: before the first application there is nothing to read.
    """

    def __init__(self, config: ClientConfig, topics: frozenset[str], stack: ExitStack) -> None:
        self.policy = FactsReader(config, FACTS_POLICY)
        self._catalog = FactsReader(config, SHARED_CATALOG)
        stack.callback(self.policy.close)
        stack.callback(self._catalog.close)
        self._is_first_application = FACTS_POLICY not in topics

    @property
    def in_force(self) -> PolicyFacts:
        """As of the last look."""
        return self.policy.facts

    def catch_up(self) -> None:
        """Look again, where there is anything to read yet."""
        if not self._is_first_application:
            self.policy.catch_up()

    def settle(self) -> None:
        """Take in what is decided, though its marker may not be in every partition yet."""
        self.policy.settle()

    def is_as(self, expected: PolicyFacts) -> bool:
        """Whether those agencies, entries and grants are in force that were expected."""
        found = self.in_force
        return (found.agencies, found.entries, found.grants) == (
            expected.agencies,
            expected.entries,
            expected.grants,
        )

    def changes(self, merged: PolicyFacts, schema_ids: Mapping[SubjectSchema, int]) -> FactChanges:
        """What is not published yet of the ``merged`` facts and of the schemas that have an id."""
        if not self._is_first_application:
            self._catalog.settle()
        return fact_changes(self.in_force, self._catalog.facts, merged, schema_ids)

    def wait_for(self, schema_ids: Mapping[SubjectSchema, int]) -> None:
        """A commit is answered before its marker is in every partition: read until all is there."""
        self._is_first_application = False
        deadline = time.monotonic() + _READ_BACK_SECONDS_MAX
        while True:
            self.catch_up()
            left = self.changes(self.in_force, schema_ids)
            if left.is_empty and self.in_force.founder is not None:
                return
            if time.monotonic() > deadline:
                raise NumbersDisagree(
                    "The facts that were published are not those that are read back.",
                    expected=f"no difference within {_READ_BACK_SECONDS_MAX:g} s",
                    found=f"{len(left.policy)} of policy, {len(left.catalog)} of the catalog",
                    remedy="Another application of the catalog may have run; apply again.",
                )
            time.sleep(_READ_BACK_PAUSE_SECONDS)
