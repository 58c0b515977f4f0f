"""Past refunds through a policy: a Stripe export in, what would have been blocked, paused or marked out. Pure."""

from policies.history.errors import HistoryInvalid
from policies.history.replay import NothingAboutRefunds, Progress, Stage, replay
from policies.history.report import Finding, Report, Total

__all__ = ["Finding", "HistoryInvalid", "NothingAboutRefunds", "Progress", "Report", "Stage", "Total", "replay"]
