"""Broker and registry as child processes of one data directory."""
