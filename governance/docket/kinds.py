"""Every kind of case, by name."""

from typing import Final

from sharebus.governance.docket.agency import AGENCIES
from sharebus.governance.docket.agreement import AGREEMENTS
from sharebus.governance.docket.change import CHANGES
from sharebus.governance.docket.demand import DEMANDS, DISPUTES, PERMISSIONS
from sharebus.governance.docket.emergency import EMERGENCIES
from sharebus.governance.docket.entry import ENTRIES
from sharebus.governance.docket.erasure import ERASURES
from sharebus.governance.docket.founding import FOUNDINGS
from sharebus.governance.docket.grant import GRANTS
from sharebus.governance.docket.kind import Kind
from sharebus.governance.docket.question import DESIGNATIONS, QUESTIONS
from sharebus.governance.docket.request import REQUESTS
from sharebus.governance.docket.table import TABLES
from sharebus.governance.docket.usage import USAGES
from sharebus.governance.docket.violation import VIOLATIONS

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        AGENCIES, ENTRIES, CHANGES, DEMANDS, REQUESTS, GRANTS, AGREEMENTS, DISPUTES, PERMISSIONS,
        EMERGENCIES, USAGES, ERASURES, DESIGNATIONS, QUESTIONS, VIOLATIONS, TABLES,
        FOUNDINGS,
    )
}  # fmt: skip
