"""The smoke test waits for a health endpoint, and says what it answered in the end."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tools.ci import verify
from tools.ci.steps import StepError


@contextmanager
def server(*answers: int) -> Generator[str]:
    """The URL of a server that gives `answers` one after another, the last one again and again."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
            """Say nothing."""

    serving = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{serving.server_port}/health"
    finally:
        serving.shutdown()
        thread.join()
        serving.server_close()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_PAUSE_SECONDS", 0)


def test_an_endpoint_may_need_a_while() -> None:
    """Instances that start answer 503 first."""
    with server(503, 503, 200) as url:
        verify.require_well(url, patience=30)


@pytest.mark.parametrize("code", [503, 204, 404])
def test_anything_but_well_is_a_failure(code: int) -> None:
    """After the patience is up, the answer is told."""
    with server(code) as url, pytest.raises(StepError, match=str(code)):
        verify.require_well(url, patience=0)


def test_an_endpoint_that_nobody_serves_is_a_failure() -> None:
    """The reason is the connection's."""
    with server(200) as url:
        pass
    with pytest.raises(StepError, match="refused"):
        verify.require_well(url, patience=0)
