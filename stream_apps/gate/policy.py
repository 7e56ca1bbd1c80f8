"""The policy as of the last look: facts, compiled plans, and ids of the platform's schemas."""

from sharebus.infra.credentials import ClientConfig
from sharebus.infra.facts_reader import FactsReader
from sharebus.stream_apps.gate import metrics
from sharebus.stream_apps.gate.plan import EntryPlan, compile_plan
from sharebus.stream_apps.transaction import SchemaIds


class Policy:
    """What the gate knows of ``facts.policy``; plans are compiled when first asked for."""

    def __init__(self, config: ClientConfig, view_key: bytes) -> None:
        self.ids = SchemaIds({})
        self._view_key = view_key
        self._reader = FactsReader(config)
        self._plans: dict[str, EntryPlan | None] = {}

    @property
    def version(self) -> int:
        """Offset of the last fact applied."""
        return self._reader.facts.version

    def learn(self) -> bool:
        """Nothing is judged by an older policy than the one now committed (decision 9).

        Says whether it is another one than before.
        """
        is_new = self._reader.catch_up()
        if not is_new and self._plans:
            return False
        self._plans.clear()
        metrics.POLICY_VERSION.set(self.version)
        self.ids = SchemaIds.of_facts(self._reader.facts)
        return is_new

    def plan_of(self, entry: str) -> EntryPlan | None:
        """The plan of an entry; None if there is none, or it is not to be shared.

        :raises NotProvisioned: the facts are not complete (see ``compile_plan``).
        """
        if entry not in self._plans:
            facts = self._reader.facts
            found = facts.entries.get(entry)
            shared = found is not None and found.sharing_class != "not_shared"
            self._plans[entry] = (
                compile_plan(facts, found, self._view_key) if found and shared else None
            )
        return self._plans[entry]

    def close(self) -> None:
        """Leave the broker."""
        self._reader.close()
