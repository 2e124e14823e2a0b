"""The precision of networks: what a device is made for, and what float32 means."""

import threading

import pytest
import torch

from livesim_models import precision
from livesim_models.field import FieldRunner
from livesim_models.precision import (
    common_precision,
    made_for,
    preferred_precision,
    true_float32,
)
from livesim_models.rcan.model import Rcan, RcanArchitecture

CARDS = {
    "GTX 1080": ((6, 1), "float32"),
    "V100": ((7, 0), "float16"),
    "RTX 2080": ((7, 5), "float16"),
    "A100": ((8, 0), "bfloat16"),
    "RTX 3060": ((8, 6), "bfloat16"),
    "RTX 4090": ((8, 9), "bfloat16"),
    "H100": ((9, 0), "bfloat16"),
}


@pytest.fixture(autouse=True)
def as_a_process_begins(monkeypatch):
    preferred_precision.cache_clear()
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    yield
    preferred_precision.cache_clear()


def chosen(monkeypatch, capability, milliseconds):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    times = lambda device, names: [milliseconds[name] for name in names]  # noqa: E731
    monkeypatch.setattr(precision, "_milliseconds", times)
    return preferred_precision(torch.device("cuda", 0))


@pytest.mark.parametrize(("capability", "expected"), CARDS.values(), ids=CARDS)
def test_a_card_computes_in_what_it_is_made_for(monkeypatch, capability, expected):
    fast = {"float32": 2.0, "bfloat16": 1.0, "float16": 1.0}
    assert made_for(capability) == expected
    assert chosen(monkeypatch, capability, fast) == expected


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        (("A100", "H100"), "bfloat16"),
        (("A100", "RTX 2080"), "float16"),
        (("RTX 2080", "A100", "GTX 1080"), "float32"),
    ],
)
def test_cards_that_differ_compute_in_what_suits_all(cards, expected):
    """A channel lands on any of them, and its pixels must not depend on which."""
    assert common_precision([CARDS[card][1] for card in cards]) == expected


def test_what_is_not_faster_here_is_not_taken(monkeypatch):
    slow = {"float32": 1.0, "bfloat16": 1.0, "float16": 64.0}
    assert chosen(monkeypatch, (7, 5), slow) == "float32"


@pytest.mark.parametrize(("short_ms", "expected"), [(0.5, "bfloat16"), (1.7, "float32")])
def test_a_processor_is_timed_whatever_its_flags_say(monkeypatch, short_ms, expected):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(precision, "_milliseconds_on_cpu", lambda device, names: [1.0, short_ms])
    assert preferred_precision(torch.device("cpu")) == expected


def test_a_processor_without_instructions_for_it_is_not_even_timed(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.delattr(precision, "_milliseconds_on_cpu")
    assert preferred_precision(torch.device("cpu")) == "float32"


def test_both_precisions_are_timed_here():
    cpu = torch.device("cpu")
    assert all(ms > 0.0 for ms in precision._milliseconds_on_cpu(cpu, ("float32", "bfloat16")))


def test_where_it_cannot_be_timed_float32_stays(monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 6))

    def failing(device, name):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(precision, "_milliseconds", failing)
    assert preferred_precision(torch.device("cuda", 0)) == "float32"
    assert "out of memory" in caplog.text


def seen_inside(name):
    """Return what a network that computes in a precision finds allowed."""
    seen = []

    class Spy(torch.nn.Module):
        def forward(self, image):
            seen.append(torch.backends.cudnn.allow_tf32)
            return image

    runner = FieldRunner(Rcan(RcanArchitecture(groups=1, blocks=1, features=4)), name)
    runner.network = Spy()
    runner(torch.rand(1, 1, 8, 8))
    return seen


def test_float32_means_float32_and_the_switch_is_put_back():
    assert seen_inside("float32") == [False]
    assert seen_inside("bfloat16") == [True]
    assert torch.backends.cudnn.allow_tf32


def test_one_thread_that_is_done_does_not_switch_it_on_for_another():
    inside, leave = threading.Event(), threading.Event()

    def first():
        with true_float32():
            inside.set()
            leave.wait(timeout=60.0)

    other = threading.Thread(target=first)
    other.start()
    assert inside.wait(timeout=60.0)
    with true_float32():
        leave.set()
        other.join(timeout=60.0)
        assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32


def test_it_is_put_back_after_a_failure_too():
    with pytest.raises(ValueError, match="no"), true_float32():
        raise ValueError("no")
    assert torch.backends.cudnn.allow_tf32
