"""``python -m sharebus.cli`` is ``sharebus``."""

from sharebus.cli.main import main

main()
