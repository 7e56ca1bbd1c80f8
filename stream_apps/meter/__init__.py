"""The meter: who read what, and who was refused what, from the broker's own log."""
