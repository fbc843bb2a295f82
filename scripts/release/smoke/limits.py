"""Whether a documented limit on requests is held, by as few requests as show it (SMOKE-08)."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Final

from pydantic import JsonValue

from environments import Environment
from scripts.release.smoke.asking import Asked, SmokeFailureError
from scripts.release.smoke.tests import Ground, SmokeTest

_MOST: Final = 200
_TEN_MINUTES: Final = 600
_TOO_MANY: Final = 429
_LONGEST: Final = 100.0
"""Seconds: a firewall counts every ten seconds, and refuses a while after the limit."""
_BURST: Final = 10
_FAST: Final = 0.02
"""Seconds between requests within the limit."""
_SLOW: Final = 60.0
"""Seconds for as many requests beyond it: the firewall has time to count."""


def rate_limit(environment: Environment) -> Iterator[SmokeTest]:
    """Whether a documented limit is held, singly and then by many at once (SMOKE-08)."""
    own, sign_in = environment.smoke.rate_limit, environment.edge.sign_in
    if not environment.must("SMOKE-08"):
        return
    if own:
        asked = Asked(host=environment.edge.name, path=own.path, method=own.method)
        limit, over, status, cited = own.requests, own.seconds, own.status, "NET-09"
    elif sign_in and sign_in.attempts_per_ten_minutes <= _MOST:
        # A name that nobody has: no account is locked, no password guessed.
        body: JsonValue = {"smoke": "a test of the limit"}
        asked = Asked(host=environment.edge.name, path=sign_in.path, method="POST", body=body)
        limit, over, status = sign_in.attempts_per_ten_minutes, _TEN_MINUTES, _TOO_MANY
        cited = "NET-10"
    else:
        return
    yield SmokeTest(
        name="rate limit",
        requirements=("SMOKE-08", cited),
        asks=f"{asked}, {limit} times and at most {limit} more in {_LONGEST:.0f} s, then {_BURST} "
        f"at once: beyond {limit} in {over} s status {status}",
        run=partial(_is_limited, asked, limit, status),
        seconds=_LONGEST,
        critical=False,
        is_last=True,
    )


async def _is_limited(asked: Asked, limit: int, status: int, ground: Ground) -> str:
    """Never more than twice the limit and one burst, whatever happens."""
    last = 0
    for sent in range(1, 2 * limit + 1):
        last = (await ground.asker.ask(asked)).status
        if last == status:
            break
        await asyncio.sleep(_FAST if sent <= limit else _SLOW / limit)
    else:
        raise SmokeFailureError(
            str(asked),
            f"{2 * limit} answers, none of them {status}; the last was {last}",
            f"status {status} beyond {limit}",
            "Look at the firewall's rules in the stack, and whether they count or block.",
        )
    burst = await asyncio.gather(*(ground.asker.ask(asked) for _ in range(_BURST)))
    let_in = sorted({each.status for each in burst if each.status != status})
    if let_in:
        raise SmokeFailureError(
            f"{_BURST} times at once {asked}",
            f"status {', '.join(map(str, let_in))} for some, after request {sent} was refused",
            f"status {status} for all",
            "A limit that a burst passes is counted by each instance for itself.",
        )
    early = "" if sent > 1 else "; from the first on, so an earlier test still counts"
    return f"refused at request {sent} of a limit of {limit}, and {_BURST} at once{early}"
