"""What a message of the wire does not mention: there is none of it."""

from __future__ import annotations

import pytest

from livesim.wire import control, looking, messages, status
from livesim.wire.header import WIRE_VERSION, Part


def parts(kind=Part):
    """Return all kinds of parts of messages, those of other modules with them."""
    for below in kind.__subclasses__():
        yield below
        yield from parts(below)


def left_out(part):
    """Return what stands for the fields that need not be sent."""
    fields = {name: one for name, one in part.model_fields.items() if not one.is_required()}
    return {name: one.get_default(call_default_factory=True) for name, one in fields.items()}


@pytest.mark.parametrize("part", sorted(set(parts()), key=lambda part: part.__qualname__))
def test_what_is_left_out_is_nothing(part):
    """Sources and viewers of other people send and read only what they know of.

    A count of 1 or a True by default would tell of something that nobody has seen.
    """
    found = left_out(part)
    assert found.pop("version", WIRE_VERSION) == WIRE_VERSION
    found.pop("kind", None)
    assert not any(found.values()), found


def test_the_parts_with_something_to_leave_out_are_found():
    found = {part for part in parts() if left_out(part)}
    assert {messages.StreamEnd, control.ReadyReply, status.FaultStatus, looking.Opened} < found
