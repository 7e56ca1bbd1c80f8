"""docs/lifecycles.md against the lifecycles."""

import pytest

from sharebus.governance.lifecycle import Lifecycle
from sharebus.governance.lifecycles import LIFECYCLES

from . import pages

PAGE = pages.DOCS / "lifecycles.md"


def rendered(cycle: Lifecycle) -> str:
    """The table of a lifecycle as the page has it."""
    lines = [
        "| move | from | to | by | consent of | head | needs | may fill | tells | article |",
        "|---" * 10 + "|",
    ]
    for move in cycle.moves:
        cells = (
            f"`{move.verb}`",
            ", ".join(source or "—" for source in move.sources),
            move.target,
            ", ".join(move.actors),
            ", ".join(move.consents) or "—",
            "approves" if move.head else "—",
            ", ".join(f"`{name}`" for name in move.needs) or "—",
            ", ".join(f"`{name}`" for name in move.may) or "—",
            ", ".join(move.tells) or "—",
            move.basis,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


@pytest.mark.parametrize("cycle", LIFECYCLES.values(), ids=LIFECYCLES)
def test_page_has_the_lifecycle_as_it_is(cycle: Lifecycle) -> None:
    assert rendered(cycle) in pages.text_of(PAGE)


@pytest.mark.parametrize("cycle", LIFECYCLES.values(), ids=LIFECYCLES)
def test_page_names_where_the_lifecycle_ends(cycle: Lifecycle) -> None:
    ends = ", ".join(f"`{state}`" for state in sorted(cycle.final_states))
    assert f"`{cycle.kind}` ends in {ends}." in pages.text_of(PAGE)
