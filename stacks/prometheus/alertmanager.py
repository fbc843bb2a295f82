"""Who hears of an alert of Prometheus: a topic for each severity, and the paging service."""

from collections.abc import Mapping
from typing import Any, Final

import yaml

from stacks.severity import Severity
from stacks.topics import HEARTBEAT

WATCHDOG: Final = "Watchdog"
"""The alert that always fires: what no longer comes through is noticed by its silence."""
HEARTBEAT_MINUTES: Final = 5
ROUTING_KEY: Final = "routing_key"
"""The key of the paging secret, which is a JSON object."""

_TOGETHER: Final = ["severity", "job", "program"]
"""One cause shows in several alerts of a service or program: they are told of as one."""

# Chat takes messages of this form only; https://docs.aws.amazon.com/chatbot has the schema.
_TEMPLATE: Final = r"""
{{ define "sns.default.subject" -}}
[{{ .Status | toUpper }}] {{ .CommonLabels.alertname }}
{{- end }}
{{ define "sns.default.message" -}}
{"version": "1.0", "source": "custom", "content": {"textType": "client-markdown",
"title": {{ printf "%s %s" (.Status | toUpper) (.GroupLabels.SortedPairs.Values | join " ") | printf "%q" }},
"description": "{{ range .Alerts }}{{ printf "%s\n%s\n" .Annotations.summary .Annotations.runbook | printf "%q" | reReplaceAll "^\"|\"$" "" }}{{ end }}"}}
{{- end }}
"""  # noqa: E501 - a line of a template is a line of its output


def definition(
    topics: Mapping[Severity, str], *, heartbeat: str, region: str, paging_secret: str | None
) -> str:
    """Alertmanager's definition; `topics` and `heartbeat` are ARNs, known before an apply."""
    receivers = [_receiver(severity.value, arn, region) for severity, arn in topics.items()]
    receivers.append(_receiver(HEARTBEAT, heartbeat, region))
    if paging_secret is not None:
        receivers[list(topics).index(Severity.CRITICAL)]["pagerduty_configs"] = [
            {
                "routing_key": {
                    "aws_secrets_manager": {
                        "secret_arn": paging_secret,
                        "secret_key": ROUTING_KEY,
                        "refresh_interval": "5m",
                    }
                },
                "severity": Severity.CRITICAL.value,
                "description": "{{ .CommonLabels.alertname }}: "
                "{{ range .Alerts.Firing }}{{ .Annotations.summary }} {{ end }}",
            }
        ]
    config: dict[str, Any] = {
        "route": {
            "receiver": Severity.WARNING.value,  # an alert without a severity is not lost
            "group_by": _TOGETHER,
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "4h",
            "routes": [
                {
                    "receiver": HEARTBEAT,
                    "matchers": [f'alertname="{WATCHDOG}"'],
                    "group_wait": "0s",
                    "group_interval": "1m",
                    "repeat_interval": f"{HEARTBEAT_MINUTES}m",
                },
                *(
                    {"receiver": severity.value, "matchers": [f'severity="{severity}"']}
                    for severity in topics
                ),
            ],
        },
        "receivers": receivers,
    }
    return yaml.safe_dump(
        {
            "template_files": {"slack": _TEMPLATE},
            "alertmanager_config": yaml.safe_dump(config, sort_keys=False, width=100),
        },
        sort_keys=False,
        width=100,
    )


def _receiver(name: str, topic_arn: str, region: str) -> dict[str, Any]:
    return {
        "name": name,
        "sns_configs": [
            {
                "topic_arn": topic_arn,
                "sigv4": {"region": region},
                "send_resolved": name != HEARTBEAT,
                # Who hears of Prometheus directly leaves these out.
                "attributes": {"source": "prometheus"},
            }
        ],
    }
