"""uvicorn, so that it stops as a part of a stack should: streams end at once, answers are finished, exit code 0."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from typing import Final

import structlog
import uvicorn
import uvloop
from litestar import Litestar

from api.json_body import MAX_BODY_BYTES
from axiru.errors import ConfigurationInvalid
from axiru.settings import Settings

_SHUTDOWN_SECONDS: Final = 10
_KEEP_ALIVE_SECONDS: Final = 75
_BACKLOG: Final = 2048
_log = structlog.get_logger("api")


class ApiServer(uvicorn.Server):
    """Ends on SIGTERM and SIGINT without raising the signal again, which would make the exit code that of a death."""

    def __init__(self, config: uvicorn.Config, app: Litestar) -> None:
        super().__init__(config)
        self._app = app

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self.should_exit = True
        # uvicorn waits for open answers before it ends the lifespan: event streams have to be told now.
        services = self._app.state.get("services")
        if services is not None:
            services.closing.set()
            services.watch.ring_all()


def serve_app(app: Litestar, settings: Settings) -> None:
    """Serve until a signal. Raises ConfigurationInvalid for an address that cannot be listened on or a failed start."""
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        backlog=_BACKLOG,
    )
    server = ApiServer(config, app)
    with _listening(settings) as listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(server, app, listener))


async def _run(server: ApiServer, app: Litestar, listener: socket.socket) -> None:
    try:
        async with app.lifespan():
            host, port = listener.getsockname()[:2]
            _log.info("listening", host=host, port=port, max_body_bytes=MAX_BODY_BYTES)
            await server.serve(sockets=[listener])
    except Exception as error:
        failed = app.state.get("start_error")
        if failed is None:
            raise
        raise ConfigurationInvalid(f"The API could not start: {failed}.") from error


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.api_host, settings.api_port))
        except OSError as error:
            raise ConfigurationInvalid(
                f"The API cannot listen on {settings.api_host}:{settings.api_port}: {error.strerror}."
            ) from error
        yield listener
