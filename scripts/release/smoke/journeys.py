"""A product's journeys: requests one after the other, each with what it needs of those before."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import cast
from urllib.parse import quote

from pydantic import JsonValue

from environments import Environment
from environments.smoke import CREDENTIAL, PLACEHOLDER, Authentication, Journey, Request
from scripts.release.smoke.asking import Asked, SmokeFailureError, shown, statuses
from scripts.release.smoke.tests import SERVES, Ground, SmokeTest, called, fields_of
from standards import Tier


def journeys(environment: Environment) -> Iterator[SmokeTest]:
    """One test for each journey that the environment's variant has (SMOKE-11)."""
    for name, journey in environment.smoke.journeys.items():
        serves = SERVES[journey.checks]
        is_left_out = environment.tier is Tier.PRODUCTION and not journey.in_production
        if is_left_out or not environment.must(serves):
            continue
        steps = ", ".join(f"{one.method} {one.path} ({one.status})" for one in journey.requests)
        yield SmokeTest(
            name=name,
            requirements=(serves,),
            asks=f"https://{environment.edge.name}: {steps}",
            run=partial(_works, environment, journey),
            seconds=journey.seconds,
            critical=journey.critical,
        )


def header_of(environment: Environment, authentication: Authentication) -> str:
    """The header that a credential stands in."""
    keys = environment.edge.api_keys
    return authentication.header or (keys.header if keys else "authorization")


async def _works(environment: Environment, journey: Journey, ground: Ground) -> str:
    saved: dict[str, str] = {}
    for number, request in enumerate(journey.requests, 1):
        filled = _Filled(environment, ground, saved)
        asked = filled.asked(request)
        # What is told of it names what was put in, and not its value.
        told = f"{number}. {request.method} https://{asked.host}{request.path}"
        answer = await ground.asker.ask(asked)
        if answer.status != request.status:
            raise SmokeFailureError(
                told,
                f"status {answer.status}",
                statuses([request.status]),
                "Ask for the same by hand, and look at the service's log of that time.",
            )
        if not request.fields and not request.save:
            continue
        try:
            content = answer.json()
        except ValueError:
            raise SmokeFailureError(
                told, "no JSON", "JSON", "Look at what the service answers."
            ) from None
        for pointer, wanted in request.fields.items():
            found, wanted_now = at(content, pointer), filled.value(wanted)
            if found != wanted_now:
                came = "nothing" if found is _MISSING else shown(found)
                raise SmokeFailureError(
                    told,
                    f"{pointer} is {came}",
                    f"{pointer} {shown(wanted)}",
                    "The release answers otherwise than the environment's file expects.",
                )
        for name, pointer in request.save.items():
            found = at(content, pointer)
            if not isinstance(found, str | int) or isinstance(found, bool):
                raise SmokeFailureError(
                    told,
                    f"{pointer} is no text or number",
                    f"a text at {pointer}, saved as {name}",
                    "The release answers otherwise than the environment's file expects.",
                )
            saved[name] = str(found)
            ground.asker.hidden.add(saved[name])
    count = len(journey.requests)
    return f"{count} request{'s' * (count > 1)}, each as expected"


class _Filled:
    """Requests with their placeholders filled."""

    def __init__(self, environment: Environment, ground: Ground, saved: Mapping[str, str]) -> None:
        self._environment = environment
        self._ground = ground
        self._saved = saved

    def asked(self, request: Request) -> Asked:
        headers = {name: self._text(value) for name, value in request.headers.items()}
        authentication = self._environment.smoke.authentication
        if request.authenticated and authentication:
            credential = self._ground.credential(authentication.secret)
            header = header_of(self._environment, authentication)
            headers[header] = f"{authentication.scheme}{credential}"
        return Asked(
            host=self._environment.edge.name,
            path=self._text(request.path, in_path=True),
            method=request.method.value,
            headers=headers,
            body=self.value(request.body),
        )

    def value(self, value: JsonValue) -> JsonValue:
        match value:
            case str():
                return self._text(value)
            case list():
                return [self.value(item) for item in value]
            case dict():
                return {key: self.value(item) for key, item in value.items()}
            case _:
                return value

    def _text(self, text: str, *, in_path: bool = False) -> str:
        def filled(name: str, field: str | None) -> str:
            value = self._credential(field) if name == CREDENTIAL else self._saved[name]
            return quote(value, safe="") if in_path else value

        return PLACEHOLDER.sub(lambda found: filled(found[1], found[2]), text)

    def _credential(self, field: str | None) -> str:
        authentication = self._environment.smoke.authentication
        if authentication is None:
            raise AssertionError("the record is refused without one")
        if field is None:
            return self._ground.credential(authentication.secret)
        fields = fields_of(self._ground.secret(authentication.secret))
        if field not in fields:
            raise SmokeFailureError(
                f"the secret {called(authentication.secret)}",
                f"no field {field}",
                f"a JSON object with the field {field}",
                "Add the field to the secret, or correct the journey.",
            )
        return fields[field]


_MISSING = object()


def at(content: JsonValue, pointer: str) -> object:
    """What stands at the JSON `pointer` of `content`."""
    found: object = content
    for part in pointer.removeprefix("/").split("/"):
        if isinstance(found, Mapping) and part in found:
            found = cast("Mapping[str, object]", found)[part]
        elif isinstance(found, Sequence) and not isinstance(found, str) and part.isdigit():
            items = cast("Sequence[object]", found)
            if int(part) >= len(items):
                return _MISSING
            found = items[int(part)]
        else:
            return _MISSING
    return found
