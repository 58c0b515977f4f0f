"""A stand-in for Slack: its Web API over HTTP, what was posted as a page, and people who press, type and open."""
