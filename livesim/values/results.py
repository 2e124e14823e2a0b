"""The frozen value that is published of every raw stack: its images, and which stack they show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from livesim.values.frames import Rolling, StackIndex

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class VolumePart:
    """What is known of the volume of which an image shows a plane."""

    have: Annotated[int, Field(ge=1)]
    """Planes that had come when the image was made."""
    of: Annotated[int, Field(ge=1)]

    @property
    def whole(self) -> bool:
        """Whether the image is a plane of the volume; else a preview, that plane by itself."""
        return self.have == self.of


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One reconstructed image, with the widefield image of the same photons beside it."""

    stream: str
    index: StackIndex
    image: Image = field(repr=False)
    """[2 y, 2 x], sampled at half the raw pixel; may be negative. With networks it is
    arbitrated: of what they changed, as much as the photons carry."""
    widefield: Image = field(repr=False)
    """[y, x], mean of the raw frames in photo-electrons."""
    last_received_ns: int = 0
    published_ns: int = 0
    plain: Image | None = field(default=None, repr=False)
    """[2 y, 2 x] the reconstruction without networks; None where `image` is that itself."""
    step_one: Image | None = field(default=None, repr=False)
    """[2 y, 2 x] what step one alone gives; None where not both networks made the image, or nobody
    looks at it."""
    network: Image | None = field(default=None, repr=False)
    """[2 y, 2 x] what the networks alone give, unarbitrated; None without networks, or where nobody
    looks at it."""
    rolling: Rolling | None = None
    """None unless a new result is made with every angle or frame."""
    provisional: bool = False
    """Whether the stream has networks that have not worked on this stack: `image` is the plain one,
    and a second, fuller result of the same stack may follow."""
    searching: bool = False
    """Whether the pattern is not known yet: `image` is the widefield image itself, [y, x]."""
    volume: VolumePart | None = None
    """Of a stream of volumes; None = single planes. A preview is `provisional`: the same plane of
    the volume follows, unless that loses a frame."""

    @property
    def nbytes(self) -> int:
        """Memory that its images hold."""
        images = (self.image, self.widefield, self.plain, self.step_one, self.network)
        return sum(image.nbytes for image in images if image is not None)

    @property
    def is_preview(self) -> bool:
        """Whether it shows a plane by itself, of which the volume may still come."""
        return self.volume is not None and not self.volume.whole

    @property
    def ends_its_stack(self) -> bool:
        """Whether nothing else follows of the same frames: of a volume its last plane does."""
        return self.volume is None or self.index.z == self.volume.of - 1

    @property
    def whole(self) -> bool:
        """Whether all its frames are of one raw stack."""
        return self.rolling is None or self.rolling.whole
