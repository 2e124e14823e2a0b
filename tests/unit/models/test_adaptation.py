"""A network is taught by raw stacks alone: the error is unbiased, what is held out stays unseen."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from livesim.values.pattern import Levels
from livesim_models.conditions import Conditions
from livesim_models.data.varied.example import Example
from livesim_models.registry import build
from livesim_models.training import adaptation
from livesim_models.training.adaptation import EXAMINE_EVERY, Adapted, adapt
from livesim_models.training.held_out import SQUARE, held_out_means, learned_mask
from livesim_models.training.judging import Errors
from livesim_models.trust.arbitration import ETA
from livesim_models.trust.evidence import LIGHT, Evidence
from livesim_models.unet import UNetArchitecture

SIZE, BORDER = 288, 16
SMALL = UNetArchitecture(inputs=6, outputs=1, features=(4, 8), blocks=(1, 1))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def objects() -> Tensor:
    """Smooth bodies, 0 to 40 photo-electrons."""
    spectrum = torch.fft.rfft2(torch.randn(SIZE, SIZE, generator=seeded(5)))
    fy, fx = torch.fft.fftfreq(SIZE)[:, None], torch.fft.rfftfreq(SIZE)[None]
    smooth = torch.fft.irfft2(spectrum * torch.exp(-((fy**2 + fx**2) / 0.02**2)), s=(SIZE, SIZE))
    return 20.0 + 10.0 * (smooth / smooth.std()).clamp(-2.0, 2.0)


def evidence(noise: float = 6.0, seed: int = 1, name: str = "cells.tif") -> Evidence:
    """A stack of known truth whose plain image has white noise and holds all frequencies."""
    truth, random = objects(), seeded(seed)
    levels = Levels(0.0, 40.0)
    return Evidence(
        recording=name,
        place="position 0",
        plain=truth + noise * torch.randn(truth.shape, generator=random),
        noises=noise * torch.randn(4, *truth.shape, generator=random),
        conditions=Conditions.of_levels(levels, (SIZE, SIZE)).in_light(LIGHT),
        share=torch.ones(SIZE, SIZE // 2 + 1),
    )


def rehearsal() -> list[Example]:
    clean = objects()[:64, :64]
    noisy = clean + torch.randn(clean.shape, generator=seeded(9))
    values = Conditions.of_levels(Levels(0.0, 40.0), (SIZE, SIZE)).values
    return [Example(noisy[None], noisy[None], clean[None], values)]


def stopped_after(steps: int):
    def tell(look):
        if look.steps >= steps:
            raise KeyboardInterrupt

    return tell


def test_the_two_parts_of_a_split_share_the_light_and_no_noise():
    own = evidence()
    split = own.split(seeded(3))
    larger, smaller = split.plain - LIGHT * objects(), split.unseen - LIGHT * objects()
    shared = float(torch.corrcoef(torch.stack([larger.flatten(), smaller.flatten()]))[0, 1])
    assert abs(shared) < 0.02
    assert float(larger.square().mean()) == pytest.approx(LIGHT * 36.0, rel=0.03)
    for noise in (own.unseen_noise, split.unseen_noise):
        assert float(noise.mean()) == pytest.approx(float(smaller.square().mean()), rel=0.03)
    again = own.split(seeded(4))
    assert not torch.equal(split.plain, again.plain)


def test_the_error_against_the_unseen_part_is_that_against_the_truth_without_knowing_it():
    own, wrong = evidence(), LIGHT * objects() + 2.0 * torch.randn(SIZE, SIZE, generator=seeded(7))
    found = (wrong - own.split(seeded(3)).unseen).square().mean() - own.unseen_noise.mean()
    assert float(found) == pytest.approx(4.0, abs=1.0)
    assert (1.0 + ETA**-2) * LIGHT > 1.0, "the unseen part is the noisier one"


def test_held_out_squares_are_never_learned_from_and_serve_one_purpose_each():
    mask = learned_mask((SIZE, SIZE))
    stop, decide = held_out_means(mask)
    assert len(stop) + len(decide) == ((SIZE - 2 * BORDER) // SQUARE // 2) ** 2
    assert float(stop.sum() + decide.sum()) == 0.0
    assert float(mask.mean()) > 0.5
    marks = torch.arange(SIZE * SIZE, dtype=torch.float64).reshape(SIZE, SIZE)
    assert not set(held_out_means(marks)[0].tolist()) & set(held_out_means(marks)[1].tolist())


def test_a_field_too_small_to_hold_enough_of_it_out_is_refused():
    with pytest.raises(ValueError, match=r"expected a field of about .* found 100 x 100"):
        learned_mask((200, 200))


def test_an_untrained_network_learns_the_sample_from_its_noise_alone(monkeypatch):
    monkeypatch.setattr(adaptation, "_RATE", 4e-3)
    monkeypatch.setattr(adaptation, "_BATCH", 1)
    network = build(SMALL)
    adapted = adapt(network, [evidence()], rehearsal(), 60.0, stopped_after(50))
    assert adapted.gained
    assert adapted.errors.before == pytest.approx(1.0, abs=0.1), "it changed nothing before"
    assert adapted.errors.after < 0.98
    assert not network.tail.weight.any(), "what it began with stays as it is"


def test_interrupted_at_once_nothing_is_gained():
    adapted = adapt(build(SMALL), [evidence()], rehearsal(), 60.0, stopped_after(0))
    assert not adapted.gained
    assert adapted.errors.before == adapted.errors.after


def test_where_the_plain_image_has_no_error_that_can_be_told_nothing_is_judged():
    own = evidence()
    dark = replace(own, plain=0.1 * own.noises[0], share=0.3 * own.share)
    with pytest.raises(ValueError, match=r"cells\.tif: expected an error of the plain image that"):
        adapt(build(SMALL), [dark], rehearsal(), 60.0, stopped_after(0))


def test_it_stops_when_the_time_is_over():
    adapted = adapt(build(SMALL), [evidence()], rehearsal(), 0.0, lambda look: None)
    assert adapted.steps == 0


@pytest.mark.parametrize(("stacks", "learned", "judged"), [(1, 1, 1), (2, 1, 1), (6, 4, 2)])
def test_of_several_stacks_every_fourth_is_for_judging_alone(stacks, learned, judged):
    own = [evidence(seed=number) for number in range(stacks)]
    to_learn, to_judge = adaptation._divided([*own, evidence(name="other.tif")])
    assert len(to_learn) == learned + 1
    assert len(to_judge["cells.tif"]._judged) == judged
    seen = {id(one._evidence) for one in to_learn}
    told = {id(one.evidence) for one in to_judge["cells.tif"]._judged}
    assert stacks == 1 or not seen & told


@pytest.mark.parametrize(
    ("errors", "recordings", "gained"),
    [
        (Errors(0.5, 0.4, 0.04), {}, True),
        (Errors(0.5, 0.4, 0.06), {}, False),
        (Errors(0.5, 0.4, 0.04), {"other.tif": Errors(0.5, 0.6, 0.04)}, False),
        (Errors(0.5, 0.4, 0.04), {"other.tif": Errors(0.5, 0.6, 0.06)}, True),
        (Errors(0.5, 0.4, float("nan")), {}, False),
    ],
)
def test_it_has_gained_where_the_error_fell_clearly_and_rose_nowhere(errors, recordings, gained):
    assert Adapted(build(SMALL), EXAMINE_EVERY, 1.0, errors, recordings).gained == gained
