"""Where librdkafka's own lines go: to Python's logging, and nowhere unless that is configured.

What matters of them is raised as an error; on a terminal they would bury it.
"""

import logging

librdkafka_log = logging.getLogger("sharebus.librdkafka")
librdkafka_log.addHandler(logging.NullHandler())
