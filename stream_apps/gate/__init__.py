"""The gate: ingress → accepted, shared, view, quarantine, deliveries, notices and audit.

An event's way through this folder: ``loop`` reads a batch; ``plan`` compiles what the policy says
of the entry; ``judge`` accepts or refuses each event; ``lane`` turns verdicts into records to
write and remembers what its partition must; ``audit`` numbers the lines; ``loop`` commits all of
it in one transaction. ``assignment`` brings a lane back to where its last commit left it.
"""
