"""What happened, in order, each step with who did it and the ledger entry that sealed it."""

from collections.abc import Iterable

from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.views import TimelineEvent


def timeline(events: Iterable[TimelineEvent]) -> None:
    with block("ol", "timeline"):
        for event in events:
            with block("li"):
                Text("p", event.summary, "timeline-summary")
                with block("p", "timeline-facts"):
                    Timestamp(event.at, "full")
                    if event.actor is not None and event.actor.shown not in event.summary:
                        Text("span", event.actor.shown)
                    if event.seq is not None:
                        Text("span", f"entry {event.seq}")
