"""Slack as a way out of the house: messages about approvals, their threads, alarms, and App Homes."""

from activities.slack.channel import SlackChannel

__all__ = ["SlackChannel"]
