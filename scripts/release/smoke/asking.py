"""Asking over HTTP: one request, its whole answer in time, and what went wrong in words."""

import json
import ssl
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final, cast

import httpx2
from pydantic import JsonValue

from policies.credentials import credential_in
from scripts.release.smoke.aim import Aim

_LARGEST: Final = 1_000_000
"""How many bytes of an answer are read: enough for a page."""
_CONNECTIONS: Final = 32
_SHORTEST_SECRET: Final = 4
_SHOWN: Final = 160


class SmokeFailureError(Exception):
    """A test did not find what it has to: what was asked, what came, what is allowed, what next."""

    def __init__(self, asked: str, came: str, allowed: str, advice: str) -> None:
        super().__init__(f"{asked}: {came}; allowed: {allowed}. {advice}")
        self.asked: Final = asked
        self.came: Final = came
        self.allowed: Final = allowed
        self.advice: Final = advice


@dataclass(frozen=True, slots=True)
class Tls:
    """The connection that an answer came over."""

    version: str
    certificate: Mapping[str, Any]
    """As `ssl` has it; verified against the chain and the name before it is shown here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request to a name of the environment."""

    host: str
    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: JsonValue = None
    scheme: str = "https"

    def __str__(self) -> str:
        return f"{self.method} {self.scheme}://{self.host}{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came."""

    status: int
    headers: Mapping[str, str]
    """By name in small letters."""
    content: bytes
    seconds: float
    tls: Tls | None

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode(errors="replace")

    def json(self) -> JsonValue:
        """The body as JSON.

        Raises:
            ValueError: it is none.
        """
        return cast("JsonValue", json.loads(self.content))


class Hidden:
    """What must never be shown: credentials, and what was saved from answers."""

    def __init__(self) -> None:
        self._texts: set[str] = set()

    def add(self, text: str) -> None:
        """Hide `text` from now on; what is too short to be a secret would hide half of a word."""
        if len(text) >= _SHORTEST_SECRET:
            self._texts.add(text)

    def clear(self, said: str) -> str:
        """`said` without any of it, on one line, and not too long.

        What looks like a credential all the same is left out: no record would hold it.
        """
        for text in sorted(self._texts, key=len, reverse=True):
            said = said.replace(text, "[hidden]")
        said = " ".join("".join(it if it.isprintable() else " " for it in said).split())
        if kind := credential_in(said):
            return f"(it looks like {kind}, and is not shown)"
        return said if len(said) <= 4 * _SHOWN else said[: 4 * _SHOWN] + "…"


class Asker:
    """Sends requests where they are aimed, over connections that are verified and kept."""

    def __init__(self, client: httpx2.AsyncClient, aim: Aim) -> None:
        self._client: Final = client
        self.aim: Final = aim
        self.hidden: Final = Hidden()
        self._always: dict[str, str] = {}

    def always(self, name: str, value: str) -> None:
        """Show the header `name` with each request from now on."""
        self._always[name] = value

    async def ask(self, asked: Asked) -> Answer:
        """The answer to `asked`; redirects are not followed, cookies not kept.

        Raises:
            SmokeFailureError: there is none.
        """
        address = self.aim.addresses.get(asked.host)
        scheme, netloc = (address.scheme, address.netloc) if address else (asked.scheme, asked.host)
        start = time.monotonic()
        try:
            async with self._client.stream(
                asked.method,
                f"{scheme}://{netloc}{asked.path}",
                headers={"host": asked.host, **self.aim.headers, **self._always, **asked.headers},
                json=asked.body,
                extensions={"sni_hostname": asked.host},
            ) as response:
                content = b""
                async for part in response.aiter_bytes():
                    content += part
                    if len(content) > _LARGEST:
                        break
                return Answer(
                    status=response.status_code,
                    headers=dict(response.headers.items()),
                    content=content[:_LARGEST],
                    seconds=time.monotonic() - start,
                    tls=_tls(response),
                )
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            where = f" at {netloc}" if address else ""
            raise SmokeFailureError(
                f"{asked}{where}",
                _no_answer(error),
                "an answer over a verified connection",
                "Look whether the name resolves, the load balancer has healthy targets and the "
                "certificate is the name's.",
            ) from None


@asynccontextmanager
async def asking(aim: Aim, roots: ssl.SSLContext | None = None) -> AsyncGenerator[Asker]:
    """Something to ask with; `roots` is trusted in the place of the machine's own."""
    context = roots or ssl.create_default_context()
    async with httpx2.AsyncClient(
        verify=context,
        trust_env=False,  # a proxy of this machine would be asked instead
        follow_redirects=False,
        timeout=None,  # each test has its own time, for everything that it asks
        limits=httpx2.Limits(max_connections=_CONNECTIONS),
        headers={"user-agent": f"slipway-smoke/{version('slipway')}", "accept": "*/*"},
    ) as client:
        yield Asker(client, aim)


def shown(value: object) -> str:
    """`value` in a message: short, on one line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def statuses(allowed: Sequence[int]) -> str:
    """`allowed` in words: `401 or 403`."""
    return "status " + " or ".join(map(str, allowed))


def _tls(response: httpx2.Response) -> Tls | None:
    stream = response.extensions.get("network_stream")
    ssl_object = stream.get_extra_info("ssl_object") if stream else None
    if ssl_object is None:
        return None
    found = cast("ssl.SSLObject", ssl_object)
    return Tls(found.version() or "", found.getpeercert() or {})


def _no_answer(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is refused: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return f"no answer: {str(error) or type(error).__name__}"
