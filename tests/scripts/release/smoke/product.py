"""A product on loopback behind real TLS, with everything that smoke tests ask, and faults."""

import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from environments import Environment, load
from environments.smoke import Smoke
from scripts.release.smoke.aim import Aim, public
from scripts.release.smoke.asking import asking
from scripts.release.smoke.chain import GENESIS
from scripts.release.smoke.results import Result
from scripts.release.smoke.suite import run, suite
from scripts.release.smoke.tests import Ground, Telemetry
from tests.environments.records import PROJECT

KEY: Final = "smoke-key-4711"
_LIMIT: Final = 20
_SECURE: Final = {
    "Strict-Transport-Security": "max-age=31536000",
    "Content-Security-Policy": "default-src 'none'",
    "X-Frame-Options": "DENY",
}
_PAGE: Final = (
    '<!doctype html><script src="/app.js"></script><link rel="stylesheet" href="style.css">'
    '<script src="https://elsewhere.invalid/x.js"></script>'
)


@dataclass
class Product:
    """What answers, and what of it is broken."""

    faults: set[str] = field(default_factory=set[str])
    asked: Counter[str] = field(default_factory=Counter[str])
    """How often each path was asked for."""
    shown: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """The headers of each request."""
    records: dict[str, Any] = field(default_factory=dict[str, Any])

    def has(self, fault: str) -> bool:
        """Whether that is broken."""
        return fault in self.faults


class Handler(BaseHTTPRequestHandler):
    """Answers as the product of the example environments does."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one packet
    product: Product
    environment: Environment

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer."""
        self._answer()

    do_POST = do_GET  # noqa: N815 - the base class's names
    do_DELETE = do_GET  # noqa: N815

    def _answer(self) -> None:
        product, path = self.product, self.path
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        product.asked[path] += 1
        product.shown.append({name.lower(): value for name, value in self.headers.items()})
        if self.environment.frontend and self.headers["host"] == self.environment.frontend.name:
            self._pages(path)
        elif path.startswith("/rpc"):
            self._node(cast("dict[str, str]", body))
        else:
            self._api(path, body)

    def _api(self, path: str, body: object) -> None:
        product = self.product
        origin = self.headers.get("origin")
        allowed = origin in self.environment.edge.allowed_origins
        if origin and not allowed and not product.has("any origin"):
            self._send(403, None)
        elif path == "/health":
            self._send(503 if product.has("api down") else 200, {"status": "ok"})
        elif path == "/prove/health":
            self._send(500 if product.has("prover down") else 200, {"status": "ok"})
        elif path == "/sign-in":
            over = product.asked[path] > _LIMIT and not product.has("no limit")
            bursts = product.has("bursts pass") and product.asked[path] % 2
            self._send(429 if over and not bursts else 401, None)
        elif self.headers.get("x-api-key") != KEY and not product.has("anybody"):
            self._send(401, None)
        elif product.has("keys refused"):
            self._send(403, None)
        elif path == "/account":
            self._send(200, {"key": KEY})
        else:
            self._journey(path, body)

    def _journey(self, path: str, body: object) -> None:
        product, method = self.product, self.command
        if path == "/payments" and method == "POST":
            self._send(500 if product.has("no payments") else 402, {"id": "payment-17"})
        elif path == "/payments/payment-17":
            status = KEY if product.has("leaks") else "awaiting-proof"
            self._send(200, {"status": status})
        elif path == "/records" and method == "POST":
            product.records["record-99"] = {} if self._forgets() else body
            self._send(201, {"id": "record-99"})
        elif path == "/records/record-99" and method == "DELETE":
            product.records.clear()
            self._send(204, None)
        elif path == "/records/record-99":
            self._send(200, product.records["record-99"])
        else:
            self._send(404, None)

    def _forgets(self) -> bool:
        is_at_times = self.product.has("forgets at times") and self.product.asked["/records"] % 2
        return self.product.has("forgets") or bool(is_at_times)

    def _pages(self, path: str) -> None:
        if path in {"/", "/payments"} and not self.product.has("no pages"):
            self._send(200, _PAGE, "text/html; charset=utf-8")
        elif path in {"/app.js", "/style.css"} and not self.product.has("no script"):
            self._send(200, "1", "text/javascript")
        else:
            self._send(404, None)

    def _node(self, call: dict[str, str]) -> None:
        cluster = self.environment.solana.cluster
        others = [hash_ for name, hash_ in GENESIS.items() if name is not cluster]
        results: dict[str, object] = {
            "getHealth": "ok",
            "getSlot": 1_000,
            "getGenesisHash": others[0] if self.product.has("other chain") else GENESIS[cluster],
        }
        if call["method"] == "getHealth" and self.product.has("node behind"):
            told = {"code": -32005, "message": "Node is behind by 42 slots"}
            self._send(200, {"jsonrpc": "2.0", "id": 1, "error": told})
        else:
            self._send(200, {"jsonrpc": "2.0", "id": 1, "result": results[call["method"]]})

    def _send(self, status: int, content: object, kind: str = "application/json") -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        data = b"" if content is None else text.encode()
        if self.product.has("slow") and self.path in {"/health", "/"}:
            time.sleep(0.51)
        self.send_response(status)
        for name, value in _SECURE.items():
            if not self.product.has(f"no {name}"):
                self.send_header(name, value)
        origin = self.headers.get("origin")
        is_let_in = origin in self.environment.edge.allowed_origins or self.product.has(
            "any origin"
        )
        if origin and is_let_in and not self.product.has("no origins"):
            self.send_header("Access-Control-Allow-Origin", origin)
        if data:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Arrived(Telemetry):
    """Logs and metrics that arrive as the product's faults say."""

    def __init__(self, product: Product) -> None:
        self.product = product

    def logged(self, service: str, *, since: float) -> int:
        """From one task, unless it is mute."""
        assert since
        return 0 if self.product.has(f"mute {service}") else 1

    def measured(self, service: str, *, since: float) -> int:
        """A point, unless it is not measured."""
        assert since
        return 0 if self.product.has(f"unmeasured {service}") else 3

    def report(self) -> str:
        """Take it."""
        return "an event"

    def has_reported(self, event: str, *, since: float) -> bool:
        """It is there, unless it is lost."""
        assert since
        return event == "an event" and not self.product.has("lost events")


@dataclass(frozen=True)
class Stand:
    """The product, where it listens, and what trusts it."""

    product: Product
    environment: Environment
    address: str
    authority: Path
    roots: ssl.SSLContext

    @property
    def aim(self) -> Aim:
        """The smoke tests' aim at it, pages and all."""
        return public(self.environment, address=self.address, pages=self.address)

    async def results(self, aim: Aim | None = None, secret: str = KEY) -> list[Result]:
        """What the smoke tests find."""
        asked = suite(self.environment, aim or self.aim)
        async with asking(asked.aim, self.roots) as asker:
            ground = Ground(
                asker=asker,
                read_secret=lambda _: SecretStr(secret),
                telemetry=lambda: Arrived(self.product),
                folder=PROJECT,
            )
            return await run(asked, ground)


def environment_of(name: str, **smoke: object) -> Environment:
    """An environment of this project, whose own smoke tests are `smoke` besides."""
    found = load(name, PROJECT)
    told = found.smoke.model_dump(by_alias=True, exclude_none=True) | smoke
    return found.model_copy(update={"smoke": Smoke.model_validate(told)})


@contextmanager
def listening(
    environment: Environment, folder: Path, *, days: int = 60, name: str | None = None
) -> Generator[Stand]:
    """The product of `environment` on a port of this machine; its certificate lasts `days`."""
    product = Product()
    names = [name] if name else [environment.edge.name]
    names += [environment.frontend.name] if environment.frontend else []
    authority = _certify(folder, names, days)
    node = _serve(product, environment)
    port = node.server_address[1]
    solana = environment.solana.model_copy(
        update={"rpc_urls": (f"http://127.0.0.1:{port}/rpc?key=node-key-0815",)}
    )
    told = environment.model_copy(update={"solana": solana})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    server = _serve(product, told, context)
    roots = ssl.create_default_context(cafile=str(authority))
    try:
        address = f"https://127.0.0.1:{server.server_address[1]}"
        yield Stand(product, told, address, authority, roots)
    finally:
        for each in (server, node):
            each.shutdown()
            each.server_close()


def _serve(
    product: Product, environment: Environment, context: ssl.SSLContext | None = None
) -> ThreadingHTTPServer:
    class Own(Handler):
        pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 64

        def get_request(self) -> tuple[socket.socket, Any]:
            """A connection; its handshake is its own thread's."""
            found, address = super().get_request()
            if context:
                found = context.wrap_socket(found, server_side=True, do_handshake_on_connect=False)
            return found, address

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not trust the certificate is what some tests are about."""

    Own.product, Own.environment = product, environment
    server = Server(("127.0.0.1", 0), Own)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


def _certify(folder: Path, names: list[str], days: int) -> Path:
    """A certificate for `names` in `server.pem`, and the authority's own; the latter's path."""
    now = datetime.now(UTC)
    own, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "smoke authority")])
    root = (
        x509.CertificateBuilder()
        .subject_name(issuer)
        .issuer_name(issuer)
        .public_key(own.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=400))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(own, hashes.SHA256())
    )
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(2)
        .not_valid_before(now - timedelta(days=300))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(map(x509.DNSName, names)), critical=False)
        .sign(own, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(private + leaf.public_bytes(Encoding.PEM))
    authority = folder / "authority.pem"
    authority.write_bytes(root.public_bytes(Encoding.PEM))
    return authority
