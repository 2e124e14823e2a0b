"""Take a recording and its settings out of the body of a request, within limits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from starlette.requests import ClientDisconnect, Request

from livesim.values.errors import DataError

SETTINGS_BYTES = "livesim-settings-bytes"
"""Header: so many bytes of the body are the settings, as TOML; the recording follows. A foreign
page cannot send a header of its own without being asked first."""
MOST_SETTINGS_BYTES = 64 << 10
MOST_DIGITS = 20
"""Of a number in a header: Python refuses to read some thousands."""
RECORDING, SETTINGS = "recording", "settings.toml"
"""Names of the files; that of the file which was dropped is never used."""


class UploadError(DataError):
    """What is sent cannot be taken.

    Parameters
    ----------
    words
        Why.
    status
        Of HTTP.
    """

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What is taken at most."""

    most_bytes: int = 256 << 20
    most_s: float = 120.0
    silent_s: float = 15.0
    """Between two parts of the body."""


async def receive_upload(request: Request, folder: Path, limits: UploadLimits) -> None:
    """Write the recording, and the settings where there are any, into a folder.

    Raises
    ------
    UploadError
        If it is too large, comes too slowly, or is nothing at all.
    """
    settings_bytes = _settings_bytes(request)
    stated = request.headers.get("content-length", "0")
    if stated.isdecimal() and int(stated[:MOST_DIGITS]) > limits.most_bytes + settings_bytes:
        raise _too_large(limits)
    try:
        async with asyncio.timeout(limits.most_s):
            with (folder / RECORDING).open("wb") as recording:
                settings = await _receive(request, recording, settings_bytes, limits)
                size = recording.tell()
    except TimeoutError as error:
        words = (
            f"expected the file within {limits.most_s:g} s, and no break of {limits.silent_s:g} s, "
            "found it still on its way"
        )
        raise UploadError(words, 408) from error
    except ClientDisconnect as error:
        raise UploadError("expected a whole file, found the page gone", 400) from error
    if not size:
        raise UploadError("expected a recording, found an empty file", 400)
    if settings:
        (folder / SETTINGS).write_bytes(settings)


def _settings_bytes(request: Request) -> int:
    stated = request.headers.get(SETTINGS_BYTES, "")
    if not stated.isdecimal() or not stated.isascii():
        raise UploadError(f"expected the header {SETTINGS_BYTES}, found none that is a number", 400)
    if len(stated) > MOST_DIGITS or int(stated) > MOST_SETTINGS_BYTES:
        raise UploadError(
            f"expected settings of at most {MOST_SETTINGS_BYTES >> 10} KiB, found more", 413
        )
    return int(stated)


async def _receive(
    request: Request, recording: BinaryIO, settings_bytes: int, limits: UploadLimits
) -> bytes:
    """Write what follows the settings; return the settings."""
    settings, size = b"", 0
    parts = request.stream()
    while True:
        try:
            part = await asyncio.wait_for(anext(parts), limits.silent_s)
        except StopAsyncIteration:
            return settings
        own = part[: settings_bytes - len(settings)]
        settings += own
        size += len(part) - len(own)
        if size > limits.most_bytes:
            raise _too_large(limits)
        recording.write(part[len(own) :])


def _too_large(limits: UploadLimits) -> UploadError:
    return UploadError(
        f"expected a file of at most {limits.most_bytes >> 20} MiB, found a larger one: "
        "`livesim restore` takes any",
        413,
    )
