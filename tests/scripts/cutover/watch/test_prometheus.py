"""Series from a real Prometheus: counters that begin, reset and end, levels, and silence."""

from collections.abc import Iterator, Mapping

import pytest

from scripts.cutover.judgement.observations import Counts, Levels, Series
from scripts.cutover.watch.chain import REVISION, asked
from scripts.cutover.watch.prometheus import ARRIVED, Prometheus, Ranges
from tests.scripts.cutover.watch.prometheus import IS_INSTALLED, Exposition, served
from tests.scripts.cutover.watch.scene import START

pytestmark = pytest.mark.skipif(not IS_INSTALLED, reason="Debian's prometheus is not installed")

END = START + 600
HOURS = 3 * 3600
NEW = {"job": "api", REVISION: "8"}
OLD = {"job": "api", REVISION: "7"}
OF_A = {**NEW, "aws_ecs_task_arn": "a"}
OF_B = {**NEW, "aws_ecs_task_arn": "b"}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One that was told of ten minutes of a service, each quarter of a minute."""
    exposition = Exposition()
    for at in range(int(START), int(END) + 1, 15):
        _write(exposition, at)
    for number, at in enumerate(range(int(START) - HOURS, int(END) + 1, 60)):
        is_wild = at >= START + 120
        exposition.add("market:trades:rate5m", {}, at, 500.0 if is_wild else 100 + number % 3)
    with served(exposition, tmp_path_factory.mktemp("prometheus")) as made:
        yield made


def _write(exposition: Exposition, at: int) -> None:
    passed = at - START
    of_chain = "solana_transactions_total"
    for labels, per_second in (
        ({**OF_A, "outcome": "succeeded"}, 2),
        ({**OLD, "aws_ecs_task_arn": "c", "outcome": "succeeded"}, 20),
    ):
        exposition.add(of_chain, labels, at, per_second * passed)
    if passed >= 180:  # the first failure makes the counter
        failed = {**OF_A, "outcome": "failed"}
        exposition.add(of_chain, failed, at, 3)
    if passed >= 300:  # a task that starts in the midst, and is restarted once
        started = 300 if passed < 450 else 450
        exposition.add(of_chain, {**OF_B, "outcome": "succeeded"}, at, passed - started)
    if passed >= 240:
        exposition.add("zk_proofs_invalid_total", OF_B, at, 1)
    exposition.add("database_connection_failures_total", OF_A, at, 0)
    for instruction, used in (("swap", 120_000), ("list", 190_000)):
        labels = {**OF_A, "program": "p", "instruction": instruction}
        exposition.add("solana_compute_units_used", labels, at, used)
        exposition.add("solana_compute_units_limit", labels, at, 200_000)
    oracle = {**OF_A, "oracle": "sol"}
    exposition.add(
        "market_oracle_updated_timestamp_seconds", oracle, at, at if passed < 300 else START + 300
    )
    breaker = {**OF_A, "breaker": "price"}
    exposition.add("market_circuit_breaker_tripped", breaker, at, float(passed >= 420))
    for code, per_second in (("200", 9), ("503", 1)):
        labels = {**OF_A, "http_response_status_code": code}
        exposition.add(
            "http_server_request_duration_seconds_count", labels, at, per_second * passed
        )
    for le, per_second in (("0.1", 5), ("0.25", 8), ("0.5", 9), ("1", 9.5), ("+Inf", 10)):
        labels = {**OF_A, "le": le}
        exposition.add(
            "http_server_request_duration_seconds_bucket", labels, at, per_second * passed
        )
    if passed < 200:
        exposition.add("security_alerts_total", OF_A, at, 0)


def _seen(prometheus: Prometheus, series: str, labels: Mapping[str, str] = NEW) -> Series:
    question = asked(series, labels)
    assert question is not None
    return question.make(*Ranges(prometheus).read(question.query, START, END + ARRIVED))


def test_transactions_are_counted_of_one_side(prometheus: Prometheus) -> None:
    """The other side's are not among them; failures are, and a task that starts or restarts."""
    seen = _seen(prometheus, "transactions")
    assert isinstance(seen, Counts)
    assert seen.at == tuple(START + 60 * each for each in range(1, 11))
    assert seen.total == (120, 120, 123, 120, 120, 180, 180, 150, 180, 180)
    assert seen.bad == (0, 0, 3, 0, 0, 0, 0, 0, 0, 0)


def test_the_first_event_is_counted_though_it_makes_the_counter(prometheus: Prometheus) -> None:
    """`increase` would see nothing of it."""
    seen = _seen(prometheus, "invalid proofs")
    assert isinstance(seen, Levels)
    assert seen.value[0] == 1
    assert sum(seen.value) == 1


def test_an_event_of_a_counter_that_was_there_is_counted(prometheus: Prometheus) -> None:
    """Failed transactions began with three at once."""
    seen = _seen(prometheus, "transactions")
    assert isinstance(seen, Counts)
    assert sum(seen.bad) == 3


def test_a_counter_that_stays_shows_zeros(prometheus: Prometheus) -> None:
    """Nothing happened, and it is known."""
    seen = _seen(prometheus, "database connections")
    assert seen == Levels(tuple(START + 60 * each for each in range(1, 11)), (0.0,) * 10)


def test_the_highest_share_of_compute_units_counts(prometheus: Prometheus) -> None:
    """Of all instructions."""
    seen = _seen(prometheus, "compute units")
    assert isinstance(seen, Levels)
    assert set(seen.value) == {95}


def test_the_age_of_an_oracle_grows_when_nobody_updates_it(prometheus: Prometheus) -> None:
    """In seconds."""
    seen = _seen(prometheus, "oracle")
    assert isinstance(seen, Levels)
    assert seen.value[:6] == (0,) * 6
    assert seen.value[-1] == 300


def test_a_tripped_breaker_shows(prometheus: Prometheus) -> None:
    """From the moment on at which it tripped."""
    seen = _seen(prometheus, "breakers")
    assert isinstance(seen, Levels)
    assert seen.value == (0,) * 7 + (1,) * 4


def test_trading_is_unusual_once_it_has_been_for_minutes(prometheus: Prometheus) -> None:
    """One large order is not."""
    seen = _seen(prometheus, "trading", {})
    assert isinstance(seen, Levels)
    assert seen.value[:5] == (0,) * 5
    assert seen.value[-1] == 1


def test_a_service_without_a_load_balancer_counts_its_own_requests(
    prometheus: Prometheus,
) -> None:
    """5xx fail; the others are served."""
    seen = _seen(prometheus, "errors")
    assert isinstance(seen, Counts)
    assert set(seen.total) == {600}
    assert set(seen.bad) == {60}
    assert set(cast_levels(_seen(prometheus, "throughput")).value) == {9}


def cast_levels(series: Series) -> Levels:
    """`series`, which has levels."""
    assert isinstance(series, Levels)
    return series


def test_slower_requests_are_those_beyond_a_bound_that_is_surely_within(
    prometheus: Prometheus,
) -> None:
    """600 ms lie between the bounds of 0.5 s and 1 s: what is in between may be slower."""
    seen = _seen(prometheus, "slower than 600")
    assert isinstance(seen, Counts)
    assert set(seen.bad) == {60}
    assert _seen(prometheus, "slower than 50") == Counts()


def test_what_no_task_says_any_more_ends(prometheus: Prometheus) -> None:
    """Prometheus itself would show its last value for five minutes more."""
    seen = _seen(prometheus, "security alerts")
    assert seen.at[-1] <= START + 300


def test_a_metric_that_nobody_writes_is_told_from_one_that_is_silent(
    prometheus: Prometheus,
) -> None:
    """Both have no data; only one of them ever had."""
    assert prometheus.is_written('security_alerts_total{job="api"}', END)
    assert not prometheus.is_written('security_alerts_total{job="other"}', END)
    assert not prometheus.is_written("security_alert_total", END)


def test_a_later_poll_reads_only_what_is_new(prometheus: Prometheus) -> None:
    """And has the same series in the end."""
    question = asked("transactions", NEW)
    assert question is not None
    ranges = Ranges(prometheus)
    for now in (START + 200, START + 400):
        ranges.read(question.query, START, now)
    made = question.make(*ranges.read(question.query, START, END + ARRIVED))
    assert made == _seen(prometheus, "transactions")
