"""The collector beside each task: it asks the service for its metrics, and writes them away.

Everything goes to Prometheus. What dashboards of CloudWatch show of the business and the chain goes
there as well, through the log that CloudWatch reads metrics from; alarms are only in Prometheus.
"""

from collections.abc import Sequence
from typing import Any, Final

import yaml

from environments import Environment
from environments.metrics import Metrics
from stacks.naming import Names
from stacks.prometheus import chain, market
from stacks.prometheus.workspace import METRICS_LOG, endpoint_path
from stacks.statements import Statement
from stacks.tasks import Container

NAME: Final = "collector"
_SCRAPE: Final = "15s"  # four values in the minute that the shortest limits look at
_MEMORY_MEBIBYTES: Final = 100
_CONFIG: Final = "AOT_CONFIG_CONTENT"  # where the distribution of AWS looks for its configuration
_ADDRESS: Final = "PROMETHEUS_REMOTE_WRITE"


def collector(
    service: str, port: int, metrics: Metrics, environment: Environment, *, log_group_name: str
) -> Container:
    """The container that collects the metrics of `service`, which publishes them at `port`."""
    names = Names(environment)
    return Container(
        name=NAME,
        image=metrics.collector,
        port=None,
        is_essential=False,  # a service outlives what watches it
        region=environment.aws.region,
        log_group_name=log_group_name,
        log_prefix=service,
        variables={_CONFIG: configuration(service, port, metrics, environment)},
        references={_ADDRESS: names.arn("ssm", f"parameter{endpoint_path(names)}")},
    )


def writes(names: Names) -> list[Statement]:
    """Write metrics, into the environment's own workspace and log alone.

    AWS draws the workspace's id, so that it is told by its tag.
    """
    return [
        {
            "Sid": "Metrics",
            "Effect": "Allow",
            "Action": "aps:RemoteWrite",
            "Resource": names.arn("aps", "workspace/*"),
            "Condition": {"StringEquals": {"aws:ResourceTag/Environment": names.environment.name}},
        },
        {
            "Sid": "MetricsLog",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": names.arn("logs", f"log-group:{names.path(METRICS_LOG)}:*"),
        },
    ]


def shown(metrics: Metrics) -> list[str]:
    """The metrics that dashboards of CloudWatch show: of the chain, a market and the business."""
    of_chain = [
        chain.TRANSACTIONS,
        chain.UNITS_USED,
        chain.UNITS_LIMIT,
        chain.BALANCE,
        chain.RENT,
        chain.FEE,
        chain.RPC_UP,
        chain.INVALID_PROOFS,
    ]
    of_market = [*market.COLLECTED, market.TRADES] if metrics.is_market else []
    return list(dict.fromkeys([*of_chain, *of_market, *metrics.business]))


def configuration(service: str, port: int, metrics: Metrics, environment: Environment) -> str:
    """What the collector is told: one source, two ways out, and how much memory it may take."""
    region = environment.aws.region
    names = shown(metrics)
    content: dict[str, Any] = {
        "extensions": {"sigv4auth": {"region": region, "service": "aps"}},
        "receivers": {
            "prometheus": {
                "config": {
                    "global": {"scrape_interval": _SCRAPE, "scrape_timeout": "10s"},
                    "scrape_configs": [
                        {
                            "job_name": service,
                            "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
                        }
                    ],
                }
            }
        },
        "processors": {
            "memory_limiter": {"check_interval": "1s", "limit_mib": _MEMORY_MEBIBYTES},
            # Which task it was: each one publishes the same series at the same address.
            "resourcedetection": {"detectors": ["env", "ecs"]},
            "batch": {},
            "filter/shown": {
                "metrics": {"include": {"match_type": "strict", "metric_names": names}}
            },
        },
        "exporters": {
            "prometheusremotewrite": {
                "endpoint": f"${{env:{_ADDRESS}}}",
                "auth": {"authenticator": "sigv4auth"},
                "resource_to_telemetry_conversion": {"enabled": True},
            },
            "awsemf": {
                "region": region,
                "namespace": f"Slipway/{environment.name}",
                "log_group_name": Names(environment).path(METRICS_LOG),
                "log_stream_name": service,
                "dimension_rollup_option": "NoDimensionRollup",
                "metric_declarations": _declarations(names),
            },
        },
        "service": {
            "extensions": ["sigv4auth"],
            "pipelines": {
                "metrics": _pipeline(["resourcedetection"], "prometheusremotewrite"),
                "metrics/shown": _pipeline(["filter/shown"], "awsemf"),
            },
        },
    }
    return yaml.safe_dump(content, sort_keys=False, width=100)


def _declarations(names: Sequence[str]) -> list[dict[str, Any]]:
    """Metrics of CloudWatch cost by combination: outcome and cause are told apart, no more."""
    return [
        {"dimensions": [["outcome"], []], "metric_name_selectors": [f"^{name}$" for name in names]}
    ]


def _pipeline(processors: Sequence[str], exporter: str) -> dict[str, list[str]]:
    return {
        "receivers": ["prometheus"],
        "processors": ["memory_limiter", *processors, "batch"],
        "exporters": [exporter],
    }
