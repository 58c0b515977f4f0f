"""The pages about the organization itself, side by side."""

from typing import Final, Literal

from console.components.text import block, link

OrganizationPage = Literal["members", "keys", "token-keys", "integrations"]

_PAGES: Final[tuple[tuple[OrganizationPage, str, str], ...]] = (
    ("members", "Members", "/members"),
    ("keys", "Keys", "/keys"),
    ("token-keys", "Token keys", "/token-keys"),
    ("integrations", "Integrations", "/integrations"),
)


def organization_tabs(here: OrganizationPage) -> None:
    with block("nav", "tabs page-tabs", aria_label="Organization"):
        for name, label, address in _PAGES:
            anchor = link(label, address, "tab")
            if name == here:
                anchor.props["aria-current"] = "page"
