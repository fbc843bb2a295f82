"""The plan: the resources that a program declares, as plain data, and how they relate."""

from plan.graph import Graph
from plan.model import Cited, Options, Plan, Resource, Source
from plan.values import SECRET, UNKNOWN, UNKNOWN_SECRET, Secret, Unknown, Value

__all__ = [
    "SECRET",
    "UNKNOWN",
    "UNKNOWN_SECRET",
    "Cited",
    "Graph",
    "Options",
    "Plan",
    "Resource",
    "Secret",
    "Source",
    "Unknown",
    "Value",
]
