"""An engine in this process that computes nothing: it answers, and publishes what it is given."""

from __future__ import annotations

import threading
from dataclasses import fields

from livesim.config.settings import Settings
from livesim.engine.figures import figures_of
from livesim.values.frames import StackIndex
from livesim.values.illumination import AngleHealth, AngleState, TrackingHealth
from livesim.values.pattern import Pattern, PatternAngle
from livesim.values.verdict import TrustNumbers, TrustWord, Verdict
from livesim.wire.control import (
    BegunReply,
    HeldRequest,
    NetworksRequest,
    RecalibrateRequest,
    RecordRequest,
    RefusedReply,
    ReviewReply,
    ReviewRequest,
    StatusRequest,
    SteerRequest,
    StopReply,
    StopRequest,
)
from livesim.wire.control_server import ControlServer
from livesim.wire.endpoints import FREE_ADDRESS
from livesim.wire.sockets import Publisher
from livesim.wire.status import (
    Endpoints,
    EngineState,
    EngineStatus,
    FaultStatus,
    LatencyStatus,
    StageStatus,
)
from livesim.wire.stream_status import ChannelStatus, InUse, StreamStatus, TrustStatus

ANSWER_S = 0.05
WISHES = SteerRequest | RecalibrateRequest | RecordRequest | NetworksRequest | HeldRequest
STAGES = ("receive", "record", "process", "publish", "networks")


def engine_status(**values):
    """Return the status of an engine that runs well, but for `values`."""
    nowhere = Endpoints(frames=FREE_ADDRESS, results=FREE_ADDRESS, control=FREE_ADDRESS)
    stages = tuple(
        StageStatus(
            name=name,
            done=90,
            per_second=200.0 if name == "receive" else 22.2,
            queued=0,
            queue_limit=0 if name in ("receive", "networks") else 8,
            keep="block",
            dropped=0,
        )
        for name in STAGES
    )
    known = {
        "state": EngineState.RUNNING,
        "endpoints": nowhere,
        "stream": "s",
        "source": "simulated microscope",
        "stages": stages,
        "latency": LatencyStatus(results=90, p50_ms=9.2, p95_ms=12.4, p99_ms=20.0),
        "faults": FaultStatus(),
        "last_fault": None,
        "recording": "/data/stream-001",
        "tracking": tracking_status(),
    }
    told = known | values
    channel = ChannelStatus(
        channel=0, tracking=told.pop("tracking"), changes=told.pop("changes", ())
    )
    status = EngineStatus(**({"channels": (channel,)} | told))
    return status.model_copy(update={"figures": figures_of(status)})


def in_use(pixel_nm=80.0, **settings):
    """Return what an engine uses for a stream of three angles."""
    angle = PatternAngle((5.0, 0.0), (0.0, 2.0, 4.0), (0.8,), peak_to_noise=31.0, mcnr=7.2)
    pattern = Pattern(pixel_nm, (32, 32), (angle,) * 3, 110.0)
    optics = {"numerical_aperture": 1.4, "emission_nm": 520.0, "pixel_nm": pixel_nm}
    return InUse(
        stream=StreamStatus(source="simulated microscope", pixel_nm=pixel_nm),
        settings=Settings.model_validate({"optics": optics} | settings),
        choices={"one": ("pair",), "two": ("pair",), "all": ("ml-sim",)},
        patterns={0: pattern},
    )


def angle_status(**values):
    known = {"drift_deg": 0.5, "error_deg": 0.2, "rate_deg": 0.01, "modulation": 0.8}
    state = AngleState(values.pop("state", "followed"))
    return AngleHealth(state, **(known | values))


def tracking_status(*angles, **values):
    known = {"swaps": 0, "alarms": 0, "estimates": 1, "failures": 0}
    return TrackingHealth(angles=angles or (angle_status(),) * 3, **(known | values))


def trust_status(**values):
    """Return what an engine says of networks that can be trusted, but for `values`."""
    verdict = {"word": TrustWord.TRUSTED, "reasons": ("the photons do not contradict it",)}
    numbers = {
        "carried_percent": 97.0,
        "shown_percent": 61.0,
        "error_percent": 4.0,
        "overruled_sigmas": 0.0,
        "overruled_yx": (4.0, 5.0),
        "plain_denied_percent": 0.0,
    }
    known = {"stream": "s", "index": StackIndex(time=3), "reviewed": 2}
    return TrustStatus(
        verdict=_taken(Verdict, verdict, values),
        numbers=_taken(TrustNumbers, numbers, values),
        **(known | values),
    )


def _taken(kind, known, values):
    """Return a value of a kind, with those of `values` that belong to it, which are taken out."""
    own = {one.name: values.pop(one.name) for one in fields(kind) if one.name in values}
    return kind(**(known | own))


class FakeEngine:
    """Listens on free ports; `status` is what it says of itself, `publish` what it sends."""

    def __init__(self, **status):
        self._publisher = Publisher(FREE_ADDRESS)
        self._control = ControlServer(FREE_ADDRESS)
        self._stop = threading.Event()
        self.asked, self.refuses = [], None
        self.stop_asked = threading.Event()
        self.reviews, self.stages_asked = 0, False
        where = Endpoints(
            frames=FREE_ADDRESS, results=self._publisher.endpoint, control=self._control.endpoint
        )
        self.address = self._control.endpoint
        self._where = where
        self.say(**status)
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def say(self, **status):
        """Say something else of itself from now on."""
        self.status = engine_status(**({"endpoints": self._where} | status))

    def publish(self, message):
        self._publisher.publish(message)

    def close(self):
        self._stop.set()
        self._thread.join()
        self._control.close()
        self._publisher.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _answer(self):
        while not self._stop.is_set():
            self._control.answer(self._reply, ANSWER_S)

    def _reply(self, request):
        if isinstance(request, ReviewRequest):
            self.reviews += 1
            return ReviewReply(accepted=self.status.trust is not None)
        if isinstance(request, StopRequest):
            self.stop_asked.set()
            return StopReply()
        if isinstance(request, WISHES):
            self.asked.append(request)
            return RefusedReply(reason=self.refuses) if self.refuses else BegunReply()
        if isinstance(request, StatusRequest):
            self.stages_asked = request.stages
        return self.status
