"""Listen to results until their stream ends, then say what was missed: listener.py RESULTS"""

from __future__ import annotations

import sys

from livesim.values.results import Result
from livesim.wire.messages import StreamEnd
from livesim.wire.sockets import Keep, Subscriber


def main(results):
    shown = 0
    with Subscriber(results, Keep.LATEST) as subscriber:
        while not isinstance(message := subscriber.receive(1.0), StreamEnd):
            if isinstance(message, Result):
                shown += 1
                print(message.index.time, flush=True)
        print("shown", shown, "missed", subscriber.dropped, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
