"""Avro schemas by id: from the registry, or from the published catalog when that is down."""

from typing import Any

from sharebus import InvalidInput, Unavailable
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.registry import SchemaRegistry
from sharebus.infra.settings import Settings
from sharebus.schemas.topic import SHARED_CATALOG


class SchemaFinder:
    """Finds schemas for one reader, who connects to the broker by ``config``."""

    def __init__(self, settings: Settings, config: ClientConfig) -> None:
        self._settings = settings
        self._config = config

    def by_id(self, schema_id: int) -> dict[str, Any]:
        """The schema registered under an id.

        :raises Unavailable: neither the registry nor the catalog gives it. That includes an id
            that the registry does not know: a registry that lost its data must cost no event.
        """
        try:
            with SchemaRegistry(self._settings) as registry:
                return registry.by_id(schema_id)
        except (Unavailable, InvalidInput) as refusal:
            published = self._published(schema_id)
            if published is not None:
                return published
            raise Unavailable(
                f"schema {schema_id} is not known yet, and the registry does not give it",
                where=refusal.where,
                found=refusal.problem,
                remedy="Nothing is lost: repeat when the registry is up.",
            ) from refusal

    def _published(self, schema_id: int) -> dict[str, Any] | None:
        try:
            reader = FactsReader(self._config, SHARED_CATALOG)
            try:
                reader.catch_up()
            finally:
                reader.close()
        except Unavailable:
            return None
        for by_id in reader.facts.schemas.values():
            if schema_id in by_id:
                return by_id[schema_id]
        return None
