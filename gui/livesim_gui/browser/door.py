"""Let in who may look: this machine's own pages, or who has the token.

Three things are checked before anything is answered. The name that the browser was sent to (Host):
without a token only this machine's own, or a foreign page whose name is made to point here (DNS
rebinding) could read along. The page that asks (Origin): only our own, or any page on the web could
open a WebSocket to this machine. The token, in constant time.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
COOKIE = "livesim"
OPEN_PATHS = ("/", "/enter")
"""What is answered without the token: the page itself, which shows nothing by itself."""
MOST_TOKEN_BYTES = 400
WRONG_S = 1.0
"""Who says a wrong token waits for so long; one at a time."""
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
_FORBIDDEN, _UNAUTHORIZED, _TOO_LARGE, _NO_CONTENT = 403, 401, 413, 204


class Door:
    """Stands in front of an application.

    Parameters
    ----------
    app
        What is reached by who may come in.
    token
        What has to be known; None = nothing, for those on this machine.
    """

    def __init__(self, app: ASGIApp, token: str | None = None) -> None:
        self._app, self._token = app, token
        self._cookie = "" if token is None else _cookie_of(token)
        self._wrong = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, hand on or refuse."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(HTTPConnection(scope))
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                await _refuse_socket(refusal, receive, send)
            return
        answer = refusal
        if refusal is None and scope["path"] == "/enter":
            answer = await self._enter(Request(scope, receive))
        await (answer or self._app)(scope, receive, _with_headers(send))

    def _refusal(self, asked: HTTPConnection) -> Response | None:
        host, origin = asked.headers.get("host", ""), asked.headers.get("origin")
        if self._token is None and _name(host) not in THIS_MACHINE:
            words = f"expected this machine's own name, such as localhost, found '{_name(host)}'"
            return _refused(words, _FORBIDDEN)
        if origin is not None and _place(origin) != host:
            return _refused(f"expected a question of this page, found one of '{origin}'"[:200])
        if not self._knows(asked):
            return _refused("expected the token, found none or another one", _UNAUTHORIZED)
        return None

    def _knows(self, asked: HTTPConnection) -> bool:
        path = asked.scope["path"]
        if self._token is None or path in OPEN_PATHS or path.startswith("/page/"):
            return True
        bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
        return _same(asked.cookies.get(COOKIE, ""), self._cookie) or _same(bearer, self._token)

    async def _enter(self, request: Request) -> Response:
        """Take the token, and give a cookie for it."""
        said = b""
        async for part in request.stream():
            said += part
            if len(said) > MOST_TOKEN_BYTES:
                return _refused("expected a token, found a long text", _TOO_LARGE)
        told = said.decode(errors="replace").strip()
        if self._token is not None and not _same(told, self._token):
            async with self._wrong:
                await asyncio.sleep(WRONG_S)
            return _refused("expected the token, found another one", _UNAUTHORIZED)
        answer = Response(status_code=_NO_CONTENT)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, self._cookie, httponly=True, samesite="strict", secure=secure)
        return answer


def _place(origin: str) -> str | None:
    """Return host and port of an Origin header; None where it is none that can be read."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _name(host: str) -> str:
    """Return the name in a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _cookie_of(token: str) -> str:
    """Return what a browser keeps in the token's place."""
    return hmac.new(token.encode(), b"livesim browser", hashlib.sha256).hexdigest()


def _refused(words: str, status: int = _FORBIDDEN) -> Response:
    return PlainTextResponse(words, status)


async def _refuse_socket(refusal: Response, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 1008, "reason": bytes(refusal.body).decode()})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
