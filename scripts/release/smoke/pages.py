"""Whether the pages load, with all that they name, and every route answers (SMOKE-10)."""

from collections.abc import Iterator, Sequence
from functools import partial
from html.parser import HTMLParser
from statistics import median
from typing import Final
from urllib.parse import urljoin, urlsplit

from environments import Environment
from scripts.release.smoke.aim import Aim
from scripts.release.smoke.asking import Answer, Asked, SmokeFailureError
from scripts.release.smoke.tests import Ground, SmokeTest
from standards import figure

_OK: Final = 200
_TRIES: Final = 3
_MOST: Final = 30
"""How many files of a page are asked for."""


def pages(environment: Environment, aim: Aim) -> Iterator[SmokeTest]:
    """The test of each route, and one of their speed; where `aim` can reach them."""
    frontend = environment.frontend
    if frontend is None or not environment.must("SMOKE-10"):
        return
    if not aim.is_direct and frontend.name not in aim.addresses:
        return
    routes = dict.fromkeys(("/", *environment.smoke.routes))
    for route in routes:
        asked = Asked(host=frontend.name, path=route)
        yield SmokeTest(
            name=f"page {route}",
            requirements=("SMOKE-10", *(["SMOKE-01"] if route == "/" else [])),
            asks=f"{asked}: status {_OK}, a page, and so for each script and style that it names",
            run=partial(_loads, asked),
            seconds=environment.smoke.seconds * 2,
        )
    most = figure("MON-10", "latency_p95_below_ms").milliseconds
    yield SmokeTest(
        name="speed of pages",
        requirements=("SMOKE-10", "MON-10"),
        asks=f"each of {len(routes)} routes {_TRIES} times: half of them in under {most} ms",
        run=partial(_are_fast, frontend.name, list(routes), most),
        seconds=environment.smoke.seconds * len(routes),
        critical=False,
    )


async def _loads(asked: Asked, ground: Ground) -> str:
    answer = await _page(asked, ground)
    own = _Files(f"https://{asked.host}{asked.path}")
    own.feed(answer.text)
    files = list(dict.fromkeys(path for host, path in own.found if host == asked.host))[:_MOST]
    for path in files:
        file = Asked(host=asked.host, path=path)
        found = await ground.asker.ask(file)
        if found.status != _OK:
            raise SmokeFailureError(
                f"{file}, which {asked} names",
                f"status {found.status}",
                f"status {_OK}",
                "The release lacks a file of its own: upload it whole, then point to it.",
            )
    return f"status {_OK}, with {len(files)} file{'s' * (len(files) != 1)}"


async def _are_fast(host: str, routes: Sequence[str], most: float, ground: Ground) -> str:
    asking = {route: Asked(host=host, path=route) for route in routes}
    found = {
        route: median([(await _page(asked, ground)).seconds for _ in range(_TRIES)]) * 1000
        for route, asked in asking.items()
    }
    said = ", ".join(f"{route} {ms:.0f} ms" for route, ms in found.items())
    if any(ms >= most for ms in found.values()):
        raise SmokeFailureError(
            f"each of {len(found)} routes {_TRIES} times",
            said,
            f"half of the answers in under {most} ms",
            "Look whether the CDN serves them from its cache (x-cache), and at their size.",
        )
    return said


async def _page(asked: Asked, ground: Ground) -> Answer:
    answer = await ground.asker.ask(asked)
    kind = answer.headers.get("content-type", "")
    if answer.status != _OK or not kind.startswith("text/html"):
        raise SmokeFailureError(
            str(asked),
            f"status {answer.status}, {kind or 'no content-type'}",
            f"status {_OK}, text/html",
            "Look which release the pointer names, and whether its folder is in the bucket.",
        )
    return answer


class _Files(HTMLParser):
    """The scripts and styles that a page names, as host and path."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what the browser would load at once."""
        has = dict(attrs)
        is_loaded = (has.get("rel") or "").lower() in {"stylesheet", "modulepreload"}
        named = has.get("src") if tag == "script" else has.get("href") if is_loaded else None
        if not named:
            return
        try:
            parts = urlsplit(urljoin(self._base, named))
        except ValueError:
            return
        query = f"?{parts.query}" if parts.query else ""
        self.found.append((parts.hostname or "", f"{parts.path}{query}"))
