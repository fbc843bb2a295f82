"""A workspace that answers badly or not: what is seen then, and what is said before the start."""

from collections.abc import Iterator, Mapping

import httpx2
import pytest

from scripts.cutover.judgement.decisions import Finding, Kind
from scripts.cutover.judgement.gates import Watched
from scripts.cutover.judgement.judge import Stage, judge
from scripts.cutover.judgement.observations import Levels
from scripts.cutover.watch.prometheus import Prometheus
from scripts.cutover.watch.signing import AwsSigner
from tests.scripts.cutover.watch.prometheus import Told, answering
from tests.scripts.cutover.watch.scene import START, Scene, baseline, stage

OK: Mapping[str, object] = {"status": "success"}
NOTHING: Mapping[str, str] = {}


def _matrix(*result: object) -> Mapping[str, object]:
    return {**OK, "data": {"resultType": "matrix", "result": result}}


@pytest.fixture
def told() -> Told:
    """A workspace in which a counter stays at zero."""
    made = Told()
    made.matrix(({"aws_ecs_task_arn": "a"}, [(START + 60 * each, "0") for each in range(-15, 10)]))
    made.series({"job": "api"})
    return made


@pytest.fixture
def scene(told: Told) -> Iterator[Scene]:
    """A service with a database, seen ten minutes after the stage began."""
    with answering(told) as address, httpx2.Client() as client:
        made = Scene(prometheus=Prometheus(address, None, client))
        made.clock.time = START + 600
        yield made


def _stage() -> Stage:
    return stage(watched=Watched(service="api", baseline=baseline(), has_database=True))


def _finding(scene: Scene) -> Finding:
    seen = scene.watch().observe(_stage())
    decision = judge(_stage(), seen, scene.clock.now())
    assert decision.kind is not Kind.CONTINUE
    (found,) = (each for each in decision.reasons if each.gate.startswith("api/database"))
    return found.finding


def test_a_counter_that_stays_passes(scene: Scene, told: Told) -> None:
    """What is asked is of the service's own tasks."""
    assert _finding(scene) is Finding.PASSED
    what, fields, _ = told.asked[0]
    assert what == "query_range"
    assert 'database_connection_failures_total{job="api"}' in fields["query"][0]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (503, {"status": "error", "error": "overloaded"}),
        (429, {"status": "error", "error": "too many"}),
        (403, {"message": "not authorized"}),
        (400, {"status": "error", "errorType": "bad_data", "error": "parse error"}),
        (200, b"<html>"),
        (200, b"[]"),
        (200, {"status": "error", "error": "half"}),
        (200, {**OK, "data": {"resultType": "vector"}}),
        (200, _matrix({"metric": NOTHING})),
        (200, _matrix({"metric": NOTHING, "values": [[1]]})),
        (200, {**OK, "data": None}),
        (200, {**_matrix(), "warnings": ["a store is off"]}),
    ],
)
def test_a_bad_answer_is_no_data(scene: Scene, told: Told, status: int, said: object) -> None:
    """Neither good nor bad; and the run goes on."""
    told.answers["query_range"] = (status, said)
    watch = scene.watch()
    seen = watch.observe(_stage())
    assert seen.new["api/database connections"] == Levels()
    assert "api/database connections (new side)" in watch.troubles
    assert _finding(scene) is Finding.UNKNOWN


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
def test_a_value_that_is_no_number_does_not_pass(scene: Scene, told: Told, value: str) -> None:
    """Prometheus has values like that."""
    samples = [(START + 60 * each, "0") for each in range(9)]
    told.matrix(({"aws_ecs_task_arn": "a"}, [*samples, (START + 540, value)]))
    assert _finding(scene) is not Finding.PASSED


def test_a_metric_that_nobody_ever_wrote_is_said_to_be_so(scene: Scene, told: Told) -> None:
    """A name that is misspelt is found before the start, not taken for silence."""
    told.matrix()
    told.series()
    assert "api/database connections" not in scene.watch().observe(_stage()).new
    told.series({"job": "api"})
    assert scene.watch().observe(_stage()).new["api/database connections"] == Levels()


def test_a_workspace_out_of_reach_is_no_data() -> None:
    """And is named before the start."""
    with httpx2.Client() as client:
        scene = Scene(prometheus=Prometheus("http://127.0.0.1:9/api/v1", None, client))
        scene.clock.time = START + 600
        assert _finding(scene) is Finding.UNKNOWN
        refusals = scene.watch().refusals()
    assert [each.partition(" ")[0] for each in refusals] == ["aps:QueryMetrics", "aps:GetSeries"]


def test_a_missing_permission_is_named_before_the_start(scene: Scene, told: Told) -> None:
    """By the name that a policy has for it."""
    assert not scene.watch().refusals()
    told.answers["query_range"] = (403, {"message": "no"})
    (refusal,) = scene.watch().refusals()
    assert refusal.startswith("aps:QueryMetrics does not work")


class Frozen:
    """Credentials of nobody."""

    access_key, secret_key, token = "AKIDEXAMPLE", "secret", "session"

    def get_frozen_credentials(self) -> "Frozen":
        """They do not change."""
        return self


def test_requests_are_signed_with_their_body(told: Told) -> None:
    """AWS refuses what was changed on its way."""
    signer = AwsSigner(Frozen(), "eu-west-1")
    with answering(told) as address, httpx2.Client() as client:
        Prometheus(address, signer, client).range("vector(1)", START, START + 60)
    ((_, fields, headers),) = told.asked
    assert fields["query"] == ["vector(1)"]
    signed: Mapping[str, str] = {name.lower(): value for name, value in headers.items()}
    assert "/eu-west-1/aps/aws4_request" in signed["authorization"]
    assert "secret" not in str(signed)
    assert signed["x-amz-security-token"] == "session"
    first, second = (
        signer.headers(address, body)["Authorization"] for body in (b"query=a", b"query=b")
    )
    assert first != second
