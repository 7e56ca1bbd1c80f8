"""The desk: where an agency's officers act. Commands go out signed; answers and cases come back."""

from sharebus.producers.desk.desk import Desk
from sharebus.producers.desk.inbox import Task
from sharebus.producers.desk.mailbox import CaseVersion
from sharebus.producers.desk.private_key import PrivateKey, load_key

__all__ = ["CaseVersion", "Desk", "PrivateKey", "Task", "load_key"]
