"""For those who watch: reading the audit and proving that it tells what happened."""
