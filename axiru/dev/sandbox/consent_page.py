"""The page on which the owner of an account agrees to install the Stripe App, or does not. Needs no script."""

from collections.abc import Mapping
from html import escape
from typing import Final

from axiru.dev.sandbox.installations import APP_NAME, LIVE_ACCOUNTS
from axiru.domain.stripe_permissions import PERMISSIONS

_STYLE: Final = """
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:40rem;padding:0 1rem}
li{margin:.4rem 0}code{font-size:.9em}label,input{display:block;font:inherit}input{width:100%;box-sizing:border-box;
padding:.4rem;margin:.3rem 0 1rem}button{font:inherit;padding:.5rem 1.2rem;margin:0 .6rem .6rem 0}
small{opacity:.75}
"""


def consent_page(carried: Mapping[str, str], *, livemode: bool, account: str) -> str:
    """What is asked for, of whom, and the form to answer; `carried` goes back with the answer as it came."""
    permissions = "".join(
        f"<li><code>{escape(one.permission)}</code> ({escape(one.access)}): {escape(one.why)}</li>"
        for one in PERMISSIONS
    )
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in carried.items()
    )
    hint = f"live accounts begin with {LIVE_ACCOUNTS}" if livemode else "any acct_… that is not a live one"
    mode = "live mode" if livemode else "test mode"
    return _page(
        f"Install {APP_NAME}",
        f"<h1>Install {APP_NAME} in {mode}</h1><p>{APP_NAME} asks for all of this at once:</p><ul>{permissions}</ul>"
        f'<form method="post">{hidden}<label for="account">Account</label>'
        f'<input id="account" name="account" value="{escape(account)}" pattern="acct_[A-Za-z0-9_]+" required>'
        f"<p><small>In this sandbox: {escape(hint)}.</small></p>"
        '<button name="decision" value="approve">Install</button>'
        '<button name="decision" value="deny">Cancel</button></form>',
    )


def refusal_page(message: str) -> str:
    """Shown, instead of a redirect, where it is not known whom to redirect to."""
    return _page("This does not work", f"<h1>This does not work</h1><p>{escape(message)}</p>")


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · Stripe sandbox</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )
