"""Who hears of an alarm: people by mail and SMS, the paging service, and chat (NOTE-07)."""

from typing import Annotated

from pydantic import Field, StringConstraints

from environments.record import Email, Record

Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9]\d{6,14}$")]
Channel = Annotated[str, StringConstraints(pattern=r"^[CG][A-Z0-9]{8,}$")]
SecretArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+$")
]


class Slack(Record):
    """The channels of a Slack workspace that Amazon Q Developer posts into.

    The workspace has to be authorised once by hand, in the console of the account.
    """

    workspace_id: Annotated[str, StringConstraints(pattern=r"^T[A-Z0-9]{8,}$")]
    alerts: Channel
    """Hears of what is critical: `#alerts`."""
    monitoring: Channel
    """Hears of warnings: `#monitoring`."""
    deployments: Channel
    """Hears of what is good to know: `#deployments`."""


class Alerts(Record):
    """Who hears of an alarm, by severity (MON-12): addresses of mail, and the other ways."""

    critical: Annotated[tuple[Email, ...], Field(min_length=1)]
    warning: Annotated[tuple[Email, ...], Field(min_length=1)]
    info: tuple[Email, ...] = ()
    paging_secret: SecretArn | None = None
    """The secret that holds the paging service's integration key: a JSON object whose
    `routing_key` is that of an event orchestration in PagerDuty. It exists before the first apply;
    what is critical pages through it (MON-02)."""
    sms: tuple[Phone, ...] = ()
    """The numbers that get a text message of what is critical."""
    chat: Slack | None = None
