"""Public endpoints are asked from outside; what asks tells a well one from any other."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from environments import Environment
from plan import Plan
from stacks.canaries.component import log_of
from stacks.canaries.health import ENDPOINT, TIMEOUT, UnwellError, handler
from tests.stacks.reading import of_type, only


@contextmanager
def answering(status: int, monkeypatch: pytest.MonkeyPatch) -> Generator[list[str]]:
    """An endpoint on loopback that answers `status`; gives the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the library
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{server.server_port}/health")
    monkeypatch.setenv(TIMEOUT, "5")
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_well_endpoint_is_a_run_that_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request, for the path that it was given."""
    with answering(200, monkeypatch) as asked:
        assert handler({}, None).endswith("is well")
    assert asked == ["/health"]


@pytest.mark.parametrize("status", [204, 301, 302, 404, 500, 503])
def test_any_other_answer_fails_the_run(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """A redirect, too: a page that asks to sign in is no health."""
    with answering(status, monkeypatch) as asked, pytest.raises(UnwellError, match=str(status)):
        handler({}, None)
    assert len(asked) == 1


def test_no_answer_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there."""
    with answering(200, monkeypatch):
        pass
    with pytest.raises(OSError, match="refused"):
        handler({}, None)


@pytest.mark.parametrize("name", ["staging", "production"])
def test_each_public_endpoint_has_a_canary_with_an_alarm(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], name: str
) -> None:
    """By https, under the name that users have, every minute; silence of the canary alarms, too."""
    plan, record = plan_of(name), record_of(name)
    canaries = {one.name: one for one in of_type(plan, "synthetics/canary")}
    public = {service for service, it in record.services.items() if it.is_public}
    assert set(canaries) == public | ({"frontend"} if record.frontend else set())
    for endpoint, canary in canaries.items():
        variables = canary.node("runConfig").node("environmentVariables")
        assert (variables.text(ENDPOINT) or "").startswith("https://")
        assert canary.node("schedule").text("expression") == "rate(1 minute)"
        alarm = only(plan, "cloudwatch/metricAlarm", f"{endpoint}-unreachable")
        assert alarm.node("dimensions").text("CanaryName") == canary.text("name")
        assert alarm.text("treatMissingData") == "breaching"
    prover = canaries["prover"].node("runConfig").node("environmentVariables")
    assert prover.text(ENDPOINT) == f"https://{record.edge.name}/prove/health"


@pytest.mark.parametrize("name", ["staging", "production"])
def test_a_canary_writes_to_a_log_of_the_stack_and_makes_none(
    plan_of: Callable[[str], Plan], name: str
) -> None:
    """One that its function made would have no key and end never; AWS draws the end of its name."""
    plan = plan_of(name)
    for canary in of_type(plan, "synthetics/canary"):
        group = only(plan, "cloudwatch/logGroup", f"canary-{canary.name}")
        assert group.number("retentionInDays")
        assert group.has("kmsKeyId")
        (named,) = group.resource.property_dependencies["name"]
        assert named == canary.resource.urn
    policy = only(plan, "iam/rolePolicy", "canaries").text("policy") or ""
    assert "logs:CreateLogGroup" not in policy
    assert "/aws/lambda/cwsyn-" in policy
    arn = "arn:aws:lambda:us-east-1:333333333333:function:cwsyn-production-api-health-1a2b:7"
    assert log_of(arn) == "/aws/lambda/cwsyn-production-api-health-1a2b"


@pytest.mark.parametrize("name", ["integration", "development"])
def test_where_nobody_is_served_nobody_asks(plan_of: Callable[[str], Plan], name: str) -> None:
    """MON-08 does not ask it of them."""
    assert not of_type(plan_of(name), "synthetics/canary")
