"""What AWS's own models, which its SDK brings along, say of the input to a call."""

from typing import Any, cast

import botocore.session  # pyright: ignore[reportMissingTypeStubs] - it has none
from botocore.validate import ParamValidator  # pyright: ignore[reportMissingTypeStubs]


def problems(service: str, shape: str, value: object) -> str:
    """What is wrong with `value` as a `shape` of `service`: names, kinds, bounds; "" if nothing."""
    session = cast("Any", botocore.session.Session())
    model = session.get_service_model(service)
    report = cast("Any", ParamValidator()).validate(value, model.shape_for(shape))
    return str(report.generate_report())
