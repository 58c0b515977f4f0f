"""Slack: who is installed and linked, what messages look like, and the Web API. Pure but for two modules of those."""
