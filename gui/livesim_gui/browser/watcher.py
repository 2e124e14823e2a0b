"""Serve one watcher: send the newest picture that it asks for, and never more than it draws.

A picture is sent when at most one is still under way, so a slow watcher misses pictures, always
sees the newest one it can, and nobody else waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from statistics import median
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from livesim.values.errors import DataError
from livesim_gui.browser.choice import Choice, Drawn, read_told
from livesim_gui.browser.live import Live
from livesim_gui.browser.packing import packed
from livesim_gui.browser.pictures import Picture, Pictures, identity
from livesim_gui.browser.report import report_of
from livesim_gui.state.picture.stages import (
    MEANINGS,
    RESTORED,
    WARNINGS,
    shows_plain,
    stages_of,
    title_of,
)
from livesim_gui.state.stream.edge import edge_words
from livesim_gui.state.stream.feed import News
from livesim_gui.state.time.pace import Pace, last_with_networks
from livesim_gui.state.time.ring import Shot
from livesim_gui.state.time.timeline import Mode
from livesim_gui.state.trust.trusted import plain_words

UNDER_WAY = 2
"""Pictures sent and not drawn yet: one travels while the last one is drawn."""
REPORT_S = 1.0
"""A report is sent this often at least."""
MESSAGES_PER_S, MESSAGES_AT_ONCE = 50.0, 200.0
POLICY_VIOLATION = 1008


class Watcher:
    """One page that watches.

    Parameters
    ----------
    socket
        Accepted.
    live, pictures
        Shared by all watchers.
    """

    def __init__(self, socket: WebSocket, live: Live, pictures: Pictures) -> None:
        self._socket, self._live, self._pictures = socket, live, pictures
        self._choice = Choice()
        self._pace = Pace()
        # What is remembered holds no images: a watcher that sleeps would keep them for as long.
        self._shown: tuple[object, ...] = ()
        self._number = -1
        self._sent = 0
        self._under_way: dict[int, float] = {}
        """Number of a picture -> when its last raw frame came, by this clock."""
        self._took_ms: deque[float] = deque(maxlen=30)
        """From the last raw frame to the watcher's screen, and back to here."""
        self._reported: tuple[Any, ...] = ()
        self._reported_s = 0.0
        self._room, self._heard_s = MESSAGES_AT_ONCE, time.monotonic()

    async def serve(self) -> None:
        """Serve until the page goes."""
        with self._live.watching() as event:
            try:
                await _first_of(self._listen(event), self._show(event))
            except WebSocketDisconnect:
                pass
            except DataError as error:
                await self._end(str(error))

    async def _end(self, words: str) -> None:
        await self._socket.close(POLICY_VIOLATION, words.encode()[:120].decode(errors="ignore"))

    async def _listen(self, event: asyncio.Event) -> None:
        while True:
            told = read_told(await self._text())
            if isinstance(told, Drawn) and told.picture in self._under_way:
                taken_s = self._under_way.pop(told.picture)
                self._took_ms.append(1000.0 * (time.monotonic() - taken_s))
            else:
                self._count_message()
            if isinstance(told, Choice):
                self._choice = told
            event.set()

    async def _text(self) -> str:
        """Return the next message; Starlette's `receive_text` fails where it is bytes."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        text: str | None = message.get("text")
        if text is None:
            raise DataError("expected a message as text, found bytes")
        return text

    def _count_message(self) -> None:
        """Refuse a flood: besides what answers pictures, a page says some words a second."""
        now_s = time.monotonic()
        refilled = self._room + (now_s - self._heard_s) * MESSAGES_PER_S
        self._room, self._heard_s = min(refilled, MESSAGES_AT_ONCE) - 1.0, now_s
        if self._room < 0.0:
            raise DataError(f"expected at most {MESSAGES_PER_S:.0f} messages a second, found more")

    async def _show(self, event: asyncio.Event) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), REPORT_S)
            event.clear()
            news = self._live.news()
            await self._report(news)
            if len(self._under_way) < UNDER_WAY:
                await self._send_newest(news)

    async def _report(self, news: News) -> None:
        """Send a report where the engine has answered again, or another channel is looked at."""
        now_s = time.monotonic()
        channel = self._channel(news)
        told_of = (news.generation, news.connection, news.words, news.statuses, channel)
        if told_of == self._reported and now_s - self._reported_s < REPORT_S:
            return
        self._reported, self._reported_s = told_of, now_s
        report = report_of(news, channel, self._screen_ms, self._live.watchers)
        await self._socket.send_json(report)

    @property
    def _screen_ms(self) -> int | None:
        """From the last raw frame to this watcher's screen; None before anything was drawn."""
        return round(median(self._took_ms)) if self._took_ms else None

    def _channel(self, news: News) -> int:
        there = {shot.channel for shot in news.shots}
        wanted = self._choice.channel
        return wanted if wanted in there else min(there, default=0)

    async def _send_newest(self, news: News) -> None:
        channel, choice = self._channel(news), self._choice
        shots = [shot for shot in news.shots if shot.channel == channel]
        if not shots:
            return
        now_s = time.monotonic()
        before = next((shot for shot in shots if shot.number == self._number), None)
        shot = self._pace.choose(shots, before, now_s, choice.look.wish)
        if (*identity(shot), choice) == self._shown:
            return
        self._shown, self._number = (*identity(shot), choice), shot.number
        look = choice.look.within(tuple(stages_of(shot.result)))
        names = [look.stage, look.other] if look.split else [look.stage]
        pictures = [
            await self._pictures.of(shot, name, choice.levels, choice.width)
            for name in names
            if name is not None
        ]
        self._sent += 1
        self._under_way[self._sent] = now_s - shot.age_s(now_s)
        header = {
            "picture": self._sent,
            "screen_ms": self._screen_ms,
            **_of_shot(news, shot, shots, now_s),
            "pictures": [_of_picture(picture, shot, news) for picture in pictures],
        }
        await self._socket.send_bytes(packed(header, [picture.jpeg for picture in pictures]))


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Return, or raise, as the first of them does; the others are ended."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
            # Looked at, or Python complains of it: both fail where the page goes.
            task.add_done_callback(lambda over: over.cancelled() or over.exception())


def _of_shot(news: News, shot: Shot, shots: Sequence[Shot], now_s: float) -> dict[str, Any]:
    y, x = shot.result.widefield.shape
    return {
        "time": shot.result.index.time,
        "age_ms": round(1000.0 * shot.age_s(now_s), 1),
        "words": edge_words(news, shot, Mode.LIVE, now_s),
        "raw_size": [y, x],
        "pixel_um": news.facts.pixel_um,
        "stages": [
            {"name": name, "title": title_of(name), "meaning": MEANINGS.get(name, "")}
            for name in _offered(shot, shots)
        ],
    }


def _offered(shot: Shot, shots: Sequence[Shot]) -> tuple[str, ...]:
    """Return the stages of the stream, though a result before its networks has fewer."""
    own = tuple(stages_of(shot.result))
    place = last_with_networks(shots)
    if place is not None:
        return tuple(stages_of(shots[place].result))
    return (*own, RESTORED) if shot.result.provisional and RESTORED not in own else own


def _of_picture(picture: Picture, shot: Shot, news: News) -> dict[str, Any]:
    plain = picture.name == RESTORED and shows_plain(shot.result)
    return {
        "stage": picture.name,
        "title": title_of(picture.name),
        "note": plain_words(news.status) if plain else WARNINGS.get(picture.name, ""),
        "step": picture.step,
        "size": list(picture.size),
        "levels": [picture.levels.low, picture.levels.high],
        "by_itself": [picture.by_itself.low, picture.by_itself.high],
    }
