"""Whether the right credential is let in, and a wrong one and none are not (SMOKE-02)."""

import secrets
from collections.abc import Iterator, Sequence
from functools import partial

from environments import Environment
from environments.smoke import Authentication
from scripts.release.smoke.asking import Asked, SmokeFailureError, statuses
from scripts.release.smoke.journeys import header_of
from scripts.release.smoke.tests import Ground, SmokeTest, called


def access(environment: Environment) -> Iterator[SmokeTest]:
    """The test of the path that wants a credential."""
    told = environment.smoke.authentication
    if told is None or not environment.must("SMOKE-02"):
        return
    place = f"https://{environment.edge.name}{told.path}"
    yield SmokeTest(
        name="authentication",
        requirements=("SMOKE-02",),
        asks=f"GET {place} with what {called(told.secret)} holds: {statuses([told.status])}; with "
        f"a wrong one and without: {statuses(told.refused)}",
        run=partial(_is_guarded, environment, told),
        seconds=environment.smoke.seconds * 3,
    )


async def _is_guarded(environment: Environment, told: Authentication, ground: Ground) -> str:
    header = header_of(environment, told)
    wrong = secrets.token_urlsafe(32)
    right = ground.credential(told.secret)
    cases: list[tuple[str, str | None, Sequence[int], str]] = [
        ("without a credential", None, told.refused, "Whoever asks is let in: roll back."),
        ("with a wrong credential", wrong, told.refused, "Any credential is let in: roll back."),
        (
            "with the right credential",
            right,
            [told.status],
            "Look whether the key in the secret is still valid, and at the service's log.",
        ),
    ]
    for case, credential, allowed, advice in cases:
        headers = {header: f"{told.scheme}{credential}"} if credential else {}
        asked = Asked(host=environment.edge.name, path=told.path, headers=headers)
        answer = await ground.asker.ask(asked)
        if answer.status not in allowed:
            raise SmokeFailureError(
                f"{asked} {case}", f"status {answer.status}", statuses(allowed), advice
            )
    return "let in with the right credential, refused with a wrong one and without"
