"""The enforcer: makes broker and registry match the catalog, and publishes the facts."""
