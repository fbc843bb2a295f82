"""A figure is read in its own unit, in no other, and the number that comes out remembers it."""

import copy
import json
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standards import (
    Bound,
    Dimension,
    Figure,
    Ratio,
    Text,
    UnitError,
    Whole,
    figure,
    requirements,
    written,
)

READERS: dict[Dimension, tuple[Callable[[Figure], Whole | Ratio], ...]] = {
    Dimension.SHARE: (lambda found: found.percent, lambda found: found.fraction),
    Dimension.DURATION: (
        lambda found: found.milliseconds,
        lambda found: found.seconds,
        lambda found: found.minutes,
        lambda found: found.hours,
        lambda found: found.days,
    ),
    Dimension.SIZE: (lambda found: found.bytes,),
    Dimension.RATE: (lambda found: found.per_second,),
    Dimension.FACTOR: (lambda found: found.factor,),
    Dimension.COUNT: (lambda found: found.mean, lambda found: found.count),
}
FIGURES = [
    Figure(entry.id, key, amount)
    for entry in requirements().values()
    for key, amount in entry.values.items()
]
UNITS = {"ms": 1, "seconds": 1000, "minutes": 60_000, "hours": 3_600_000, "days": 86_400_000}


@pytest.mark.parametrize("found", FIGURES, ids=str)
def test_every_figure_is_readable_in_its_own_dimension_alone(found: Figure) -> None:
    """The finest unit of its dimension reads it; every unit of the others refuses it."""
    for dimension, readers in READERS.items():
        if dimension is found.dimension:
            number = readers[0](found)
            assert number.figure is found
        else:
            for reader in readers:
                with pytest.raises(UnitError, match=rf"^{found} is {found.dimension.value}, not"):
                    reader(found)


@pytest.mark.parametrize(
    ("identifier", "key", "read", "amount"),
    [
        ("SCALE-01", "cpu_above_percent", "percent", 70),
        ("SCALE-01", "cpu_above_percent", "fraction", 0.7),
        ("SCALE-01", "cpu_window_minutes", "seconds", 600),
        ("SCALE-01", "queue_depth_above_jobs", "count", 100),
        ("SCALE-01", "latency_p95_above_ms", "milliseconds", 500),
        ("SCALE-02", "read_queries_above_per_second", "per_second", 1000),
        ("PERF-01", "error_rate_below_percent", "percent", 0.1),
        ("PERF-01", "error_rate_below_percent", "fraction", 0.001),
        ("MON-09", "error_rate_above_baseline_percentage_points", "percent", 0.5),
        ("MON-09", "queue_depth_above_times_normal", "factor", 10),
        ("MON-11", "database_size_below_gigabytes", "bytes", 10_000_000_000),
        ("ROLL-07", "latency_p99_above_percent_of_baseline", "fraction", 3),
        ("PM-01", "fee_max_basis_points", "percent", 0.28),
        ("PM-01", "newton_raphson_mean_iterations", "mean", 4.2),
        ("BAK-01", "backup_interval_hours", "minutes", 240),
        ("BAK-03", "first_restore_test_day", "days", 7),
        ("AUD-02", "normal_lead_time_business_days", "count", 5),
        ("NET-01", "https_port", "count", 443),
    ],
)
def test_a_figure_in_its_units(identifier: str, key: str, read: str, amount: float) -> None:
    """Units convert as the sentence means them."""
    assert getattr(figure(identifier, key), read) == amount


@pytest.mark.parametrize(
    ("key", "bound"),
    [
        ("binary_size_below_kilobytes", Bound.BELOW),
        ("cpu_above_percent", Bound.ABOVE),
        ("instances_min_count", Bound.MINIMUM),
        ("compute_units_per_trade_max", Bound.MAXIMUM),
        ("within_minutes", Bound.WITHIN),
        ("retention_days", Bound.SETTING),
    ],
)
def test_a_key_words_its_bound(key: str, bound: Bound) -> None:
    """What a figure limits is one word of its key."""
    assert Figure("ENV-01", key, 1).bound is bound


@pytest.mark.parametrize("found", FIGURES, ids=str)
def test_a_figure_has_one_bound_at_most(found: Figure) -> None:
    """No key words two bounds."""
    assert sum(bound.value in found.key.split("_") for bound in Bound) <= 1


def test_a_count_that_is_not_whole_is_refused() -> None:
    """A fraction is never dropped in silence: the message says to read a finer unit."""
    with pytest.raises(UnitError, match=r"PM-01 .* is 4\.2 here, not a whole number"):
        _ = figure("PM-01", "newton_raphson_mean_iterations").count
    with pytest.raises(UnitError, match="read it in a finer unit"):
        _ = figure("SCALE-01", "cpu_window_minutes").hours


@given(st.integers(0, 10**12), st.sampled_from(sorted(UNITS)))
def test_durations_convert_exactly_or_not_at_all(amount: int, unit: str) -> None:
    """Each reading is the exact duration, or refused because it would be no whole number."""
    found = Figure("ENV-01", f"window_{unit}", amount)
    milliseconds = amount * UNITS[unit]
    assert found.milliseconds == milliseconds
    for name, size in UNITS.items():
        if name != "ms":
            if milliseconds % size == 0:
                assert getattr(found, name) * size == milliseconds
            else:
                with pytest.raises(UnitError):
                    getattr(found, name)


@given(st.floats(0, 100))
def test_a_percentage_and_its_fraction_agree(amount: float) -> None:
    """A share read as a fraction is a hundredth of it in percent."""
    found = Figure("ENV-01", "share_percent", amount)
    assert found.percent == pytest.approx(amount)
    assert found.fraction * 100 == pytest.approx(amount)


@pytest.mark.parametrize(
    "number",
    [
        figure("KEY-01", "length_min_characters").count,
        figure("QA-12", "bug_rate_below_percent").percent,
    ],
)
def test_a_number_remembers_its_figure_and_is_plain_otherwise(number: Whole | Ratio) -> None:
    """Provenance survives a copy; for JSON it is a number like any other."""
    for twin in (copy.copy(number), copy.deepcopy(number), pickle.loads(pickle.dumps(number))):  # noqa: S301 - our own bytes
        assert twin == number
        assert twin.figure == number.figure
    assert json.dumps([number]) == f"[{json.dumps(number + 0)}]"


def test_a_text_remembers_the_figures_that_stand_in_it() -> None:
    """Each once, in the order of the numbers; the text itself is one like any other."""
    cpu = figure("SCALE-01", "cpu_above_percent").percent
    minutes = figure("SCALE-01", "cpu_window_minutes").minutes
    text = Text.of("cpu > 70 for 10m", [cpu, minutes, cpu])
    assert text == "cpu > 70 for 10m"
    assert text.figures == (cpu.figure, minutes.figure)


@pytest.mark.parametrize("text", ["", "cpu > 170", "cpu > 70.5", "cpu > 0.70", "cpu > 700"])
def test_a_text_cannot_claim_a_figure_that_it_does_not_hold(text: str) -> None:
    """Part of another number is not the number."""
    with pytest.raises(ValueError, match="SCALE-01 cpu_above_percent is 70, which stands nowhere"):
        Text.of(text, [figure("SCALE-01", "cpu_above_percent").percent])


@given(st.floats(0.001, 1e9) | st.integers(0, 10**9))
def test_a_number_is_written_so_that_it_reads_back(number: float) -> None:
    """In full, and as a whole number where it is one."""
    assert float(written(number)) == number
