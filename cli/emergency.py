"""``sharebus emergency``: sharing while an emergency is declared (应急共享)."""

import typer

from sharebus.cli import emergency_report
from sharebus.cli.act_fields import day, file_digest, text, texts
from sharebus.cli.acts import Act
from sharebus.cli.case import add_noun

_OFFICE = "nb-data.office"


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    group = add_noun(app, "emergency", "Emergency sharing (应急共享).", _OFFICE, _ACTS)
    group.command(emergency_report.COMMAND, epilog=f"Example:  {emergency_report.EXAMPLE}")(
        emergency_report.report
    )


_ACTS = (
    Act("declare", "emergency", "declare", "Declare it, for entries and agencies, until a day.",
        f"emergency declare 台风 --as {_OFFICE} --entry legal-persons --agency nb-tax "
        "--until 2026-12-31 --seal-by 2027-01-31",
        {"entries": texts("--entry", "An entry that is shared"),
         "agencies": texts("--agency", "An agency that receives"),
         "until": day("--until", "Last day, included."),
         "seal_by": day("--seal-by", "Last day on which recipients seal (封存).")},
        ("REASON", "What has happened."), fills="reason", is_new=True),
    Act("end", "emergency", "end", "End it before its last day.",
        f"emergency end e-1 --as {_OFFICE}",
        {"seal_by": day("--seal-by", "Another last day on which recipients seal.")}),
    Act("confirm-sealed", "emergency", "consent",
        "Confirm, as a recipient, that what is personal or commercial is sealed (封存).",
        "emergency confirm-sealed e-1 --as nb-tax.levy"),
    Act("file-report", "emergency", "report", "Report on it to supervisor and government.",
        f"emergency file-report e-1 --as {_OFFICE} --report 共放行1204条 --list released.jsonl",
        {"report": text("--report", "What was released, in words."),
         "list_digest": file_digest("--list", "The list of what was released; its SHA-256 stays.")},
        ),
)  # fmt: skip
