"""What a hub measures of its own work. Each hub has a registry of its own, so that one process may hold several."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)

COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Meters:
    """Counters and histograms; names and meanings are listed in docs/operation.md."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.commit = Histogram(
            "prilavok_commit_seconds",
            "How long making a transaction durable took.",
            buckets=COMMIT_SECONDS,
            registry=registry,
        )
        self.batch = Histogram(
            "prilavok_commit_writes", "Writes that shared one commit.", buckets=BATCHES, registry=registry
        )
        self.jobs = Counter(
            "prilavok_job_runs", "Runs of jobs that ended, by kind and outcome.", ["kind", "outcome"], registry=registry
        )
        self.outside_errors = Counter(
            "prilavok_outside_errors",
            "Calls to messengers and payment providers that did not succeed.",
            ["side", "account", "error"],
            registry=registry,
        )
        self.messages = Counter(
            "prilavok_messages_settled",
            "Outgoing messages that came to a state, by state.",
            ["state"],
            registry=registry,
        )
        self.handled = Histogram(
            "prilavok_inbound_handled_seconds",
            "From an event of a messenger being stored to its being handled.",
            buckets=SECONDS,
            registry=registry,
        )
        self.sent = Histogram(
            "prilavok_outbound_sent_seconds",
            "From a message being written to the channel's confirmation.",
            buckets=SECONDS,
            registry=registry,
        )
        self.replied = Histogram(
            "prilavok_reply_seconds",
            "From an event being stored to its first reply's confirmation, where one process did both.",
            buckets=SECONDS,
            registry=registry,
        )

    def committed(self, writes: int, seconds: float) -> None:
        self.commit.observe(seconds)
        self.batch.observe(writes)
