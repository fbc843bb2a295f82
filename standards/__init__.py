"""The written standards: every requirement with its sentence, its figures and its sources."""

from standards.catalogue import (
    Kind,
    Requirement,
    Tier,
    UnknownRequirementError,
    figure,
    requirement,
    requirements,
)
from standards.figures import Bound, Dimension, Figure, Ratio, Text, UnitError, Whole, written

__all__ = [
    "Bound",
    "Dimension",
    "Figure",
    "Kind",
    "Ratio",
    "Requirement",
    "Text",
    "Tier",
    "UnitError",
    "UnknownRequirementError",
    "Whole",
    "figure",
    "requirement",
    "requirements",
    "written",
]
