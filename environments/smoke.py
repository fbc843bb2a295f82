"""What the smoke tests of a product ask, beside what its environment's file tells already.

Health, certificates, headers, origins, the limit on sign-ins, the chain's nodes and the pages are
tested without a word here; what only the product knows is written below. It is the same in staging
and in production (SMOKE-11), where requests that users would notice can be left out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Final, Self, cast

from pydantic import Field, JsonValue, StringConstraints, model_validator

from environments.alerts import SecretArn
from environments.bounds import refused
from environments.edge import HeaderName, JsonPointer, Path
from environments.record import Name, Record

RequestPath = Annotated[
    str, StringConstraints(pattern=r"^/[A-Za-z0-9/._~{}?&=%:,+-]*$", max_length=500)
]
"""A path with its query; `{name}` stands for what an earlier request saved under that name."""
Status = Annotated[int, Field(ge=100, le=599)]
SavedName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]

PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)(?:\.([A-Za-z0-9_-]+))?\}")
"""What stands for another text: a name, and the field of a credential."""
CREDENTIAL: Final = "credential"
"""What stands for the credential in headers and bodies; `credential.<field>` for a field of it."""


class Method(StrEnum):
    """The methods of HTTP."""

    GET = "GET"
    HEAD = "HEAD"
    OPTIONS = "OPTIONS"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"

    @property
    def writes(self) -> bool:
        """Whether it is there to change something."""
        return self not in {Method.GET, Method.HEAD, Method.OPTIONS}


class Subject(StrEnum):
    """What a test of the product's own shows."""

    CORE = "core"
    """The critical path works from end to end (SMOKE-03)."""
    SIGN_IN = "sign-in"
    """People can sign in, and nobody without the right to (SMOKE-02)."""
    DATA = "data"
    """A record that was written is read back (SMOKE-05)."""
    INTEGRATION = "integration"
    """Something outside that the product needs answers it (SMOKE-04)."""
    PAGES = "pages"
    """What the pages need works: sign-in flows, their error tracking (SMOKE-10)."""


class Request(Record):
    """One request, and the answer that it has to get."""

    method: Method = Method.GET
    path: RequestPath
    headers: dict[HeaderName, str] = Field(default_factory=dict[str, str])
    body: dict[str, JsonValue] | None = None
    """Sent as JSON; `{name}` in its texts is what was saved, `{credential}` the credential."""
    authenticated: bool = False
    """Whether it shows the credential as `authentication` says."""
    status: Status = 200
    fields: dict[JsonPointer, JsonValue] = Field(default_factory=dict[str, JsonValue])
    """What has to stand in the JSON of the answer, by JSON pointer; `{name}` is what was saved."""
    save: dict[SavedName, JsonPointer] = Field(default_factory=dict[str, str])
    """What later requests of the journey need of the answer, by name."""

    @model_validator(mode="after")
    def _sent(self) -> Self:
        if self.body is not None and not self.method.writes:
            raise refused(f"{self.method} {self.path} has a body: write method: POST")
        return self

    @property
    def needs(self) -> set[str]:
        """The names of what has to be put into it before it is sent."""
        texts = (self.path, *_texts(self.headers), *_texts(self.body), *_texts(self.fields))
        return {found[1] for text in texts for found in PLACEHOLDER.finditer(text)}


class Journey(Record):
    """Requests one after the other, from end to end."""

    checks: Subject = Subject.CORE
    critical: bool = True
    """Whether the release rolls back when it fails (SMOKE-07)."""
    in_production: bool = True
    """Whether production's variant has it (SMOKE-11): not what live users would notice."""
    seconds: Annotated[int, Field(ge=1, le=120)] = 30
    """How long it may take."""
    requests: Annotated[tuple[Request, ...], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _knows_names(self) -> Self:
        known = {CREDENTIAL}
        for one in self.requests:
            if unknown := sorted(one.needs - known):
                named = f"{one.method} {one.path} names {{{unknown[0]}}}"
                raise refused(f"{named}, which no earlier request saves")
            known |= one.save.keys()
        return self

    @model_validator(mode="after")
    def _reads_back(self) -> Self:
        if self.checks is not Subject.DATA:
            return self
        written = next((at for at, one in enumerate(self.requests) if one.method.writes), None)
        if written is None:
            raise refused("nothing is written: a test of data writes a record first (SMOKE-05)")
        later = self.requests[written + 1 :]
        if not any(one.fields and not one.method.writes for one in later):
            raise refused("nothing is read back: give a later GET with its fields (SMOKE-05)")
        return self


class Command(Record):
    """A product's own test: a program of the project, which passes where it ends with 0."""

    command: Annotated[tuple[str, ...], Field(min_length=1)]
    """Run in the project's folder, without a shell. It is told SLIPWAY_ENVIRONMENT,
    SLIPWAY_ADDRESS and, for a side without users, SLIPWAY_HEADER; no secret reaches it."""
    checks: Subject = Subject.CORE
    critical: bool = True
    in_production: bool = True
    seconds: Annotated[int, Field(ge=1, le=240)] = 60


class Authentication(Record):
    """A path that only who has a credential may ask for."""

    path: RequestPath
    header: HeaderName | None = None
    """Where the credential stands; unless given that of `edge.apiKeys`, else `authorization`."""
    scheme: str = ""
    """What stands before it there, such as `Bearer `."""
    secret: SecretArn
    """The secret that holds the credential: text, or a JSON object whose field `key` it is. It is
    read when the tests run, and shown nowhere."""
    status: Status = 200
    """What the right credential gets."""
    refused: Annotated[tuple[Status, ...], Field(min_length=1)] = (401, 403)
    """What a wrong one and none get: one of these."""


class RateLimit(Record):
    """A limit of the product's that a few requests reach (SMOKE-08)."""

    method: Method = Method.GET
    path: Path
    requests: Annotated[int, Field(ge=1, le=200)]
    """The documented limit. A larger one would take a load test to reach."""
    seconds: Annotated[int, Field(ge=1, le=900)]
    """The time that it is counted over."""
    status: Status = 429
    """The documented answer beyond it."""


class Smoke(Record):
    """What a product adds to the smoke tests that every environment has."""

    authentication: Authentication | None = None
    journeys: dict[Name, Journey] = Field(default_factory=dict[str, Journey])
    commands: dict[Name, Command] = Field(default_factory=dict[str, Command])
    invite: SecretArn | None = None
    """The secret that holds the tests' invite, where the edge lets in nobody without (REL-10)."""
    routes: tuple[Path, ...] = ()
    """The routes of the pages beside `/`: each has to answer (SMOKE-10)."""
    rate_limit: RateLimit | None = None
    """What is tested in the place of the edge's limit on sign-ins."""
    side_header: HeaderName | None = None
    """The header by whose value, `<service>-<blue or green>`, the load balancer leads a request to
    one side of a service: how the tests reach a release before it has users. Without it there are
    no such rules, and they wait until all users are there."""
    seconds: Annotated[int, Field(ge=1, le=60)] = 10
    """How long each simple request may take."""
    certificate_days: Annotated[int, Field(ge=1, le=60)] = 30
    """How long a certificate is still valid at the least. AWS renews 60 days ahead and warns from
    45 on: what has fewer days than this was not renewed by itself (NET-04)."""
    slots_behind: Annotated[int, Field(ge=1, le=10_000)] = 150
    """How many slots a node of the chain may be behind the others: about a minute."""

    @model_validator(mode="after")
    def _has_credential(self) -> Self:
        if self.authentication is None:
            for name, journey in self.journeys.items():
                if any(one.authenticated or CREDENTIAL in one.needs for one in journey.requests):
                    raise refused(f"journeys.{name} shows a credential: give authentication")
        return self

    def shows(self, subject: Subject) -> bool:
        """Whether some test of the product's own shows `subject`."""
        own = (*self.journeys.values(), *self.commands.values())
        return any(one.checks is subject for one in own)


def _texts(value: object) -> Iterator[str]:
    """Every text in `value`, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in cast("Mapping[str, object]", value).values():
            yield from _texts(item)
    elif isinstance(value, Sequence):
        for item in cast("Sequence[object]", value):
            yield from _texts(item)
