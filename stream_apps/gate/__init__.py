"""The gate: ingress → accepted, shared, view, quarantine, deliveries, notices and audit.

An event's way through this folder: ``loop`` reads a batch; ``plan`` compiles what the policy says
of the entry; ``judge`` accepts or refuses each event; ``lane`` turns verdicts into records to
write and remembers what its partition must; ``release`` says what each view gets; ``audit``
numbers the lines; ``transaction`` commits all of it, or nothing. ``assignment`` brings a lane
back to where its last commit left it.
"""
