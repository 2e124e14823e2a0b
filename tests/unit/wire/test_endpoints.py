"""Addresses as they are typed, and from where an engine is seen."""

from __future__ import annotations

import pytest

from livesim.config.settings import SettingsError
from livesim.wire.endpoints import beside, endpoint


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("127.0.0.1", "tcp://127.0.0.1:5603"),
        ("localhost:7", "tcp://127.0.0.1:7"),
        ("tcp://gpu.lab:7000?keys=/k", "tcp://gpu.lab:7000?keys=/k"),
        ("127.0.0.1:0", "tcp://127.0.0.1:0"),
    ],
)
def test_addresses_are_completed(typed, found):
    assert endpoint(typed) == found


@pytest.mark.parametrize("typed", ["", "ipc:///x", "a:b", "tcp://h:70000", "h/path"])
def test_other_addresses_are_refused(typed):
    with pytest.raises(SettingsError, match="expected an address such as"):
        endpoint(typed)


def test_the_engine_is_seen_from_where_it_was_reached():
    assert beside("tcp://gpu.lab:5603", "tcp://127.0.0.1:5601") == "tcp://gpu.lab:5601"
