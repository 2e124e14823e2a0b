"""Read what a watcher's page asks for: which channel and stages, how bright, how large."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from livesim.config.errors import sentence
from livesim.images.levels import Levels
from livesim.values.errors import DataError
from livesim_gui.state.picture.look import Look

Name = Annotated[str, Field(max_length=40)]
Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Choice(_Told):
    """What one watcher wants to see; another watcher's choice changes nothing of it."""

    kind: Literal["choice"] = "choice"
    channel: Annotated[int, Field(ge=0, lt=64)] | None = None
    """None = that of the newest result's first channel."""
    stage: Name | None = None
    """None = the most processed one."""
    other: Name | None = None
    split: bool = False
    """Whether the other stage is shown as well, on the left."""
    low: Finite | None = None
    high: Finite | None = None
    """Shown as black and as white, in photo-electrons; None = by the picture itself."""
    width: Annotated[int, Field(ge=1, le=8192)] = 1024
    """Pixels of the watcher's screen that the picture's width covers."""

    @model_validator(mode="after")
    def _white_above_black(self) -> Choice:
        if (self.low is None) != (self.high is None):
            raise ValueError("expected black and white together, found one of them")
        _ = self.levels  # raises where white is not above black
        return self

    @property
    def levels(self) -> Levels | None:
        """Those set by hand."""
        return None if self.low is None or self.high is None else Levels(self.low, self.high)

    @property
    def look(self) -> Look:
        """The same in the words of the viewer."""
        return Look(self.stage, self.other, self.stage is not None, self.split)


class Drawn(_Told):
    """A picture is on the watcher's screen."""

    kind: Literal["drawn"] = "drawn"
    picture: Annotated[int, Field(ge=0)]
    """Its number."""


_TOLD: TypeAdapter[Choice | Drawn] = TypeAdapter(
    Annotated[Choice | Drawn, Field(discriminator="kind")]
)


def read_told(text: str) -> Choice | Drawn:
    """Read a message of a page.

    Raises
    ------
    DataError
        If it is none.
    """
    try:
        return _TOLD.validate_json(text)
    except ValidationError as error:
        raise DataError(f"expected a message of the page: {sentence(error)}") from error
