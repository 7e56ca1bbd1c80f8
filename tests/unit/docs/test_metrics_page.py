"""docs/metrics.md against the metrics of the apps."""

import re

from prometheus_client import Counter, Gauge, Histogram

from sharebus.governance.rule import Outcome
from sharebus.stream_apps.enforcer import metrics as enforcer_metrics
from sharebus.stream_apps.gate import metrics as gate_metrics
from sharebus.stream_apps.meter import metrics as meter_metrics
from sharebus.stream_apps.notary import metrics as notary_metrics
from sharebus.stream_apps.registrar import metrics as registrar_metrics

from . import pages

PAGE = pages.DOCS / "metrics.md"
APPS = (gate_metrics, registrar_metrics, enforcer_metrics, notary_metrics, meter_metrics)


def served() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Name of each metric as it is served: its type and labels."""
    found = {}
    for metric in [metric for app in APPS for metric in vars(app).values()]:
        if isinstance(metric, Counter | Gauge | Histogram):
            family = next(iter(metric.collect()), None) or metric.describe()[0]
            name = family.name + ("_total" if family.type == "counter" else "")
            found[name] = family.type, metric._labelnames
    return found


def test_page_has_each_metric_with_its_type_and_labels() -> None:
    rows = pages.table(pages.text_of(PAGE), "metric", "type", "labels", "meaning")
    documented = {
        pages.code(name): (kind, tuple(pages.codes(labels))) for name, kind, labels, _ in rows
    }
    assert documented == served()


def test_page_names_no_metric_that_is_not_served() -> None:
    named = set(re.findall(r"sharebus_[a-z_]+", pages.text_of(PAGE)))
    assert named <= set(served())


def test_page_names_every_outcome() -> None:
    for outcome in Outcome:
        assert f"`{outcome}`" in pages.text_of(PAGE)
