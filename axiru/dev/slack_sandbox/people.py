"""The workspace's names: its team, channels and people."""

from typing import Final

TEAM_ID: Final = "T_DEMO"
CHANNEL_ID: Final = "C_APPROVALS"
BOT_USER_ID: Final = "U_AXIRU"
BOT_TOKEN: Final = "xoxb-demo-token"  # noqa: S105 - known to everybody, for a stand-in on loopback

CHANNELS: Final = {CHANNEL_ID: "approvals", "C_GENERAL": "general"}

USERS: Final = {
    "U_CONTROLLER": "Demo controller",
    "U_CONTROLLER2": "Demo controller2",
    "U_FINANCE": "Demo finance",
    "U_ADMIN": "Demo admin",
    "U_SUPPORT": "Demo support",
    "U_VIEWER": "Demo viewer",
    "U_AGENTS": "Demo agents",
    "U_STRANGER": "Somebody in the workspace",
}
"""Slack users by id. None of them is linked to a member before they link themselves."""
