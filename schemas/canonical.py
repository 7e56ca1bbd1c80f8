"""One text for one document, so that equal documents are equal bytes."""

import json
from collections.abc import Mapping
from typing import Any


def canonical_json(document: Mapping[str, Any]) -> str:
    """JSON with sorted keys and without spaces."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
