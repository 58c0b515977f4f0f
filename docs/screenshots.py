"""Takes the screenshots in `docs/screenshots/` from a running demo: `axiru dev`, then `python docs/screenshots.py`.

Publishes a policy and asks for a handful of refunds, so that there is something to see; run it against a fresh home
(`axiru dev --fresh`).
"""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from playwright.async_api import Browser, Page, async_playwright
from shown_agents import AgentScene
from shown_business import Scene, Stack, set_up
from shown_mandates import MandateScene

OUT = Path(__file__).parent / "screenshots"
SIZES = ((1280, 800), (390, 844))
SCHEMES = ("light", "dark")
EVERYTHING = ((1280, "light"), (390, "dark"))
"""The looks in which every page is shown; the others show decisions only."""

MISTAKEN = """Policy card-refunds governs refunds on stripe.

Refunds over $500 are denied.
Refunds over $90 require aproval by controller.
Refunds of $75 to $90 are flagged, saying "Just under the limit".
"""


async def main(stack: Stack) -> None:
    scene = await set_up(stack)
    async with async_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox"])
        for size in SIZES:
            for scheme in SCHEMES:
                everything = (size[0], scheme) in EVERYTHING
                async with _camera(browser, stack, size, scheme) as camera:
                    await _take_decisions(camera, scene)
                    if everything:
                        await _take_approvals(camera)
                        await _take_policies(camera, scene)
                if everything:
                    async with _camera(browser, stack, size, scheme) as camera:
                        await camera.log_in("admin")
                        await _take_organization(camera)
                        await _take_agents(camera, scene.agents)
                        await _take_mandates(camera, scene.mandates)
                        await _take_stripe(camera, scene)
        await browser.close()


class Camera:
    """A page of the console in one look."""

    def __init__(self, page: Page, stack: Stack, look: str) -> None:
        self.page = page
        self._stack = stack
        self._look = look

    async def shot(self, name: str) -> None:
        await self.page.screenshot(path=OUT / f"{name}-{self._look}.png", animations="disabled")

    async def open_log_in(self) -> None:
        await self.page.goto(f"{self._stack.console_url}/login")
        await self.page.wait_for_selector("form.login")

    async def log_in(self, role: str) -> None:
        await self.open_log_in()
        user = next(user for user in self._stack.users if role in user.roles)
        await self.page.get_by_label("E-mail").fill(user.email)
        await self.page.get_by_label("Password").fill(user.password)
        await self.page.get_by_role("button", name="Log in").click()
        await self._settled()

    async def open(self, path: str, wait_for: str | None = None) -> None:
        await self.page.goto(self._stack.console_url + path)
        await self._settled()
        if wait_for is not None:
            await self.page.wait_for_selector(wait_for)

    async def press(self, button: str, wait_for: str = "dialog[open]", *, exact: bool = True) -> None:
        await self.page.get_by_role("button", name=button, exact=exact).first.click()
        await self.page.wait_for_selector(wait_for)

    async def take(self, *shown: tuple[str, str, str]) -> None:
        """One picture each: its name, the page's path, and what has to be there."""
        for name, path, wait_for in shown:
            await self.open(path, wait_for)
            await self.shot(name)

    async def _settled(self) -> None:
        await self.page.wait_for_selector(".feed-live")
        await self.page.evaluate("document.fonts.ready.then(() => null)")


@asynccontextmanager
async def _camera(browser: Browser, stack: Stack, size: tuple[int, int], scheme: Any) -> AsyncIterator[Camera]:
    width, height = size
    context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    yield Camera(await context.new_page(), stack, f"{width}-{scheme}")
    await context.close()


async def _take_decisions(camera: Camera, scene: Scene) -> None:
    """A controller's way from the log-in to the kill switch."""
    await camera.open_log_in()
    await camera.shot("login")
    await camera.log_in("controller")
    await camera.shot("queue")
    await camera.take(("decision", f"/decisions/{scene.decisions[-1]}", ".vote-buttons"))
    await camera.press("Approve…", "dialog[open] .button-primary")
    await camera.shot("confirm")
    await camera.take(("executed", f"/decisions/{scene.executed}", ".cast-vote"))
    await camera.open("/controls")
    await camera.press("Engage kill switch…")
    await camera.shot("kill-switch")


async def _take_approvals(camera: Camera) -> None:
    await camera.open("/approvals?tab=open")
    await camera.page.locator(".inbox tbody input:enabled").first.check()
    await camera.page.wait_for_selector(".bulk .button-primary")
    await camera.shot("approvals")
    await camera.take(("account", "/account", ".log-ins li"))


async def _take_policies(camera: Camera, scene: Scene) -> None:
    await camera.take(
        ("policies", "/policies", ".rows li"),
        ("template", "/policies/templates/daa-rolling-window", ".sentences li"),
        ("list", "/lists/watched_customers", ".values li"),
        ("replay", f"/replays/{scene.replay}", ".found tbody tr"),
        ("policy", "/policies/refunds-starter?v=2", ".changes tbody tr"),
    )
    await camera.press("Promote…", "dialog[open] .promise")
    await camera.shot("promote")
    await camera.open("/policies/drafts/new")
    await camera.page.get_by_role("textbox", name="Policy text").fill(MISTAKEN)
    await camera.page.wait_for_selector(".problems li")
    await camera.shot("editor")


async def _take_organization(camera: Camera) -> None:
    """Controls, members, keys and integrations, as an admin sees them."""
    await camera.take(
        ("controls", "/controls", ".in-force .quoted"),
        ("members", "/members", ".rows li"),
        ("keys", "/keys", ".rows li"),
        ("integrations", "/integrations", ".rows-inset li strong"),
    )
    await camera.open("/controls")
    await camera.press("Freeze…")
    await camera.shot("freeze")
    await camera.open("/members")
    await camera.press("Invite someone…")
    await camera.shot("invite")


async def _take_agents(camera: Camera, scene: AgentScene) -> None:
    """Agents, what they have left, what one of them asked for, and what its tokens are signed with."""
    await camera.take(
        ("agents", "/agents", ".agents .agent-row"),
        ("budgets", "/budgets", ".budgets .budget"),
        ("authorization", f"/decisions/{scene.settled}", ".token-times"),
        ("quarantine", f"/decisions/{scene.quarantined}", ".authorization-head"),
        ("x402", f"/decisions/{scene.x402}", ".token-times"),
        ("surface", "/surfaces/stripe_daa.agent_payment", ".day-chart"),
        ("token-keys", "/token-keys", ".token-key"),
    )
    await camera.press("Revoke…", exact=False)
    await camera.shot("revoke")
    await camera.open("/agents", ".agents .agent-row")
    await camera.press("Delegate… Billing reconciler")
    await camera.shot("delegate")


async def _take_mandates(camera: Camera, scene: MandateScene) -> None:
    """Whose mandates are taken, trusting one more, and a decision under one."""
    await camera.take(
        ("mandate", f"/decisions/{scene.covered}", ".mandate .badge"),
        ("mandate-refused", f"/decisions/{scene.refused}", ".mandate .badge"),
        ("ap2-issuers", "/ap2-issuers", ".issuer"),
    )
    await camera.press("Trust an issuer…")
    await camera.shot("trust")


async def _take_stripe(camera: Camera, scene: Scene) -> None:
    """Connections, disputes, set-up and a bypass, as an admin sees them."""
    await camera.take(
        ("onboarding", "/onboarding", ".step .tiles"),
        ("connect-stripe", "/onboarding/connect-stripe", ".asked tbody tr"),
        ("connectors", "/connectors", ".surfaces tbody tr"),
        ("connector", "/connectors/stripe_conn_demo", ".rows-inset li code"),
        ("disputes", "/disputes", ".rows li code"),
        ("dispute", "/disputes/du_demo_002", ".evidence dd"),
        ("bypass", f"/decisions/{scene.bypass}", ".timeline li"),
    )
    await camera.open("/connectors")
    await camera.press("Enforce… stripe.payout", "dialog[open] .agreement")
    await camera.shot("enforce")


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    dev_json = Path(sys.argv[1] if len(sys.argv) > 1 else ".axiru/dev.json")
    asyncio.run(main(msgspec.json.decode(dev_json.read_bytes(), type=Stack)))
