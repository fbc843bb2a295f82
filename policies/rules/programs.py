"""Rules for what a program is told, and how a new version of it takes over."""

import json
import re
from collections.abc import Mapping
from typing import Final

from policies.nodes import Node, Subject
from policies.outcomes import PASS, NotApplicable, Outcome, all_of, every, fail, require
from policies.registry import Given, rule
from policies.rules.ecs import SERVICE
from policies.rules.lambda_ import FUNCTION_URL
from policies.rules.lb import LISTENER, LISTENERS
from policies.rules.s3 import BUCKET, BUCKET_V2, BUCKETS
from policies.settings import Settings, Severity
from policies.variables import FUNCTION, RUNNERS, TASK, variables
from policies.workloads import CRON_JOB, DEPLOYMENT, WORKLOADS, given, kind_of
from standards import Tier

CORS: Final = (
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
    "aws:s3/bucketCorsConfigurationV2:BucketCorsConfigurationV2",
)
HTTP_API: Final = "aws:apigatewayv2/api:Api"
RESPONSE_HEADERS: Final = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
DEPLOYMENT_GROUP: Final = "aws:codedeploy/deploymentGroup:DeploymentGroup"
DEPLOYMENT_CONFIG: Final = "aws:codedeploy/deploymentConfig:DeploymentConfig"
DEPLOYMENTS: Final = tuple(one for one in WORKLOADS if kind_of(one) == "Deployment")

_SQLITE: Final = re.compile(
    r"\s*((jdbc:)?[a-z0-9+]{0,32}sqlite[a-z0-9+]{0,32}:"
    r"|(file:)?[^\s:]{0,4096}\.(sqlite3?|db3)$|file:[^\s]{0,4096}\.db$)",
    re.IGNORECASE,
)
"""An address or a file of SQLite, as libraries of databases write them."""


def _task(*containers: Mapping[str, object]) -> Given:
    """A task, for the examples."""
    return Given(TASK, "api", {"containerDefinitions": json.dumps(containers)})


def _told(name: str, value: str) -> Given:
    """A task whose one container is told `value`, for the examples."""
    return _task({"name": "api", "environment": [{"name": name, "value": value}]})


@rule(
    types=RUNNERS,
    severity=Severity.MEDIUM,
    requirements=["ENV-06"],
    remediation="""
        Use the database of the environment:

            {"name": "DATABASE_URL", "value": "postgresql://database.internal:5432/slipway"}
        """,
    passing=[
        (_told("DATABASE_URL", "postgresql://database.internal/slipway"),),
        (given({"env": [{"name": "HELP", "value": "https://sqlite.org/docs"}]}),),
        (Given(FUNCTION, "hook", {"environment": {"variables": {"LOG_LEVEL": "info"}}}),),
    ],
    failing=[
        (_told("DATABASE_URL", "sqlite:////var/lib/api/api.db"),),
        (_told("DATABASE_URL", "sqlite+aiosqlite:///api.db"),),
        (given({"env": [{"name": "DATABASE_URL", "value": "file:./dev.db"}]}, type_=DEPLOYMENT),),
        (given({"env": [{"name": "STORE", "value": "/data/jobs.sqlite3"}]}, type_=CRON_JOB),),
        (Given(FUNCTION, "hook", {"environment": {"variables": {"DSN": "SQLite:///tmp/a"}}}),),
    ],
    absence_is_safe=True,
)
def no_sqlite(subject: Subject, settings: Settings) -> Outcome:
    """No program is told to keep its data in SQLite, but in development.

    What it keeps is gone with the container, no backup has it, and two instances cannot share it.
    """
    if settings.tier is Tier.DEVELOPMENT:
        return NotApplicable("development may run on SQLite")

    def is_other(variable: Node) -> Outcome:
        value = variable.text("value") or ""
        return require(
            not _SQLITE.match(value),
            f"{variable.text('name')} names a database of SQLite",
            variable.here,
        )

    return every(variables(subject), is_other)


_ORIGIN: Final = re.compile(r"https?://([a-z0-9]([a-z0-9-]{0,62})\.)+[a-z]{2,63}(:\d{1,5})?")
_ORIGINS: Final = re.compile(r"(^|_)(CORS|ORIGINS?)(_|$)")
"""Names of variables that hold origins, in upper case."""
_NO_ORIGINS: Final = re.compile(r"(METHODS?|HEADERS?|CREDENTIALS?|MAX_AGE|ENABLED)$")
_OURS: Final = "https://app.example.com"
_ANSWER: Final = "routingHttpResponseAccessControlAllowOriginHeaderValue"


def _cors(*origins: str) -> dict[str, object]:
    """The rules of a bucket that allow `origins`, for the examples."""
    return {"corsRules": [{"allowedMethods": ["GET"], "allowedOrigins": list(origins)}]}


@rule(
    types=[TASK, FUNCTION_URL, HTTP_API, RESPONSE_HEADERS, *CORS, *BUCKETS, *LISTENERS],
    severity=Severity.MEDIUM,
    requirements=["NET-08"],
    remediation="""
        Name the origins of your own pages:

            aws.apigatewayv2.Api("api", protocol_type="HTTP", cors_configuration={
                "allow_origins": ["https://app.example.com"], "allow_methods": ["GET"]})
        """,
    passing=[
        (Given(HTTP_API, "api", {"corsConfiguration": {"allowOrigins": [_OURS]}}),),
        (Given(CORS[0], "uploads", _cors(_OURS, "https://admin.example.com:8443")),),
        (Given(LISTENER, "https", {_ANSWER: _OURS}),),
        (_told("ALLOWED_ORIGINS", f'["{_OURS}", "https://example.com"]'),),
        (_told("CORS_ORIGINS", f"{_OURS}, https://example.com"),),
        (_told("CORS_ALLOWED_METHODS", "*"), Given(CORS[1], "own", _cors(_OURS))),
    ],
    failing=[
        (Given(HTTP_API, "api", {"corsConfiguration": {"allowOrigins": ["*"]}}),),
        (Given(HTTP_API, "api", {"corsConfiguration": {"allowOrigins": [_OURS, "null"]}}),),
        (Given(HTTP_API, "api", {"corsConfiguration": {"allowMethods": ["GET"]}}),),
        (Given(FUNCTION_URL, "hook", {"cors": {"allowOrigins": ["https://*"]}}),),
        (Given(CORS[0], "uploads", _cors("http://localhost:3000")),),
        (Given(BUCKET, "uploads", _cors(_OURS, "*")),),
        (Given(BUCKET_V2, "uploads", _cors()),),
        (
            Given(
                RESPONSE_HEADERS,
                "cors",
                {"corsConfig": {"accessControlAllowOrigins": {"items": ["*.example.com"]}}},
            ),
        ),
        (Given(LISTENER, "https", {_ANSWER: "*"}),),
        (_told("ALLOWED_ORIGINS", "*"),),
        (_told("CORS_ALLOW_ORIGIN", ""),),
    ],
    absence_is_safe=True,
)
def cors_named_origins(subject: Subject, settings: Settings) -> Outcome:
    """The pages that may call from a browser are a list of real domains.

    A wildcard lets any page that a user visits act in their name. Development may name its own
    machine. Where nothing allows other origins, browsers refuse them all.
    """
    if settings.tier is Tier.DEVELOPMENT:
        return NotApplicable("development may answer pages of its own machine")
    if subject.type == TASK:
        return every(variables(subject), _holds_origins)
    if subject.type in LISTENERS:
        if not subject.has(_ANSWER):
            return NotApplicable("allows no other origins")
        return _is_origin(subject.text(_ANSWER) or "", subject.at(_ANSWER))
    lists = _origin_lists(subject)
    if not lists:
        return NotApplicable("allows no other origins")
    return every(lists, lambda one: _are_origins(*one))


def _origin_lists(subject: Subject) -> list[tuple[Node, str]]:
    """Where lists of origins stand in `subject`: an object and the key in it."""
    if subject.type == RESPONSE_HEADERS:
        if not subject.has("corsConfig"):
            return []
        return [(subject.node("corsConfig").node("accessControlAllowOrigins"), "items")]
    if subject.type in {HTTP_API, FUNCTION_URL}:
        key = "cors" if subject.type == FUNCTION_URL else "corsConfiguration"
        return [(subject.node(key), "allowOrigins")] if subject.has(key) else []
    return [(one, "allowedOrigins") for one in subject.each("corsRules")]


def _are_origins(node: Node, key: str) -> Outcome:
    origins = node.each(key)
    if not origins:
        return fail("allows an empty list of origins", node.at(key))
    return every(origins, lambda one: _is_origin(one.as_text(), one.here))


def _is_origin(text: str, where: str) -> Outcome:
    return require(
        _ORIGIN.fullmatch(text.strip().lower()), f"{text or 'nothing'} is no real domain", where
    )


def _holds_origins(variable: Node) -> Outcome:
    name = (variable.text("name") or "").upper()
    if not _ORIGINS.search(name) or _NO_ORIGINS.search(name):
        return PASS
    listed = re.split(r"[\s,;\[\]\"']+", (variable.text("value") or "").strip("[]\"' "))
    return every(listed, lambda one: _is_origin(one, variable.here))


_CANARY: Final = "CodeDeployDefault.ECSCanary10Percent5Minutes"
_ECS: Final = {"ecsService": {"clusterName": "main", "serviceName": "api"}}


def _strategy(**strategy: object) -> Given:
    return Given(DEPLOYMENT, "api", {"spec": {"strategy": strategy}})


@rule(
    types=[SERVICE, DEPLOYMENT_GROUP, DEPLOYMENT_CONFIG, *DEPLOYMENTS],
    severity=Severity.MEDIUM,
    requirements=["PIPE-03"],
    remediation="""
        Start the new version beside the old one, and stop the old one as the new one is well:

            aws.ecs.Service("api", deployment_minimum_healthy_percent=100,
                            deployment_maximum_percent=200, ...)
        """,
    passing=[
        (Given(SERVICE, "api"),),
        (
            Given(
                SERVICE,
                "api",
                {
                    "deploymentMinimumHealthyPercent": 100,
                    "deploymentConfiguration": {"strategy": "LINEAR"},
                },
            ),
        ),
        (Given(DEPLOYMENT_GROUP, "api", {**_ECS, "deploymentConfigName": _CANARY}),),
        (Given(DEPLOYMENT_GROUP, "hosts", {"appName": "api"}),),
        (
            Given(
                DEPLOYMENT_CONFIG,
                "slow",
                {
                    "computePlatform": "Lambda",
                    "trafficRoutingConfig": {"type": "TimeBasedCanary"},
                },
            ),
        ),
        (_strategy(type="RollingUpdate", rollingUpdate={"maxUnavailable": "25%"}),),
    ],
    failing=[
        (Given(SERVICE, "api", {"deploymentMinimumHealthyPercent": 0}),),
        (Given(SERVICE, "api", {"deploymentConfiguration": {"strategy": "BLUE_GREEN"}}),),
        (
            Given(
                DEPLOYMENT_GROUP,
                "api",
                {**_ECS, "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce"},
            ),
        ),
        (Given(DEPLOYMENT_GROUP, "api", _ECS),),
        (
            Given(
                DEPLOYMENT_CONFIG,
                "fast",
                {"computePlatform": "ECS", "trafficRoutingConfig": {"type": "AllAtOnce"}},
            ),
        ),
        (Given(DEPLOYMENT_CONFIG, "none", {"minimumHealthyHosts": {"value": 0}}),),
        (_strategy(type="Recreate"),),
        (_strategy(rollingUpdate={"maxUnavailable": "100%"}),),
    ],
    absence_is_safe=True,
)
def rollout_in_steps(subject: Subject, settings: Settings) -> Outcome:
    """No service changes over to a new version all at once.

    If the new version is bad, so is everything by the time that anybody looks. What a health check
    can stop after the first step harms few.
    """
    if settings.tier not in {Tier.STAGING, Tier.PRODUCTION}:
        return NotApplicable(f"{settings.tier} may change over at once")
    match subject.type:
        case service if service == SERVICE:
            return _service_steps(subject)
        case group if group == DEPLOYMENT_GROUP:
            return _group_steps(subject)
        case config if config == DEPLOYMENT_CONFIG:
            return _config_steps(subject)
        case _:
            return _workload_steps(subject.node("spec").node("strategy"))


def _service_steps(service: Subject) -> Outcome:
    if service.text("schedulingStrategy") == "DAEMON":
        return NotApplicable("a daemon is replaced host by host")
    deployment = service.node("deploymentConfiguration")
    least = "deploymentMinimumHealthyPercent"
    return all_of(
        lambda: require(
            service.number(least) != 0, "stops every task before it starts a new one", least
        ),
        lambda: require(
            deployment.text("strategy") != "BLUE_GREEN",
            "switches all traffic at once",
            deployment.at("strategy"),
        ),
    )


def _group_steps(group: Subject) -> Outcome:
    default = "ECSAllAtOnce" if group.has("ecsService") else "OneAtATime"
    name = group.text("deploymentConfigName") or default
    return require(
        not name.endswith("AllAtOnce"), f"{name} switches all at once", "deploymentConfigName"
    )


def _config_steps(config: Subject) -> Outcome:
    traffic, hosts = config.node("trafficRoutingConfig"), config.node("minimumHealthyHosts")
    by_traffic = (config.text("computePlatform") or "Server") != "Server"
    how = traffic.text("type") or ("AllAtOnce" if by_traffic else "")
    return all_of(
        require(how != "AllAtOnce", "switches all traffic at once", traffic.at("type")),
        lambda: require(hosts.number("value") != 0, "leaves no host running", hosts.at("value")),
    )


def _workload_steps(strategy: Node) -> Outcome:
    rolling = strategy.node("rollingUpdate")
    return all_of(
        lambda: require(
            strategy.text("type") in {None, "RollingUpdate"},
            "stops every pod before it starts a new one",
            strategy.at("type"),
        ),
        lambda: require(
            (rolling.text("maxUnavailable") or "").strip() != "100%",
            "may stop every pod at once",
            rolling.at("maxUnavailable"),
        ),
    )
