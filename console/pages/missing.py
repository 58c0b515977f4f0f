"""What people see at an address where nothing is."""

from fastapi import Request
from fastapi.responses import Response
from nicegui import Client, app, ui

from console.components.text import Text, block, link
from console.entry import Console
from console.theme import bare_frame


def register(console: Console) -> None:
    del console

    @app.exception_handler(404)
    async def nothing_here(request: Request, error: Exception) -> Response:
        del error
        with Client(ui.page(""), request=request) as client:
            with bare_frame("Not found"), block("div", "login"):
                Text("h1", "Nothing is here")
                Text("p", "The address may be mistyped, or what it named is not yours to see.", "muted")
                link("To the decisions", "/", "button button-plain")
            return client.build_response(request, 404)
