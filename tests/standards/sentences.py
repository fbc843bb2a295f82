"""Reads the quantities that a requirement's sentence states, to hold its figures against them."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from standards import Dimension, Figure, Requirement, UnitError

_HOUR: Final = 3_600_000
_DAY: Final = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount in percent, milliseconds, bytes, per second, times or plain things."""

    dimension: Dimension
    amount: float

    @classmethod
    def of(cls, figure: Figure) -> "Quantity":
        """What `figure` amounts to.

        Raises:
            UnitError: it is less than the smallest unit of its dimension, or between two of them.
        """
        match figure.dimension:
            case Dimension.SHARE:
                amount = figure.percent
            case Dimension.DURATION:
                amount = figure.milliseconds
            case Dimension.SIZE:
                amount = figure.bytes
            case Dimension.RATE:
                amount = figure.per_second
            case Dimension.FACTOR:
                amount = figure.factor
            case Dimension.COUNT:
                amount = figure.mean
        return cls(figure.dimension, float(amount))


_UNITS: Final = {
    "": (Dimension.COUNT, 1),
    "%": (Dimension.SHARE, 1),
    "percentage points": (Dimension.SHARE, 1),
    "basis points": (Dimension.SHARE, 0.01),
    "business days": (Dimension.COUNT, 1),
    "queries per second": (Dimension.RATE, 1),
    "times": (Dimension.FACTOR, 1),
    "ms": (Dimension.DURATION, 1),
    "seconds": (Dimension.DURATION, 1000),
    "s": (Dimension.DURATION, 1000),
    "minutes": (Dimension.DURATION, 60_000),
    "hours": (Dimension.DURATION, _HOUR),
    "hour": (Dimension.DURATION, _HOUR),
    "days": (Dimension.DURATION, _DAY),
    "week": (Dimension.DURATION, 7 * _DAY),
    "year": (Dimension.DURATION, 365 * _DAY),
    "bytes": (Dimension.SIZE, 1),
    "KB": (Dimension.SIZE, 1000),
    "MB": (Dimension.SIZE, 1_000_000),
    "GB": (Dimension.SIZE, 1_000_000_000),
}
_UNIT: Final = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True) if unit)
# A number in a name (P95, SOC 2) is none of these quantities; in "2 to 3 minutes" both are minutes.
_QUANTITY: Final = re.compile(
    rf"""(?<![\w.-])(?P<day>day[ ])?(?P<amount>\d+(?:,\d{{3}})*(?:\.\d+)?)(?!\w)
    (?:(?=(?:[ ]to|[ ]and)[ ]\d+[ ](?P<range>{_UNIT})(?!\w))|[ -]?(?P<unit>{_UNIT})(?!\w))?""",
    re.VERBOSE,
)

# The words that state a quantity without digits, and what they mean.
_NONE: Final = Quantity(Dimension.COUNT, 0)
_ALL: Final = Quantity(Dimension.SHARE, 100)
_TWICE: Final = Quantity(Dimension.FACTOR, 2)
_HOURLY: Final = Quantity(Dimension.DURATION, _HOUR)
_DAILY: Final = Quantity(Dimension.DURATION, _DAY)
_WEEKLY: Final = Quantity(Dimension.DURATION, 7 * _DAY)
_MONTHLY: Final = Quantity(Dimension.DURATION, 30 * _DAY)
_QUARTERLY: Final = Quantity(Dimension.DURATION, 90 * _DAY)

# The words that state a quantity without digits, and what they mean.
WORDS: Final = {
    "a high or critical finding stops it": _NONE,
    "any finding of high or critical severity": _NONE,
    "finds no ": _NONE,
    "no data loss": _NONE,
    "no errors": _NONE,
    "no lead time": _NONE,
    "no open critical finding": _NONE,
    "no security incident": _NONE,
    "One critical failure starts a rollback": _NONE,
    "One invalid proof is": _NONE,
    "one invalid proof": _NONE,
    "warnings as errors": _NONE,
    "without a critical finding": _NONE,
    "zero ": _NONE,
    "All health endpoints": _ALL,
    "All unit tests pass": _ALL,
    "Every chaos scenario": _ALL,
    "all pass": _ALL,
    "all tests pass": _ALL,
    "every backup successful": _ALL,
    "every one verifies on-chain": _ALL,
    "every suite passing in full": _ALL,
    "passes in full": _ALL,
    "twice the expected traffic": _TWICE,
    "Every hour": _HOURLY,
    "Each day": _DAILY,
    "Every day": _DAILY,
    "Each week": _WEEKLY,
    "first week": _WEEKLY,
    "weekly": _WEEKLY,
    "Each month": _MONTHLY,
    "each month": _MONTHLY,
    "first month": _MONTHLY,
    "monthly": _MONTHLY,
    "Each quarter": _QUARTERLY,
    "each quarter": _QUARTERLY,
    "every quarter": _QUARTERLY,
    "Four dashboards": Quantity(Dimension.COUNT, 4),
    "eight stages": Quantity(Dimension.COUNT, 8),
}

# The figures that their sentence states in words rather than digits.
WORDED: Final = {
    ("ART-09", "critical_findings_max_count"): "a high or critical finding stops it",
    ("ART-09", "high_findings_max_count"): "a high or critical finding stops it",
    ("AUD-02", "standard_lead_time_business_days"): "no lead time",
    ("AUD-02", "emergency_lead_time_business_days"): "no lead time",
    ("BAK-03", "restore_test_interval_days"): "weekly",
    ("BAK-05", "check_interval_hours"): "Every day",
    ("BAK-06", "first_drill_within_days"): "first month",
    ("BAK-06", "drill_interval_days"): "every quarter",
    ("DOC-06", "refresh_interval_days"): "monthly",
    ("GATE-03", "test_pass_rate_min_percent"): "all tests pass",
    ("GATE-03", "critical_findings_max_count"): "without a critical finding",
    ("GATE-03", "load_min_times_expected_traffic"): "twice the expected traffic",
    ("KEY-02", "review_and_rotation_interval_days"): "monthly",
    ("MON-13", "dashboards_min_count"): "Four dashboards",
    ("OPS-01", "interval_days"): "Each day",
    ("OPS-02", "interval_days"): "Each week",
    ("OPS-03", "interval_days"): "Each month",
    ("OPS-04", "interval_days"): "Each quarter",
    ("OPS-06", "incident_training_interval_days"): "every quarter",
    ("PIPE-04", "required_stages_count"): "eight stages",
    ("PIPE-05", "compile_errors_max_count"): "no errors",
    ("PIPE-06", "critical_findings_max_count"): "any finding of high or critical severity",
    ("PIPE-06", "high_findings_max_count"): "any finding of high or critical severity",
    ("POST-02", "interval_hours"): "Every hour",
    ("POST-03", "interval_hours"): "Every day",
    ("POST-09", "security_incidents_max_count"): "no security incident",
    ("POST-09", "backup_success_min_percent"): "every backup successful",
    ("POST-10", "data_loss_incidents_max_count"): "no data loss",
    ("QA-01", "lint_warnings_max_count"): "zero ",
    ("QA-04", "pass_rate_min_percent"): "All unit tests pass",
    ("QA-06", "pass_rate_min_percent"): "all pass",
    ("QA-08", "vulnerabilities_max_count"): "zero ",
    ("QA-09", "pass_rate_min_percent"): "passes in full",
    ("QA-11", "findings_max_count"): "finds no ",
    ("QA-13", "scenarios_pass_rate_min_percent"): "Every chaos scenario",
    ("QA-14", "load_min_times_expected_traffic"): "twice the expected traffic",
    ("QA-18", "pass_rate_min_percent"): "every suite passing in full",
    ("REL-03", "major_interval_days"): "each quarter",
    ("REL-03", "minor_interval_days"): "each month",
    ("ROLL-06", "first_week_days"): "first week",
    ("ROLL-09", "invalid_proofs_max_count"): "one invalid proof",
    ("SDK-04", "lint_warnings_max_count"): "warnings as errors",
    ("SEC-01", "vulnerabilities_max_count"): "zero ",
    ("SEC-02", "update_interval_days"): "weekly",
    ("SEC-04", "critical_findings_max_count"): "no open critical finding",
    ("SMOKE-01", "health_endpoint_coverage_min_percent"): "All health endpoints",
    ("SMOKE-07", "critical_failures_max_count"): "One critical failure starts a rollback",
    ("ZK-09", "on_chain_verification_min_percent"): "every one verifies on-chain",
    ("ZK-10", "invalid_proofs_max_count"): "One invalid proof is",
}

# The figures that say how many things their sentence lists.
LISTED: Final = {
    ("DOC-02", "required_documents_count"): (
        *("architecture diagram", "API documentation", "runbook", "incident response"),
        *("backup, restore", "scaling", "security policies", "on-call schedule"),
    ),
    ("GATE-03", "conditions_count"): (
        *("all tests pass", "security audit", "whole team", "rollback plan", "monitoring"),
        *("backup", "twice the expected traffic", "on-call engineer"),
    ),
    ("GATE-04", "conditions_count"): (
        *("any suite fails", "vulnerability is open", "member is missing", "does not work"),
        *("restore is untested", "raised a concern", "on-call is not covered"),
    ),
    ("GATE-05", "sign_offs_count"): (
        *("Engineering lead", "security", "operations", "legal", "executive"),
    ),
    ("GATE-08", "items_count"): (
        *("tests", "benchmarks", "security audit", "documentation", "monitoring"),
        *("tested alerting", "tested rollback", "incident plan"),
    ),
    ("GATE-09", "items_count"): (
        *("team training", "support documents", "customer communication", "marketing material"),
        *("legal review", "compliance", "success metrics", "post-launch plan"),
    ),
    ("GATE-10", "items_count"): (
        *("capacity", "migrations", "integrations", "load test", "disaster recovery", "backups"),
        *("security monitoring", "on-call schedule"),
    ),
    ("REL-08", "sections_count"): (
        *("new features", "improvements", "bug fixes", "breaking changes", "known issues"),
        "upgrade notes",
    ),
}

# Digits in a sentence that are none of its figures.
BESIDE: Final = {
    "COMP-06": ("2.1",),  # WCAG's version
    "COMP-07": ("2",),  # SOC's
    "INC-01": ("1",),  # a severity
    "NET-01": ("80",),  # said twice
    "POST-05": ("30 minutes",),  # said twice
    "POST-06": ("30 minutes", "2 hours"),  # POST-05 has the windows that these three repeat
    "POST-07": ("2 hours", "4 hours"),
    "POST-08": ("1", "2", "3", "4", "5", "6", "7"),  # days, each naming its task
    "SVC-02": ("3 minutes",),  # said twice
    "ZK-09": ("30 minutes", "2 hours"),
}


def stated(text: str) -> Iterator[Quantity]:
    """The quantities that `text` states in digits, in the order of the text."""
    for match in _QUANTITY.finditer(text):
        unit = "days" if match["day"] else match["range"] or match["unit"] or ""
        dimension, size = _UNITS[unit]
        yield Quantity(dimension, float(match["amount"].replace(",", "")) * size)


def problems(requirement: Requirement) -> list[str]:
    """Where the figures of `requirement` and its sentence disagree; empty where they agree.

    Figures in digits follow the order of the sentence, each at a quantity of its own, so that two
    cannot swap places; and each quantity in digits is a figure, so that none is left behind.
    """
    found: list[str] = []
    numbers = list(stated(requirement.text))
    left = Counter(numbers)
    left.subtract(quantity for text in BESIDE.get(requirement.id, ()) for quantity in stated(text))
    position = 0
    for key, amount in requirement.values.items():
        figure = Figure(requirement.id, key, amount)
        try:
            quantity = Quantity.of(figure)
        except UnitError as error:
            found.append(str(error))
            continue
        place = (requirement.id, key)
        if place in LISTED:
            listed = LISTED[place]
            if len(listed) != amount or not _in_order(listed, requirement.text):
                found.append(f"{figure} is {amount}, but the sentence lists {listed}")
        elif place in WORDED:
            word = WORDED[place]
            if WORDS[word] != quantity or word not in requirement.text:
                found.append(f"{figure} is {amount}, but the sentence says {word!r}")
        elif quantity in numbers[position:]:
            position = numbers.index(quantity, position) + 1
            left[quantity] -= 1
        else:
            found.append(f"{figure} is {amount}, which the sentence does not state in its order")
    found.extend(
        f"{number} is stated {times} times too often" for number, times in left.items() if times
    )
    return found


def _in_order(parts: tuple[str, ...], text: str) -> bool:
    position = 0
    for part in parts:
        position = text.find(part, position)
        if position < 0:
            return False
        position += len(part)
    return True
