"""The two sides of a service, and the metrics that count them as one: either may serve."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from pulumi import Input

from stacks.metrics import Formula, Metric


class Side(StrEnum):
    """The two sides of a service; at any time one of them serves."""

    BLUE = "blue"
    GREEN = "green"


FIRST: Final = Side.BLUE
"""The side that serves until the first cutover."""


def target_metrics(
    name: str, statistic: str, balancer: Input[str], groups: Mapping[Side, Input[str]]
) -> dict[Side, Metric]:
    """The load balancer's metric `name` for the target group of each side."""
    return {
        side: Metric(
            namespace="AWS/ApplicationELB",
            name=name,
            statistic=statistic,
            dimensions={"LoadBalancer": balancer, "TargetGroup": group},
        )
        for side, group in groups.items()
    }


# SUM and MAX pass over a side that reports nothing, as the one asleep does; adding would not.
def worse(sides: Mapping[Side, Metric]) -> Formula:
    """The higher value of the two sides."""
    return Formula(text=f"MAX({ids('use')})", metrics=named("use", sides))


def total(sides: Mapping[Side, Metric]) -> Formula:
    """Both sides together."""
    return Formula(text=f"SUM({ids('count')})", metrics=named("count", sides))


def error_percent(balancer: Input[str], groups: Mapping[Side, Input[str]]) -> Formula:
    """Requests that the service failed, in percent; no data where nobody asked."""
    return Formula(
        text=f"100 * SUM({ids('errors')}) / SUM({ids('requests')})",
        metrics=named(
            "errors", target_metrics("HTTPCode_Target_5XX_Count", "Sum", balancer, groups)
        )
        | named("requests", target_metrics("RequestCount", "Sum", balancer, groups)),
    )


def response_ms(statistic: str, balancer: Input[str], groups: Mapping[Side, Input[str]]) -> Formula:
    """Response time in milliseconds, of the slower side."""
    seconds = target_metrics("TargetResponseTime", statistic, balancer, groups)
    return Formula(text=f"1000 * MAX({ids('seconds')})", metrics=named("seconds", seconds))


def ids(what: str) -> str:
    """What a formula calls the metrics of both sides."""
    return f"[{', '.join(f'{what}_{side}' for side in Side)}]"


def named(what: str, sides: Mapping[Side, Metric]) -> dict[str, Metric]:
    """The metrics of both sides by what a formula calls them."""
    return {f"{what}_{side}": metric for side, metric in sides.items()}
