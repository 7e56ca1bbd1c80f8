"""What providers use: the SDK (:class:`Provider`) and everything behind ``sharebus publish``.

A row's way through this folder: ``input_file`` finds the encoding, ``source_rows`` reads,
``row_check`` finds what is wrong, ``event`` encodes, ``outbox`` sends, ``delivery`` counts and
closes, ``receipt`` waits for what the gate says. ``publication`` runs it all for a file;
``snapshot`` finds what a file changes.
"""

from sharebus.producers.delivery import Delivery
from sharebus.producers.provider import Provider
from sharebus.producers.receipt import PartitionReceipt, Receipt
from sharebus.producers.reference import reference_to

__all__ = ["Delivery", "PartitionReceipt", "Provider", "Receipt", "reference_to"]
