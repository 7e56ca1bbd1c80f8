"""The desk: where an agency's officers act. Commands go out signed; answers and cases come back."""

from sharebus.infra.private_key import PrivateKey, load_key
from sharebus.producers.desk.desk import ANSWER_SECONDS, Desk, new_case_id, refusal_of
from sharebus.producers.desk.inbox import Task
from sharebus.producers.desk.inspection import Disposal, Holder, Inspection
from sharebus.producers.desk.mailbox import CaseVersion

__all__ = [
    "ANSWER_SECONDS",
    "CaseVersion",
    "Desk",
    "Disposal",
    "Holder",
    "Inspection",
    "PrivateKey",
    "Task",
    "load_key",
    "new_case_id",
    "refusal_of",
]
