"""What people do in Slack, as Slack signs it. Whatever Temporal and Slack's own API do, Slack is answered in time."""
