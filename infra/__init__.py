"""The outside world: broker, registry, settings, clients, supervisor."""
