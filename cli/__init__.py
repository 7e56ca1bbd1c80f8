"""The command line. Nothing here decides: a command reads options, calls a room and prints."""
