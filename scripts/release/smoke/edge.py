"""What the edge promises: certificates, headers, the way to TLS, who may call from a browser."""

import ssl
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from environments import Environment
from scripts.release.smoke.aim import Aim
from scripts.release.smoke.asking import Asked, SmokeFailureError
from scripts.release.smoke.tests import Ground, SmokeTest

_DAY: Final = 24 * 3600
_VERSIONS: Final = ("TLSv1.2", "TLSv1.3")
_REDIRECTS: Final = (301, 308)
_ELSEWHERE: Final = "https://smoke-test.invalid"
_HEADERS: Final[Mapping[str, str]] = {
    "strict-transport-security": "max-age=",
    "content-security-policy": "",
    "x-frame-options": "",
}
"""The headers of NET-07, and what each has to hold."""


def edge(environment: Environment, aim: Aim) -> Iterator[SmokeTest]:
    """The tests of the edge that `aim` can meet."""
    hosts = [environment.edge.name]
    if environment.frontend and (aim.is_direct or environment.frontend.name in aim.addresses):
        hosts.append(environment.frontend.name)
    for host in hosts:
        address = aim.addresses.get(host)
        path = environment.edge.health_path if host == environment.edge.name else "/"
        asked, seconds = Asked(host=host, path=path), environment.smoke.seconds
        if environment.must("NET-04") and (address is None or address.scheme == "https"):
            days = environment.smoke.certificate_days
            yield SmokeTest(
                name=f"certificate of {host}",
                requirements=("NET-04",),
                asks=f"{asked}: TLS 1.2 or 1.3, trusted, of that name, for {days} days more",
                run=partial(_has_certificate, asked, days),
                seconds=seconds,
                critical=False,  # where it is refused, health is not seen either
            )
        if environment.must("NET-07"):
            yield SmokeTest(
                name=f"headers of {host}",
                requirements=("NET-07",),
                asks=f"{asked}: {', '.join(_HEADERS)}",
                run=partial(_has_headers, asked),
                seconds=seconds,
                critical=False,
            )
        if environment.must("NET-01") and address is None:
            yield SmokeTest(
                name=f"redirect of {host}",
                requirements=("NET-01",),
                asks=f"GET http://{host}{path}: a redirect to https, and nothing else",
                run=partial(_redirects, host, path),
                seconds=seconds,
                critical=False,
            )
    if environment.must("NET-08"):
        yield from _cors(environment)


def _cors(environment: Environment) -> Iterator[SmokeTest]:
    asked = Asked(host=environment.edge.name, path=environment.edge.health_path)
    for origin in environment.edge.allowed_origins:
        is_own = environment.frontend and origin == f"https://{environment.frontend.name}"
        yield SmokeTest(
            name=f"calls from {origin}",
            requirements=("NET-08", *(["SMOKE-10"] if is_own else [])),
            asks=f"{asked} from {origin}: allowed, for that origin",
            run=partial(_lets_in, asked, origin),
            seconds=environment.smoke.seconds,
        )
    yield SmokeTest(
        name="calls from elsewhere",
        requirements=("NET-08",),
        asks=f"{asked} from {_ELSEWHERE}: refused",
        run=partial(_keeps_out, asked, environment.must("NET-05")),
        seconds=environment.smoke.seconds,
        critical=False,
    )


async def _has_certificate(asked: Asked, days: int, ground: Ground) -> str:
    answer = await ground.asker.ask(asked)
    if answer.tls is None or answer.tls.version not in _VERSIONS:
        raise SmokeFailureError(
            str(asked),
            answer.tls.version if answer.tls else "no TLS",
            " or ".join(_VERSIONS),
            "Set the listener's policy to ELBSecurityPolicy-TLS13-1-2-2021-06.",
        )
    until = str(answer.tls.certificate.get("notAfter", ""))
    left = (ssl.cert_time_to_seconds(until) - time.time()) / _DAY
    said = f"{answer.tls.version}, valid for {left:.0f} days more"
    if left < days:
        raise SmokeFailureError(
            str(asked),
            said,
            f"{days} days more (smoke.certificateDays)",
            "AWS renews by itself: look at the validation records in DNS (NET-04).",
        )
    return said


async def _has_headers(asked: Asked, ground: Ground) -> str:
    answer = await ground.asker.ask(asked)
    missing = [
        name
        for name, holds in _HEADERS.items()
        if not answer.headers.get(name) or holds not in answer.headers[name]
    ]
    if missing:
        raise SmokeFailureError(
            str(asked),
            f"without {', '.join(missing)}",
            f"all of {', '.join(_HEADERS)}",
            "The load balancer adds them: look whether its listener is as the stack has it.",
        )
    return f"all {len(_HEADERS)} are there"


async def _redirects(host: str, path: str, ground: Ground) -> str:
    asked = Asked(host=host, path=path, scheme="http")
    answer = await ground.asker.ask(asked)
    to = answer.headers.get("location", "")
    if answer.status not in _REDIRECTS or not to.startswith(f"https://{host}"):
        raise SmokeFailureError(
            str(asked),
            f"status {answer.status} {to}".strip(),
            f"a redirect to https://{host}",
            "Port 80 only redirects: look at the listener on it.",
        )
    return f"status {answer.status} to https"


async def _lets_in(asked: Asked, origin: str, ground: Ground) -> str:
    call = Asked(host=asked.host, path=asked.path, headers={"origin": origin})
    answer = await ground.asker.ask(call)
    told = answer.headers.get("access-control-allow-origin", "")
    if answer.status >= 400 or told != origin:  # noqa: PLR2004 - where errors begin
        raise SmokeFailureError(
            f"{asked} from {origin}",
            f"status {answer.status}, access-control-allow-origin {told or 'missing'}",
            f"success, with access-control-allow-origin {origin}",
            "Pages of that origin cannot call: compare ALLOWED_ORIGINS of the service with "
            "slipway:edge.allowedOrigins.",
        )
    return f"status {answer.status}, allowed"


async def _keeps_out(asked: Asked, has_firewall: bool, ground: Ground) -> str:  # noqa: FBT001 - as partial binds it
    """A firewall refuses; without one, the browser does where no header allows it."""
    call = Asked(host=asked.host, path=asked.path, headers={"origin": _ELSEWHERE})
    answer = await ground.asker.ask(call)
    told = answer.headers.get("access-control-allow-origin", "")
    is_let_in = answer.status < 400 and has_firewall  # noqa: PLR2004 - where errors begin
    if is_let_in or told in {"*", _ELSEWHERE}:
        raise SmokeFailureError(
            f"{asked} from {_ELSEWHERE}",
            f"status {answer.status}" + (f", access-control-allow-origin {told}" if told else ""),
            "a refusal: origins are a list of real domains",
            "Look at the firewall's rule foreign-origin, and at what the service answers.",
        )
    return f"status {answer.status}, not allowed"
