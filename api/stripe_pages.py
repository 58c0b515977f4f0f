"""What the API shows a browser on the way to Stripe and back, and the page of permissions."""

from html import escape
from typing import Final
from urllib.parse import urlsplit

from api.html_page import Page, html_page
from axiru.domain.stripe_permissions import OBSERVE, PERMISSIONS, StripePermission
from axiru.stripe_installs import Begun

GRANTING: Final = (
    "Stripe grants an app all permissions of its manifest at once; you cannot pick some of them at Stripe. Axiru "
    "begins read-only whatever Stripe has granted. It uses a write permission only while an admin of your organization "
    "has granted that action here, for that connection, which takes its surface to be enforced. Every grant is sealed "
    "in the ledger and can be taken back at any time; what was not granted here is never used."
)
_ACTIONS: Final = {
    OBSERVE: "Observing",
    "refund": "Refunds",
    "payout": "Payouts",
    "transfer": "Transfers",
    "app_fee_refund": "Refunds of application fees",
    "dispute": "Disputes",
}


def begin_page(console_url: str) -> Page:
    """For who comes without a ticket: what connecting means, and where it begins."""
    there = (
        f'<p><a href="{escape(console_url)}/onboarding/connect-stripe">Begin in the console</a>, logged in as an admin.'
        "</p>"
        if console_url
        else "<p>An admin begins it in the console, or with <code>POST /api/v1/connections/install</code>.</p>"
    )
    return html_page(
        "Connect Stripe",
        f"<h1>Connect a Stripe account</h1>{there}"
        '<p>You are sent to Stripe, which shows what the app asks for. <a href="/permissions">Every permission, and '
        f"why</a>.</p><p>{escape(GRANTING)}</p>",
    )


def confirm_page(begun: Begun, ticket: str, *, authorize_url: str) -> Page:
    """For who follows a link from elsewhere: whose organization the account would be connected to."""
    target = urlsplit(authorize_url)
    return html_page(
        "Connect Stripe",
        f"<h1>Connect a Stripe account to {escape(begun.organization_name)}?</h1>"
        f"<p>{escape(begun.member_name)} of {escape(begun.organization_name)} began this, in {begun.mode} mode. Go on "
        "only if that is you, or somebody you work with: the account you choose at Stripe will be connected to "
        f"{escape(begun.organization_name)}.</p>"
        f'<form method="post" action="/stripe/install"><input type="hidden" name="ticket" value="{escape(ticket)}">'
        "<button>Go on to Stripe</button></form>",
        form_targets=(f"{target.scheme}://{target.netloc}",),
    )


def connected_page(account_name: str) -> Page:
    """The end, where there is no console to go back to."""
    return html_page("Connected", f"<h1>Connected</h1><p>{escape(account_name)} is connected, read-only.</p>")


def permissions_page() -> Page:
    """Every permission, by what it serves."""
    sections = "".join(_section(action, title) for action, title in _ACTIONS.items())
    return html_page(
        "Permissions",
        f"<h1>What Axiru asks for at Stripe</h1><p>{escape(GRANTING)}</p>{sections}"
        "<p>Stripe gives no app full card or bank account numbers. What its objects carry of them, such as last "
        "digits, and of people's documents is dropped before anything is stored.</p>",
    )


def _section(action: str, title: str) -> str:
    asked = [one for one in PERMISSIONS if one.action == action]
    when = " ".join(dict.fromkeys(one.when for one in asked))
    return f"<section><h2>{escape(title)}</h2><p>{escape(when)}</p><dl>{''.join(map(_line, asked))}</dl></section>"


def _line(one: StripePermission) -> str:
    return f"<dt><code>{escape(one.permission)}</code></dt><dd>{escape(one.why)}</dd>"
