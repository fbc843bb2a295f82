"""A real Prometheus over samples that a test wrote, and one that answers as it is told."""

import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

import httpx2

from scripts.cutover.watch.prometheus import Prometheus

IS_INSTALLED: Final = bool(shutil.which("prometheus") and shutil.which("promtool"))
_TRIES: Final = 100
_BETWEEN: Final = 0.1


@dataclass
class Exposition:
    """Samples by metric, as OpenMetrics has them: written at any time, kept in order."""

    lines: dict[str, list[tuple[float, str]]] = field(
        default_factory=dict[str, list[tuple[float, str]]]
    )

    def add(self, metric: str, labels: Mapping[str, str], at: float, value: float) -> None:
        """One sample of a series."""
        told = ",".join(f'{name}="{each}"' for name, each in labels.items())
        self.lines.setdefault(metric, []).append((at, f"{metric}{{{told}}} {value} {at}"))

    def text(self) -> str:
        """All of them."""
        parts: list[str] = []
        for metric, lines in self.lines.items():
            parts.append(f"# TYPE {metric} unknown")
            parts += [line for _, line in sorted(lines)]
        return "\n".join([*parts, "# EOF\n"])


@contextmanager
def served(exposition: Exposition, folder: Path) -> Generator[Prometheus]:
    """A Prometheus of Debian that has those samples."""
    written, config, data = folder / "metrics", folder / "prometheus.yml", folder / "data"
    written.write_text(exposition.text(), encoding="utf-8")
    config.write_text("{}", encoding="utf-8")
    made = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(written), str(data)]
    subprocess.run(made, check=True, capture_output=True)  # noqa: S603 - our own
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    with subprocess.Popen(  # noqa: S603 - our own
        [  # noqa: S607 - Debian's
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--storage.tsdb.retention.time=100y",
            "--log.level=error",
        ],
    ) as process:
        try:
            with httpx2.Client() as client:
                _wait(client, port)
                yield Prometheus(f"http://127.0.0.1:{port}/api/v1", None, client)
        finally:
            process.terminate()


def _wait(client: httpx2.Client, port: int) -> None:
    for _ in range(_TRIES):
        with contextlib.suppress(httpx2.HTTPError):
            if client.get(f"http://127.0.0.1:{port}/-/ready").is_success:
                return
        time.sleep(_BETWEEN)
    raise AssertionError("Prometheus does not start")


@dataclass
class Told:
    """What a workspace answers: by operation a status, and what it says."""

    answers: dict[str, tuple[int, object]] = field(default_factory=dict[str, tuple[int, object]])
    asked: list[tuple[str, Mapping[str, Sequence[str]], Mapping[str, str]]] = field(
        default_factory=list[tuple[str, Mapping[str, Sequence[str]], Mapping[str, str]]]
    )

    def matrix(self, *lines: tuple[Mapping[str, str], Sequence[tuple[float, str]]]) -> None:
        """Let each range be these lines."""
        result = [{"metric": labels, "values": values} for labels, values in lines]
        data = {"resultType": "matrix", "result": result}
        self.answers["query_range"] = (200, {"status": "success", "data": data})

    def series(self, *labels: Mapping[str, str]) -> None:
        """Let these series be there."""
        self.answers["series"] = (200, {"status": "success", "data": labels})


@contextmanager
def answering(told: Told) -> Generator[str]:
    """The address of a workspace on loopback that answers as `told`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            what = self.path.rpartition("/")[2]
            told.asked.append((what, parse_qs(body), dict(self.headers.items())))
            status, said = told.answers[what]
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/workspaces/ws-1/api/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
