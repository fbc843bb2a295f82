"""The environments: one typed record each, read from its `Pulumi.<name>.yaml`."""

from environments.load import load, names
from environments.model import (
    Cluster,
    Database,
    DataClass,
    Environment,
    HealthCheck,
    Instances,
    NatGateways,
    Network,
    Service,
)
from environments.settings import ConfigurationError

__all__ = [
    "Cluster",
    "ConfigurationError",
    "DataClass",
    "Database",
    "Environment",
    "HealthCheck",
    "Instances",
    "NatGateways",
    "Network",
    "Service",
    "load",
    "names",
]
