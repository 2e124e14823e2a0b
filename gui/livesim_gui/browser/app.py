"""Put the pages together: what is answered under which address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from livesim_gui.browser.door import Door
from livesim_gui.browser.live import Live
from livesim_gui.browser.pictures import Pictures
from livesim_gui.browser.trial import Trials
from livesim_gui.browser.upload import UploadError
from livesim_gui.browser.watcher import Watcher

PAGE = Path(__file__).with_name("page")
MOST_WATCHERS = 64
TRY_AGAIN_LATER = 1013


class Browser:
    """The application: one engine, any number of watchers, one recording tried at a time.

    Parameters
    ----------
    engine
        Control endpoint of the engine.
    trials
        Where dropped recordings are restored; None = they are refused.
    """

    def __init__(self, engine: str, trials: Trials | None) -> None:
        self.live = Live(engine)
        self.pictures = Pictures()
        self._trials = trials

    @asynccontextmanager
    async def running(self, _: Starlette) -> AsyncIterator[None]:
        """Listen to the engine as long as the server runs."""
        self.live.open()
        try:
            yield
        finally:
            self.live.close()
            self.pictures.close()

    async def watch(self, socket: WebSocket) -> None:
        """Send the live picture to one page."""
        await socket.accept()
        if self.live.watchers >= MOST_WATCHERS:
            await socket.close(TRY_AGAIN_LATER, f"{MOST_WATCHERS} pages watch already")
            return
        await Watcher(socket, self.live, self.pictures).serve()

    async def offer(self, _: Request) -> Response:
        """Say that the page may come in, and how large a recording it may drop."""
        most = 0 if self._trials is None else self._trials.limits.upload.most_bytes
        return PlainTextResponse(str(most))

    async def try_it(self, request: Request) -> Response:
        """Restore the recording in the body."""
        if self._trials is None:
            return PlainTextResponse("recordings are not tried here (--no-try)", 403)
        try:
            answer = await self._trials.answer(request)
        except UploadError as error:
            return PlainTextResponse(str(error), error.status)
        return Response(answer, media_type="application/octet-stream")


async def _page(_: Request) -> Response:
    return FileResponse(PAGE / "page.html")


def application(engine: str, token: str | None = None, trials: Trials | None = None) -> ASGIApp:
    """Return what a server of ASGI runs.

    Parameters
    ----------
    engine
        Control endpoint of the engine.
    token
        What has to be known to come in; None = those on this machine may.
    trials
        As `Browser`.
    """
    browser = Browser(engine, trials)
    routes = [
        Route("/", _page),
        Route("/offer", browser.offer),
        Route("/try", browser.try_it, methods=["POST"]),
        WebSocketRoute("/watch", browser.watch),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]
    return Door(Starlette(routes=routes, lifespan=browser.running), token)
