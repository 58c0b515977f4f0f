"""The template library: policies to start from."""

from collections.abc import Awaitable

from fastapi import Request
from fastapi.responses import Response
from nicegui import ui

from axiru.errors import AxiruError
from console.components.empty_state import empty_state
from console.components.icon import icon
from console.components.text import Text, block
from console.entry import PAGE_TIMEOUT_SECONDS, Console
from console.pages.policies import NOT_PERMITTED, may_write
from console.pages.template_form import TemplateForm
from console.policy_views import Template, TemplateList
from console.theme import frame


def register(console: Console) -> None:
    @ui.page("/policies/templates", title="Templates · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def templates(request: Request) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        library, problem = await _library(session.policies.templates())
        with frame(session, title="Templates", here="policies", mode="test") as shell:
            _back("/policies", "Policies")
            with block("div", "page-head"):
                Text("h1", "Templates")
            if problem:
                empty_state("The templates cannot be shown now", f"{problem} Load the page again in a moment.")
            with block("div", "cards"):
                for template in library:
                    _card(template)
        await shell.start()
        return None

    @ui.page("/policies/templates/{name}", title="Template · Axiru", response_timeout=PAGE_TIMEOUT_SECONDS)
    async def template(request: Request, name: str) -> Response | None:
        session = await console.enter(request)
        if isinstance(session, Response):
            return session
        library, problem = await _library(session.policies.templates())
        chosen = next((each for each in library if each.name == name), None)
        with frame(session, title=chosen.title if chosen else "Template", here="policies", mode="test") as shell:
            _back("/policies/templates", "Templates")
            if problem:
                empty_state("The template cannot be shown now", f"{problem} Load the page again in a moment.")
            elif chosen is None:
                ui.context.client.status_code = 404
                empty_state("No such template", "The address may be mistyped.")
            else:
                with block("div", "page-head"), block("div"):
                    Text("h1", chosen.title)
                    Text("p", chosen.description, "sub")
                if not may_write(session):
                    Text("p", NOT_PERMITTED, "note page-note")
                form = TemplateForm(session, chosen)
                form.build()
                form.start()
        await shell.start()
        return None


async def _library(answer: Awaitable[TemplateList]) -> tuple[tuple[Template, ...], str]:
    try:
        return (await answer).items, ""
    except AxiruError as error:
        return (), error.message


def _card(template: Template) -> None:
    with block("a", "panel card", href=f"/policies/templates/{template.name}"):
        Text("h2", template.title)
        Text("p", template.description, "sub")
        count = len(template.parameters)
        settings = "Nothing to set" if not count else f"{count} {'value' if count == 1 else 'values'} to set"
        Text("p", settings, "muted")


def _back(address: str, text: str) -> None:
    with block("a", "back", href=address):
        icon("arrow-left")
        Text("span", text)
