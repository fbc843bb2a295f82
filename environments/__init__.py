"""The environments: one typed record each, read from its `Pulumi.<name>.yaml`."""

from environments.foundation import Foundation
from environments.kubernetes import Kubernetes, McpServer
from environments.load import foundations, load, load_foundation, load_stack, names, stacks
from environments.model import (
    Cluster,
    Database,
    Environment,
    NatGateways,
    Network,
    Service,
)
from environments.settings import ConfigurationError
from environments.stack import DataClass, Stack
from environments.workload import Demand, HealthCheck, Instances

__all__ = [
    "Cluster",
    "ConfigurationError",
    "DataClass",
    "Database",
    "Demand",
    "Environment",
    "Foundation",
    "HealthCheck",
    "Instances",
    "Kubernetes",
    "McpServer",
    "NatGateways",
    "Network",
    "Service",
    "Stack",
    "foundations",
    "load",
    "load_foundation",
    "load_stack",
    "names",
    "stacks",
]
