"""Rules for Prometheus: what is collected of services and of the chain, and who hears of it."""

import json
import re
from collections.abc import Mapping
from typing import Final

import yaml
from pydantic import Field

from plan.graph import Graph
from plan.model import STACK_TYPE
from policies.nodes import Subject
from policies.outcomes import (
    NotApplicable,
    Outcome,
    WrongTypeError,
    all_of,
    every,
    met,
    require,
    some,
)
from policies.prometheus import (
    ALERTMANAGER,
    RULES,
    WORKSPACE,
    PrometheusRule,
    document,
    mapping,
    mappings,
    read,
    rules_of,
)
from policies.registry import Given, Ref, rule
from policies.rules.ecs import SERVICE
from policies.settings import Settings, Severity
from standards import Tier, figure

TASK: Final = "aws:ecs/taskDefinition:TaskDefinition"

_STACK: Final = Given(STACK_TYPE, "production")
_API: Final = Given(SERVICE, "api")
_LIVE: Final = frozenset({Tier.STAGING, Tier.PRODUCTION})
_PAST: Final = re.compile(r">=?\s*([0-9]+(?:\.[0-9]+)?)\s*\Z")

Words = Mapping[str, tuple[str, ...]]
"""What has to be looked at, each with words that stand in one rule which does."""


def _namespace(*expressions: str, kind: str = "record", **labels: str) -> Given:
    """A namespace with a rule for each expression, for the examples."""
    listed = [
        {kind: f"rule:{index}", "expr": expression, "labels": labels}
        for index, expression in enumerate(expressions)
    ]
    return Given(
        RULES,
        f"{kind}-{len(expressions)}",
        {"data": yaml.safe_dump({"groups": [{"rules": listed}]})},
    )


def _looked_at(words: Words, graph: Graph) -> Outcome:
    """Whether some rule of the stack looks at each of what `words` name."""
    namespaces = [Subject(each) for each in graph.of_type(RULES)]

    def has(wanted: tuple[str, tuple[str, ...]]) -> Outcome:
        what, its = wanted
        return some(
            namespaces,
            lambda namespace: met(any(each.looks_at(its) for each in rules_of(namespace))),
            f"no rule of Prometheus looks at {what}",
        )

    return every(words.items(), has)


@rule(
    types=[WORKSPACE],
    severity=Severity.MEDIUM,
    requirements=["SEC-11"],
    remediation="""
        Give it a key of yours and a log group:

            aws.amp.Workspace("metrics", kms_key_arn=key.arn, logging_configuration={
                "log_group_arn": pulumi.Output.concat(group.arn, ":*")})
        """,
    passing=[
        (
            Given(
                WORKSPACE,
                "metrics",
                {"kmsKeyArn": Ref("key"), "loggingConfiguration": {"logGroupArn": Ref("group")}},
            ),
            Given("aws:kms/key:Key", "key"),
            Given("aws:cloudwatch/logGroup:LogGroup", "group"),
        ),
    ],
    failing=[
        (Given(WORKSPACE, "metrics"),),
        (Given(WORKSPACE, "metrics", {"kmsKeyArn": "arn:aws:kms:::key/1"}),),
        (Given(WORKSPACE, "metrics", {"loggingConfiguration": {"logGroupArn": "arn:aws:logs"}}),),
    ],
)
def prometheus_workspace_kept(workspace: Subject) -> Outcome:
    """A workspace of Prometheus has a key of its own, and a log of what goes wrong.

    Labels of metrics name users, accounts and endpoints; and a rule that stopped to evaluate is
    silent, as a rule is that finds nothing. Only the log tells them apart.
    """
    return all_of(
        require(workspace.has_text("kmsKeyArn"), "has no key of its own", "kmsKeyArn"),
        lambda: require(
            workspace.node("loggingConfiguration").has_text("logGroupArn"),
            "has no log group",
            "loggingConfiguration",
        ),
    )


_OF_SERVICES: Final[Words] = {
    "throughput": ("rate(", "_count"),
    "errors by operation": ("5..",),
    "P50": ("histogram_quantile(0.5",),
    "P95": ("histogram_quantile(0.95",),
    "P99": ("histogram_quantile(0.99",),
}


class ApplicationMetrics(Settings):
    """How the rules for services show that they look at each measure of MON-04."""

    words: Words = _OF_SERVICES


_QUANTILES: Final = [
    f"histogram_quantile({quantile}, sum by (job, le) (rate(duration_bucket[1m])))"
    for quantile in (0.5, 0.95, 0.99)
]
_COUNTS: Final = (
    "sum by (job) (rate(duration_count[1m]))",
    'sum by (route) (rate(duration_count{status=~"5.."}[1m]))',
)


@rule(
    types=[STACK_TYPE],
    severity=Severity.MEDIUM,
    requirements=["MON-04"],
    settings=ApplicationMetrics,
    remediation="""
        Record what every service has to be judged by:

            aws.amp.RuleGroupNamespace("services", workspace_id=workspace.id, data=\"\"\"
            groups:
            - name: services
              rules:
              - record: job:requests:rate1m
                expr: sum by (job) (rate(http_server_request_duration_seconds_count[1m]))
            \"\"\")
        """,
    passing=[
        (_STACK, _API, Given(WORKSPACE, "metrics"), _namespace(*_QUANTILES, *_COUNTS)),
        (_STACK, _API, _namespace(*_QUANTILES), _namespace(*_COUNTS)),
    ],
    failing=[
        (_STACK, _API),
        (_STACK, _API, _namespace(*_QUANTILES)),
        (_STACK, _API, _namespace(*_QUANTILES[1:], *_COUNTS)),
        (_STACK, _API, Given(RULES, "broken", {"data": "groups: ["})),
    ],
    absence_is_safe=True,
)
def application_metrics(_: Subject, settings: ApplicationMetrics, graph: Graph) -> Outcome:
    """Throughput, errors by operation and response times are recorded for services.

    A mean hides the slowest requests and a total hides the operation that fails. A stack with
    services has rules that record each measure, so that dashboards and gates read the same.
    """
    if settings.tier is Tier.DEVELOPMENT or not graph.of_type(SERVICE):
        return NotApplicable("no service is measured here")
    return _looked_at(settings.words, graph)


class Collectors(Settings):
    """How the image of a container shows that it collects metrics."""

    words: tuple[str, ...] = ("collector", "otel", "prometheus", "cwagent")


def _task(*images: str) -> Given:
    """A task of containers with these images, for the examples."""
    definitions = [{"name": f"c{index}", "image": image} for index, image in enumerate(images)]
    return Given(TASK, "api", {"containerDefinitions": json.dumps(definitions)})


_RUNS: Final = Given(SERVICE, "api-service", {"taskDefinition": Ref("api")})


@rule(
    types=[SERVICE],
    severity=Severity.MEDIUM,
    requirements=["MON-04"],
    settings=Collectors,
    remediation="""
        Put a collector beside the service, in the same task:

            aws.ecs.TaskDefinition("api", container_definitions=json.dumps([api, {
                "name": "collector", "essential": False, "image": collector_image_by_digest,
                "environment": [{"name": "AOT_CONFIG_CONTENT", "value": configuration}]}]))
        """,
    passing=[
        (_RUNS, _task("registry/api@sha256:1", "registry/aws-otel-collector@sha256:2")),
        (_RUNS, _task("registry/collector@sha256:2")),
    ],
    failing=[(_RUNS, _task("registry/api@sha256:1"))],
    absence_is_safe=True,
)
def service_metrics_collected(service: Subject, settings: Collectors, graph: Graph) -> Outcome:
    """What a service measures of itself is collected where it runs.

    A service that nobody asks is judged by what its load balancer sees, which knows no operation.
    """
    if settings.tier is Tier.DEVELOPMENT:
        return NotApplicable("no service is measured here")
    tasks = [
        Subject(each)
        for each in graph.references(service.resource, "taskDefinition")
        if each.type == TASK
    ]
    if not tasks:
        return NotApplicable("its task is not of this stack")

    def collects(task: Subject) -> Outcome:
        images = [it.text("image") or "" for it in task.documents("containerDefinitions")]
        return require(
            any(word in image for image in images for word in settings.words),
            "no container of its task collects metrics",
            "taskDefinition",
        )

    return every(tasks, collects)


_OF_CHAIN: Final[Words] = {
    "the rent of program accounts": ("rent",),
    "failed transactions by cause": ("cause", "failed"),
    "compute units": ("compute_units",),
    "the congestion of the network": ("fee",),
}


class ChainMetrics(Settings):
    """How the rules for the chain show that they look at each measure of MON-06."""

    words: Words = _OF_CHAIN


_CHAIN: Final = (
    "min(account_lamports) < max(account_rent_exempt_lamports)",
    'sum by (cause) (rate(transactions_total{outcome="failed"}[1m]))',
    "max(compute_units_used) / max(compute_units_limit)",
    "avg(prioritization_fee_microlamports)",
)


@rule(
    types=[STACK_TYPE],
    severity=Severity.MEDIUM,
    requirements=["MON-06"],
    settings=ChainMetrics,
    remediation="""
        Record them of each program, whoever publishes them:

            aws.amp.RuleGroupNamespace("chain", workspace_id=workspace.id, data=\"\"\"
            groups:
            - name: chain
              rules:
              - record: program_cause:transactions_failed:rate1m
                expr: sum by (program, cause) (rate(transactions_total{outcome="failed"}[1m]))
            \"\"\")
        """,
    passing=[(_STACK, _API, _namespace(*_CHAIN))],
    failing=[(_STACK, _API), *((_STACK, _API, _namespace(*_CHAIN[:i])) for i in (1, 2, 3))],
    absence_is_safe=True,
)
def chain_metrics(_: Subject, settings: ChainMetrics, graph: Graph) -> Outcome:
    """The rent, failures, compute units and congestion of programs are looked at.

    The chain tells nobody: an account that is taken for want of rent, or a fee that no longer gets
    a transaction in, shows only to those who look.
    """
    if settings.tier not in _LIVE or not graph.of_type(SERVICE):
        return NotApplicable("no program is used by services here")
    return _looked_at(settings.words, graph)


_OF_LEAKS: Final[Words] = {
    "growth of memory": ("deriv(", "memory"),
    "growth of goroutines": ("deriv(", "goroutines"),
}


class Growth(Settings):
    """How the rules for leaks show what they look at."""

    words: Words = _OF_LEAKS


_GROWTH: Final = ("deriv(process_resident_memory_bytes[1h]) > 0", "deriv(go_goroutines[1h]) > 0")


@rule(
    types=[STACK_TYPE],
    severity=Severity.LOW,
    requirements=["MON-15"],
    settings=Growth,
    remediation="""
        Tell of what grows without a pause:

            - alert: MemoryGrows
              expr: deriv(min_over_time(process_resident_memory_bytes[10m])[1h:10m]) > 0
              for: 3h
        """,
    passing=[(_STACK, _API, _namespace(*_GROWTH, kind="alert"))],
    failing=[
        (_STACK, _API),
        (_STACK, _API, _namespace(_GROWTH[0], kind="alert")),
        (_STACK, _API, _namespace("go_goroutines > 10000", _GROWTH[0], kind="alert")),
    ],
    absence_is_safe=True,
)
def leaks_watched(_: Subject, settings: Growth, graph: Graph) -> Outcome:
    """Memory and goroutines that only grow are told of.

    A leak passes every test and every gate of a release, and ends the service days after it.
    """
    if settings.tier not in _LIVE or not graph.of_type(SERVICE):
        return NotApplicable("no service runs here for days")
    return _looked_at(settings.words, graph)


_OF_MARKET: Final[Words] = {
    "successful transactions": ("transactions", "succe"),
    "mean compute units": ("avg", "compute_units"),
    "how often oracles update": ("oracle", "changes("),
    "how accurate liquidations are": ("liquidation",),
    "how often breakers trip": ("breaker", "changes("),
    "growth in users": ("users", "increase("),
    "value locked": ("locked",),
    "revenue from fees": ("revenue",),
}


class MarketMetrics(Settings):
    """How the rules for a market show that they look at each measure of PM-05."""

    words: Words = _OF_MARKET


_MARKET: Final = (
    'sum(rate(transactions_total{outcome="succeeded"}[1m]))',
    "avg(compute_units_used)",
    "changes(oracle_updated_timestamp_seconds[5m])",
    "sum(rate(liquidations_total[1h]))",
    "changes(circuit_breaker_tripped[1d])",
    "increase(users_total[1w])",
    "sum(value_locked_lamports)",
    "increase(fee_revenue_lamports_total[1d])",
)


def _is_market(graph: Graph) -> bool:
    """Whether the stack's rules look at an oracle, which only a market has."""
    return any("oracle" in str(each.inputs.get("data")) for each in graph.of_type(RULES))


@rule(
    types=[STACK_TYPE],
    severity=Severity.LOW,
    requirements=["PM-05"],
    settings=MarketMetrics,
    remediation="""
        Record each of them:

            - record: oracle:updates:per_minute
              expr: max by (oracle) (changes(oracle_updated_timestamp_seconds[5m])) / 5
        """,
    passing=[(_STACK, _namespace(*_MARKET)), (_STACK, _namespace(*_MARKET[:4], *_MARKET[4:]))],
    failing=[
        (_STACK, _namespace(*_MARKET[:-1])),
        (_STACK, _namespace(*_MARKET[1:])),
        (_STACK, _namespace(*_MARKET[2:4])),
    ],
    absence_is_safe=True,
)
def market_metrics(_: Subject, settings: MarketMetrics, graph: Graph) -> Outcome:
    """What a market is judged by is recorded.

    Trades, oracles, liquidations, breakers, users, value and revenue: a market that fails in one of
    them is well by every measure of its servers. A stack is a market's whose rules look at oracles.
    """
    if settings.tier not in _LIVE or not _is_market(graph):
        return NotApplicable("no market")
    return _looked_at(settings.words, graph)


_FAILED: Final = figure("PM-06", "transaction_failure_rate_above_percent").percent
_UNITS: Final = figure("PM-06", "compute_units_above_percent_of_limit").percent
_STALE: Final = figure("PM-06", "oracle_staleness_above_seconds").seconds


class MarketAlerts(Settings):
    """The limits of a market, no looser than the standards', and what its alerts are known by."""

    failed_percent: float = Field(default=_FAILED, gt=0, le=_FAILED)
    units_percent: float = Field(default=_UNITS, gt=0, le=_UNITS)
    stale_seconds: float = Field(default=_STALE, gt=0, le=_STALE)
    breaker: str = "breaker"
    trading: str = "trades"
    security: str = "security"


def _alerts(failed: float, units: float, stale: float, severity: str = "critical") -> Given:
    return _namespace(
        f"failed / transactions * 100 > {failed:g}",
        f"compute_units_used / compute_units_limit * 100 > {units:g}",
        f"time() - oracle_updated_timestamp_seconds > {stale:g}",
        "max(circuit_breaker_tripped) == 1",
        "abs(trades - avg_over_time(trades[1w])) > 4 * stddev_over_time(trades[1w])",
        "increase(security_alerts_total[5m]) > 0",
        kind="alert",
        severity=severity,
    )


@rule(
    types=[STACK_TYPE],
    severity=Severity.MEDIUM,
    requirements=["PM-06", "PM-07"],
    settings=MarketAlerts,
    remediation="""
        Tell of each, at the figures of the standard; a breaker is critical:

            - alert: CircuitBreakerTripped
              expr: max by (breaker) (circuit_breaker_tripped) == 1
              labels: {severity: critical}
        """,
    passing=[
        (_STACK, _alerts(_FAILED, _UNITS, _STALE)),
        (_STACK, _alerts(0.5, 80, 10)),
    ],
    failing=[
        (_STACK, _alerts(_FAILED + 1, _UNITS, _STALE)),
        (_STACK, _alerts(_FAILED, _UNITS + 1, _STALE)),
        (_STACK, _alerts(_FAILED, _UNITS, _STALE + 1)),
        (_STACK, _alerts(_FAILED, _UNITS, _STALE, severity="warning")),
        (_STACK, _namespace("time() - oracle_updated_timestamp_seconds > 30", kind="alert")),
    ],
    absence_is_safe=True,
)
def market_alerts(_: Subject, settings: MarketAlerts, graph: Graph) -> Outcome:
    """Somebody is told when a market fails, is blind, halts or is attacked.

    Its transactions fail, its instructions come near their limit, an oracle is stale, a breaker
    trips, trading is unusual, a security alert is raised. Only a person resumes what a breaker has
    halted, so that one of them has to be woken by it.
    """
    if settings.tier not in _LIVE or not _is_market(graph):
        return NotApplicable("no market")
    namespaces = [Subject(each) for each in graph.of_type(RULES)]

    def tells(what: str, *words: str, limit: float | None = None, severity: str = "") -> Outcome:
        def does(found: PrometheusRule) -> bool:
            return (
                found.is_alert
                and found.looks_at(words)
                and (limit is None or _limit(found) <= limit)
                and severity in {"", found.labels.get("severity")}
            )

        return some(
            namespaces,
            lambda namespace: met(any(map(does, rules_of(namespace)))),
            f"no alert of Prometheus tells of {what}",
        )

    return all_of(
        tells(
            f"more than {settings.failed_percent:g} % of transactions failing",
            "transactions",
            "failed",
            limit=settings.failed_percent,
        ),
        tells(
            f"compute units above {settings.units_percent:g} % of their limit",
            "compute_units",
            limit=settings.units_percent,
        ),
        tells(
            f"an oracle stale for more than {settings.stale_seconds:g} s",
            "time()",
            "oracle",
            limit=settings.stale_seconds,
        ),
        tells("a circuit breaker, as critical", settings.breaker, severity="critical"),
        tells("unusual trading", settings.trading),
        tells("security alerts", settings.security),
    )


def _limit(found: PrometheusRule) -> float:
    """What an expression compares with in the end; without bound where it does not."""
    match = _PAST.search(found.expression[-100:])
    return float(match[1]) if match else float("inf")


def _definition(*routes: object, receivers: object) -> Given:
    """A definition of Alertmanager, for the examples."""
    config = yaml.safe_dump(
        {"route": {"receiver": "all", "routes": routes}, "receivers": receivers}
    )
    return Given(
        ALERTMANAGER, "alerts", {"definition": yaml.safe_dump({"alertmanager_config": config})}
    )


_CRITICAL: Final = {"receiver": "page", "matchers": ['severity="critical"']}
_OLD_CRITICAL: Final = {"receiver": "page", "match": {"severity": "critical"}}
_TOPIC: Final = {"sns_configs": [{"topic_arn": "arn:aws:sns:::critical"}]}


@rule(
    types=[ALERTMANAGER],
    severity=Severity.HIGH,
    requirements=["MON-02"],
    remediation="""
        Route what is critical to somebody:

            route:
              receiver: warning
              routes:
              - receiver: critical
                matchers: ['severity="critical"']
            receivers:
            - name: critical
              sns_configs: [{topic_arn: ..., sigv4: {region: ...}}]
        """,
    passing=[
        (_definition(_CRITICAL, receivers=[{"name": "page", **_TOPIC}]),),
        (
            _definition(
                _OLD_CRITICAL,
                receivers=[
                    {"name": "page", "pagerduty_configs": [{"routing_key": "by reference"}]}
                ],
            ),
        ),
    ],
    failing=[
        (_definition(receivers=[{"name": "all", **_TOPIC}]),),
        (_definition(_CRITICAL, receivers=[{"name": "other", **_TOPIC}]),),
        (_definition(_CRITICAL, receivers=[{"name": "page"}]),),
        (Given(ALERTMANAGER, "alerts", {"definition": "alertmanager_config: ["}),),
    ],
)
def alertmanager_pages(definition: Subject) -> Outcome:
    """Alertmanager sends what is critical to a receiver that reaches somebody.

    An alert without a route goes to the default receiver, where nobody is on call.
    """
    text = document(definition, "definition").get("alertmanager_config")
    config = read(text) if isinstance(text, str) else mapping(text)
    if config is None:
        raise WrongTypeError(("definition",), "a configuration of Alertmanager", text)
    reached = {
        str(receiver.get("name"))
        for receiver in mappings(config.get("receivers"))
        if receiver.get("sns_configs") or receiver.get("pagerduty_configs")
    }
    pages = any(
        str(route.get("receiver")) in reached
        and "critical" in f"{route.get('matchers')} {route.get('match')}"
        for route in mappings(mapping(config.get("route")).get("routes"))
    )
    return require(pages, "no route takes what is critical to somebody", "definition")
