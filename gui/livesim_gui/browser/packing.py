"""Put a header and some encoded pictures into one binary message, as `page/packing.js` reads it."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

_LENGTH = struct.Struct("<I")


def packed(header: Mapping[str, Any], pictures: Sequence[bytes] = ()) -> bytes:
    """Return the length of the header, the header as JSON, and the pictures one after another.

    Parameters
    ----------
    header
        What is said of the pictures; `bytes`, the length of each, is added.
    pictures
        JPEG or PNG, as files hold it.
    """
    whole = {**header, "bytes": [len(picture) for picture in pictures]}
    text = json.dumps(whole, ensure_ascii=False, allow_nan=False).encode()
    return b"".join((_LENGTH.pack(len(text)), text, *pictures))
