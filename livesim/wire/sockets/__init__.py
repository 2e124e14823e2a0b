"""Carry messages over ZMQ: raw frames to the engine (PUSH/PULL), results to viewers (PUB/SUB).

Every queue names its policy, `Keep`. What ZMQ does of its own accord is not always that policy: a
PUB socket at its high-water mark drops the *newest* message, and CONFLATE keeps only the last
*part* of a multipart message. So drop-oldest and latest are kept here, in a short queue in front
of the socket (frames) or behind it (results); ZMQ's own queues only bound what is under way.

A socket belongs to the thread that uses it; hand it on only after the first thread has ended.
"""

from livesim.wire.sockets.frames import FRAME_DEPTH as FRAME_DEPTH
from livesim.wire.sockets.frames import FramePuller as FramePuller
from livesim.wire.sockets.frames import FramePusher as FramePusher
from livesim.wire.sockets.results import RESULT_DEPTH as RESULT_DEPTH
from livesim.wire.sockets.results import Publisher as Publisher
from livesim.wire.sockets.results import Subscriber as Subscriber
from livesim.wire.sockets.socket import Keep as Keep
