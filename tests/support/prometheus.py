"""What Prometheus reads of a page, by its own parser."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from livesim.commands.status.metrics import StatusCollector


def page_of(status):
    """Return the page for a status."""
    registry = CollectorRegistry()
    registry.register(StatusCollector(lambda: status))
    return generate_latest(registry).decode()


def samples_of(page):
    """Return (name, sorted labels) -> value."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
