"""The registrar: makes facts of the agencies' commands, by the docket's rules."""
