"""How far a replay is, or why it came to nothing."""

from console.components.text import Text, block
from console.components.timestamp import Timestamp
from console.replay_views import Pull, Replay


def failure(replay: Replay) -> None:
    if replay.error is None:
        return
    place = f"Line {replay.error.line}" if replay.error.line else ""
    if place and replay.error.column:
        place += f", column {replay.error.column}"
    Text("p", f"{place}: {replay.error.message}" if place else replay.error.message, "refusal")
    if replay.source == "csv":
        Text("p", "Nothing was counted. Correct the file and send it again.", "muted")
    else:
        Text("p", "Nothing was counted.", "muted")


def progress(replay: Replay) -> None:
    if replay.pull is not None and replay.rows_total is None:
        _pulling(replay.pull)
        return
    share = min(replay.rows_done / replay.rows_total, 1) if replay.rows_total else 0.0
    told = f"{replay.rows_done:,} of about {replay.rows_total:,} rows" if replay.rows_total else "Waiting for a worker"
    Text("p", told).props["role"] = "status"
    with block("div", "progress", role="progressbar", aria_label="Progress"):
        block("div").style(f"width: {share * 100:.0f}%")


def _pulling(pull: Pull) -> None:
    """How much there is in all is not known before the end, so no share is claimed."""
    with block("p", role="status"):
        Text("span", f"Reading from Stripe: {pull.pulled:,} so far")
        if pull.covered_from is not None:
            Text("span", ", back to ")
            Timestamp(pull.covered_from)
    if pull.waited_seconds:
        Text("p", f"Waited {pull.waited_seconds:,} s for Stripe's rate limits.", "muted")
    with block("div", "progress", role="progressbar", aria_label="Reading from Stripe"):
        block("div", "progress-unknown")
