"""Address ranges that must not overlap, or two networks can never be joined."""

from collections.abc import Mapping
from ipaddress import IPv4Network

from environments.model import Environment


def overlaps(environment: Environment, others: Mapping[str, IPv4Network]) -> list[str]:
    """What is wrong with the range of `environment` among the ranges of the `others`, by name.

    What runs on an emulator has no network that anything could be joined to.
    """
    own = environment.network.cidr
    if environment.aws.endpoint is not None:
        return []
    return [
        f"slipway:network.cidr: {own} overlaps {cidr} of {name}: environments are apart, each with "
        "a range of its own (ENV-01)"
        for name, cidr in others.items()
        if own.overlaps(cidr)
    ]
