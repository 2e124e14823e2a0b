"""A double of the Java side of Micro-Manager: pyjavaz' wire protocol, and numbered frames.

python java_double.py ROWS COLUMNS      prints the port it listens on, and serves until killed

It stands in for Micro-Manager 2.0 with its server on (version 5.1.0 of the protocol), as far as
`pycromanager.JavaBackendAcquisition` asks. Frame n of an acquisition is n in every pixel.
"""

# ruff: noqa: N802  # methods have the names that they have in Java

from __future__ import annotations

import inspect
import json
import socket
import struct
import sys
import threading
import time
from itertools import count

import numpy as np
import zmq
from ndstorage.ndtiff_dataset import NDTiffDataset

VERSION = "5.1.0"
JAVA = {
    "str": "java.lang.String",
    "bool": "boolean",
    "int": "int",
    "Long": "long",
    "float": "double",
    "object": "java.lang.Object",
}
Long = int
SHAPE = [64, 48]
LIVE_S, LIVE_DEPTH = 0.02, 500
"""From one image of live mode to the next, and how many the buffer holds."""
context = zmq.Context()
objects: dict[int, object] = {}


def free_port():
    """Return a port that Python is going to bind (its PUSH sockets do, all others are Java's)."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


class JavaError(Exception):
    """What a function of Micro-Manager throws."""


def send(to, message, pixels=None):
    """Send JSON; `pixels` takes the place of the array that is marked in it."""
    if isinstance(message.get("value"), np.ndarray):
        message, pixels = message | {"value": "@00000007"}, message["value"]
    parts = [] if pixels is None else [struct.pack("=I", 7), pixels.tobytes()]
    to.send_multipart([json.dumps(message).encode("iso-8859-1"), *parts])


def receive(at):
    text, *arrays = at.recv_multipart()
    return json.loads(text.decode("iso-8859-1")), arrays[1] if arrays else None


class Core:
    def getImageWidth(self):
        return SHAPE[1]

    def getImageHeight(self):
        return SHAPE[0]

    def getBytesPerPixel(self):
        return 2

    def getExposure(self):
        return 10.0

    def getFocusDevice(self):
        return "Z"

    def isConfigDefined(self, group: str, preset: str):
        return True

    def getNBeforeLastTaggedImage(self, n: Long):
        return live.look(n)


class TaggedImage:
    """Image n of live mode is n in every pixel."""

    FIELDS = ("pix", "tags")

    def __init__(self, number):
        self.pix = np.full(SHAPE[0] * SHAPE[1], number, np.uint16)
        self.tags = {"ImageNumber": str(number), "Width": SHAPE[1], "Height": SHAPE[0],
                     "PixelType": "GRAY16", "PixelSizeUm": 0.08, "Camera": "Camera"}  # fmt: skip


class LiveMode:
    """A window's live mode, switched on long ago: nobody takes images out of the buffer.

    A full buffer is cleared, and the numbers go on, as MMCore has it.
    """

    def __init__(self):
        self.taken, self.held = 40, 40
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            time.sleep(LIVE_S)
            self.held = 1 if self.held == LIVE_DEPTH else self.held + 1
            self.taken += 1

    def look(self, before):
        if before >= self.held:
            raise JavaError("java.lang.Exception: Circular buffer is empty.")
        return TaggedImage(self.taken - 1 - before)


class Processor:
    """Ports of an image processor: the Java side binds what it pushes to."""

    def __init__(self):
        self.pull_port = free_port()
        self.push = context.socket(zmq.PUSH)
        self.push_port = self.push.bind_to_random_port("tcp://127.0.0.1")
        self.pull = context.socket(zmq.PULL)
        self.pull.connect(f"tcp://127.0.0.1:{self.pull_port}")

    def startPull(self):
        pass

    def startPush(self):
        pass

    def getPullPort(self):
        return self.pull_port

    def getPushPort(self):
        return self.push_port

    def process(self, image, metadata):
        marked = {"metadata": metadata, "pixels": {"type": "short-array", "value": "@00000007"}}
        send(self.push, marked, image)
        message, pixels = receive(self.pull)
        return np.frombuffer(pixels, np.uint16).reshape(SHAPE), message["metadata"]

    def finish(self):
        send(self.push, {"special": "finished"})
        assert receive(self.pull)[0] == {"special": "finished"}


class Acquisition:
    """Events in, numbered frames through the processor into an NDTiff data set."""

    def __init__(self, directory, name):
        self.dataset = NDTiffDataset(directory, name=name, writable=True)
        self.dataset.initialize({"PixelType": "GRAY16"})
        self.processors = []
        self.aborted, self.finished = threading.Event(), threading.Event()
        self.event_port = free_port()
        self.notifications = context.socket(zmq.PUSH)
        self.notification_port = self.notifications.bind_to_random_port("tcp://127.0.0.1")
        threading.Thread(target=self.run, daemon=True).start()

    def getEventPort(self):
        return self.event_port

    def addImageProcessor(self, processor: object):
        self.processors.append(processor)

    def areEventsFinished(self):
        return self.finished.is_set()

    def isFinished(self):
        return self.finished.is_set()

    def blockUntilEventsFinished(self, seconds: float):
        self.finished.wait(seconds)

    def waitForCompletion(self):
        self.finished.wait()

    def checkForExceptions(self):
        pass

    def abort(self):
        self.aborted.set()

    def getDataSink(self):
        return self

    def getStorage(self):
        return self

    def getDiskLocation(self):
        return self.dataset.path

    def getSummaryMetadata(self):
        return {"PixelType": "GRAY16"}

    def notify(self, kind, milestone, **more):
        send(self.notifications, {"type": kind, "milestone": milestone, **more})

    def run(self):
        pull = context.socket(zmq.PULL)
        pull.connect(f"tcp://127.0.0.1:{self.event_port}")
        numbers = count()
        while True:
            events = receive(pull)[0]["events"]
            if "special" in events[0]:
                break
            for event in events:
                if not self.aborted.is_set():
                    self.take(next(numbers), event["axes"])
        for processor in self.processors:
            processor.finish()
        self.notify("global", "acq_events_finished")
        self.dataset.finish()
        self.notify("image", "data_sink_finished")
        self.finished.set()

    def take(self, number, axes):
        image = np.full(SHAPE, number, np.uint16)
        metadata = {"Axes": axes, "Height": SHAPE[0], "Width": SHAPE[1], "PixelType": "GRAY16",
                    "PixelSizeUm": 0.065, "Exposure": 10.0}  # fmt: skip
        for processor in self.processors:
            image, metadata = processor.process(image, metadata)
        self.dataset.put_image(axes, image, metadata)
        entry = self.dataset.index[frozenset(axes.items())].as_byte_buffer().getvalue()
        self.notify("image", "image_saved", payload=entry.decode("iso-8859-1"))


class Factory:
    def __init__(self, core: object):
        pass

    def createAcquisition(self, folder: str, name: str, show: bool, queue: int, debug: bool):
        return Acquisition(folder, name)


class Notifier:
    def __init__(self, acquisition: object):
        self.port = acquisition.notification_port

    def getPort(self):
        return self.port

    def start(self):
        pass

    def notificationHandlingComplete(self):
        pass


CLASSES = {
    "mmcorej.CMMCore": Core,
    "org.micromanager.remote.RemoteAcquisitionFactory": Factory,
    "org.micromanager.remote.RemoteImageProcessor": Processor,
    "org.micromanager.remote.RemoteNotificationHandler": Notifier,
}


def arguments(function):
    return [JAVA[p.annotation] for p in inspect.signature(function).parameters.values()
            if p.annotation is not inspect.Parameter.empty]  # fmt: skip


def described(thing):
    """Return what the bridge is told of an object that stays here."""
    objects[id(thing)] = thing
    kind = type(thing).__name__
    methods = inspect.getmembers(thing, inspect.ismethod)
    api = [{"name": name, "arguments": arguments(one), "return-type": "java.lang.Object"}
           for name, one in methods if not name.startswith("_")]  # fmt: skip
    return {"type": "unserialized-object", "class": kind, "hash-code": id(thing),
            "fields": list(getattr(thing, "FIELDS", ())),
            "interfaces": [kind, "java.lang.Object"], "api": api}  # fmt: skip


def returned(value):
    if value is None:
        return {"type": "null"}
    if isinstance(value, dict):
        return {"type": "object", "class": "JSONObject", "value": json.dumps(value)}
    if isinstance(value, str):
        return {"type": "string", "value": value}
    if isinstance(value, np.ndarray):
        return {"type": "short-array", "value": value}
    if isinstance(value, int | float):
        return {"type": "primitive", "value": value}
    return described(value)


def answer(request):
    given = [objects[one["hash-code"]] if isinstance(one, dict) else one
             for one in request.get("arguments", [])]  # fmt: skip
    match request["command"]:
        case "connect":
            return {"type": "connected", "version": VERSION}
        case "get-constructors":
            name = request["classpath"]
            return {"type": "api", "api": [{"name": name, "arguments": arguments(CLASSES[name])}]}
        case "constructor":
            made = described(CLASSES[request["classpath"]](*given))
            return made | ({"port": serve()} if request.get("new-port") else {})
        case "run-method":
            try:
                return returned(getattr(objects[request["hash-code"]], request["name"])(*given))
            except JavaError as error:
                return {"type": "exception", "value": str(error)}
        case "get-field":
            return returned(getattr(objects[request["hash-code"]], request["name"]))
        case "destructor":
            if isinstance(objects.get(request["hash-code"]), TaggedImage):
                del objects[request["hash-code"]]
            return {"type": "destructed"}


def serve():
    """Serve one more port in a thread of its own, where blocking calls hold nobody else."""
    replies = context.socket(zmq.REP)
    port = replies.bind_to_random_port("tcp://127.0.0.1")

    def loop():
        while True:
            send(replies, answer(receive(replies)[0]))

    threading.Thread(target=loop, daemon=True).start()
    return port


if __name__ == "__main__":
    SHAPE = [int(word) for word in sys.argv[1:3]]
    live = LiveMode()
    print(serve(), flush=True)
    threading.Event().wait()
