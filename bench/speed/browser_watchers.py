"""Watch as many pages do: `python -m bench.speed.browser_watchers HOST PORT COUNT`.

Every watcher takes each picture and says at once that it is drawn; nothing is decoded, since other
people's browsers do that on their own machines. Ends when stdin does, and says how many pictures
each has had and over how many seconds.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time

from wsproto import ConnectionType, WSConnection
from wsproto.events import BytesMessage, Event, Request, TextMessage

PART = 1 << 18
WIDTH = 1024
"""Pixels of the screen that the picture covers."""


class Watcher:
    """One connection."""

    def __init__(self) -> None:
        self.pictures = 0
        self._parts: list[bytes] = []

    async def watch(self, host: str, port: int) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        connection = WSConnection(ConnectionType.CLIENT)
        writer.write(connection.send(Request(host=f"{host}:{port}", target="/watch")))
        choice = json.dumps({"kind": "choice", "width": WIDTH})
        chosen = False
        while part := await reader.read(PART):
            connection.receive_data(part)
            for event in connection.events():
                if not chosen:
                    writer.write(connection.send(TextMessage(choice)))
                    chosen = True
                number = self._picture(event)
                if number is not None:
                    told = json.dumps({"kind": "drawn", "picture": number})
                    writer.write(connection.send(TextMessage(told)))

    def _picture(self, event: Event) -> int | None:
        """Return the number of a picture that is whole now."""
        if not isinstance(event, BytesMessage):
            return None
        self._parts.append(bytes(event.data))
        if not event.message_finished:
            return None
        message, self._parts = b"".join(self._parts), []
        self.pictures += 1
        (length,) = struct.unpack("<I", message[:4])
        return int(json.loads(message[4 : 4 + length])["picture"])


async def _watch(host: str, port: int, count: int) -> None:
    watchers = [Watcher() for _ in range(count)]
    tasks = [asyncio.create_task(one.watch(host, port)) for one in watchers]
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)  # begin to count
    before, began_s = [one.pictures for one in watchers], time.monotonic()
    await loop.run_in_executor(None, sys.stdin.readline)
    seconds = time.monotonic() - began_s
    seen = [one.pictures - first for one, first in zip(watchers, before, strict=True)]
    print(json.dumps({"seconds": seconds, "pictures": seen}), flush=True)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(_watch(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
