"""The picture as SVG."""

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from plan import Plan
from preview.picture import picture
from preview.reports.picture import document
from tests.conftest import PROJECT
from tests.preview.plans import plan, resource
from tests.stacks.reading import ENVIRONMENTS

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_box_hides_another(plan_of: Callable[[str], Plan], environment: str) -> None:
    """Each box is inside the picture, and shares no point with another."""
    root = ET.fromstring(document(picture(plan_of(environment))))  # noqa: S314 - our own
    width, height = (float(side) for side in root.attrib["viewBox"].split()[2:])
    boxes = [
        tuple(float(one.attrib[key]) for key in ("x", "y", "width", "height"))
        for one in root.iter(f"{SVG}rect")
        if one.attrib["class"] in {"box", "around", "outside"}
    ]
    assert len(boxes) > 5
    for x, y, wide, high in boxes:
        assert x >= 0
        assert y >= 0
        assert x + wide <= width
        assert y + high <= height
    for number, (x, y, wide, high) in enumerate(boxes):
        for other_x, other_y, other_wide, other_high in boxes[number + 1 :]:
            apart = x + wide <= other_x or other_x + other_wide <= x
            assert apart or y + high <= other_y or other_y + other_high <= y


def test_odd_names_stay_text() -> None:
    """Whatever a program calls its resources, the picture holds no other element."""
    odd = resource("aws:sqs/queue:Queue", "<script>", parent=None)
    text = document(picture(plan(odd, resource("aws:<b>/x:X", "&", parent=None))))
    tags = {one.tag for one in ET.fromstring(text).iter()}  # noqa: S314 - our own
    assert tags == {f"{SVG}{tag}" for tag in ("svg", "style", "rect", "text")}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_drawings_of_the_documentation_are_current(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """`docs/diagrams` shows what `make docs` would draw."""
    drawn = (PROJECT / "docs" / "diagrams" / f"{environment}.svg").read_text(encoding="utf-8")
    assert drawn == document(picture(plan_of(environment))), "run `make docs`"
