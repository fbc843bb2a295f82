"""Policy documents of AWS, as text: known before an apply, so that rules can judge them."""

import json
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from stacks.naming import Names

Statement: TypeAlias = dict[str, Any]

_PUBLISHERS: Final = (
    "aps.amazonaws.com",
    "backup.amazonaws.com",
    "cloudwatch.amazonaws.com",
    "events.rds.amazonaws.com",
)
_EVENT_BRIDGE: Final = "events.amazonaws.com"


def document(*statements: Statement) -> str:
    """The policy document of `statements`."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def assumed_by(service: str, names: Names) -> str:
    """The policy of a role that `service` assumes, on behalf of the environment's account alone."""
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sts:AssumeRole",
            "Condition": from_account(names),
        }
    )


def assumed_by_own(service: str) -> str:
    """The policy of a role that `service` assumes, where AWS documents no condition for it.

    A role can be passed to a service only inside its own account, so that nobody else's work is
    done with it; a condition on a key that the service does not send would lock it out.
    """
    return document(
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    )


def from_account(names: Names) -> dict[str, dict[str, str]]:
    """The condition that a service acts on behalf of the environment's account."""
    return {"StringEquals": {"aws:SourceAccount": names.environment.aws.account}}


def published(actions: Sequence[str], resource: str, names: Names) -> list[Statement]:
    """Let the services that raise alarms and events do `actions` on `resource`."""
    return [
        {
            "Sid": "Publishers",
            "Effect": "Allow",
            "Principal": {"Service": _PUBLISHERS},
            "Action": actions,
            "Resource": resource,
            "Condition": from_account(names),
        },
        {
            "Sid": "EventBridge",
            "Effect": "Allow",
            # It does not say for whom it calls: a condition on the account would refuse it.
            "Principal": {"Service": _EVENT_BRIDGE},
            "Action": actions,
            "Resource": resource,
        },
    ]


def tls_only(actions: str, *resources: str) -> Statement:
    """Refuse everybody who comes without TLS."""
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": resources,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
