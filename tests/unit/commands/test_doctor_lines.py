import pytest

from livesim.commands.doctor.findings import finding_lines
from livesim.values.finding import Fault, Finding


@pytest.mark.parametrize(
    ("mend", "advice", "last"),
    [
        (
            "[camera]\ngain = 2",
            "or, if the light is right, wait",
            "or: if the light is right, wait",
        ),
        ("[camera]\ngain = 2", "wait", "or: wait"),
        (None, "wait", "do: wait"),
    ],
)
def test_another_way_to_mend_begins_with_one_or(mend, advice, last):
    found = Finding(Fault.WRONG_NOISE, "the noise is another", 0.99, mend, advice)
    assert finding_lines(found)[-1].strip() == last
