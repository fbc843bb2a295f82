"""What real sessions of a frontend report: the errors that people met, and how long they waited."""

from dataclasses import dataclass

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_aws import cognito, iam, rum

from environments import Environment
from environments.frontend import Frontend
from stacks.metrics import MINUTE, Alarm, Formula, Limit, Metric
from stacks.naming import Names
from stacks.statements import document
from standards import figure

_FULL = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsArguments:
    """What the record of sessions is made from."""

    environment: Environment
    frontend: Frontend


class Sessions(ComponentResource):
    """A monitor of CloudWatch RUM, which the pages report to (MON-16).

    Makes the monitor; and what lets anonymous visitors report to it, and do nothing else: a pool of
    guest identities, and their role. Its metrics, `JsErrorCount` among them, stand in `AWS/RUM`;
    the alarm on them stands with the others (`stacks/alarms.py`).
    """

    monitor: str
    """The name that metrics know the frontend by."""
    monitor_id: Output[str]
    identity_pool_id: Output[str]

    def __init__(
        self, name: str, arguments: SessionsArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:sessions:Sessions", name, opts=options)
        inside = ResourceOptions(parent=self)
        names = Names(arguments.environment)
        self.monitor = monitor_name(names)
        pool = cognito.IdentityPool(
            "guests",
            identity_pool_name=names.of("guests"),
            allow_unauthenticated_identities=True,  # a visitor has no account
            allow_classic_flow=True,  # what the web client of RUM uses
            opts=inside,
        )
        self.identity_pool_id = pool.id
        role = iam.Role(
            "guests",
            name=names.of("frontend-guests"),
            description="What visitors report errors and speed with",
            # Which pool it trusts is known after an apply: AWS makes up its id.
            assume_role_policy=Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Federated": "cognito-identity.amazonaws.com"},
                            "Action": "sts:AssumeRoleWithWebIdentity",
                            "Condition": {
                                "StringEquals": {"cognito-identity.amazonaws.com:aud": pool.id},
                                "ForAnyValue:StringLike": {
                                    "cognito-identity.amazonaws.com:amr": "unauthenticated"
                                },
                            },
                        }
                    ],
                }
            ),
            opts=inside,
        )
        iam.RolePolicy(
            "guests",
            role=role.id,
            policy=document(
                {
                    "Effect": "Allow",
                    "Action": "rum:PutRumEvents",
                    "Resource": names.arn("rum", f"appmonitor/{self.monitor}"),
                }
            ),
            opts=inside,
        )
        cognito.IdentityPoolRoleAttachment(
            "guests",
            identity_pool_id=pool.id,
            roles={"unauthenticated": role.arn},
            opts=inside,
        )
        self.monitor_id = rum.AppMonitor(
            "frontend",
            name=self.monitor,
            domain=arguments.frontend.name,
            cw_log_enabled=False,  # RUM keeps events for 30 days itself; its group has no key
            app_monitor_configuration={
                "allow_cookies": False,
                "enable_xray": False,
                "guest_role_arn": role.arn,
                "identity_pool_id": pool.id,
                "session_sample_rate": arguments.frontend.recorded_sessions_percent / _FULL,
                "telemetries": ["errors", "performance", "http"],
            },
            opts=inside,
        ).app_monitor_id
        self.register_outputs({})


def script_errors(names: Names) -> Alarm:
    """The alarm on pages that fail in people's browsers: a release that only they show as broken.

    It judges an hour as a whole: some browser, or what is installed in it, always fails.
    """
    percent = figure("MON-12", "warning_error_rate_above_percent").percent
    counts = {"errors": "JsErrorCount", "views": "PageViewCount"}
    return Alarm(
        name="frontend-script-errors",
        summary=f"More than {percent:g} errors in 100 views of the frontend",
        watched=Formula(
            text="100 * errors / views",
            metrics={
                key: Metric(
                    namespace="AWS/RUM",
                    name=name,
                    statistic="Sum",
                    dimensions={"application_name": monitor_name(names)},
                )
                for key, name in counts.items()
            },
        ),
        limit=Limit.of(percent),
        period=60 * MINUTE,
        runbook="script-errors",
    )


def monitor_name(names: Names) -> str:
    """What RUM calls the frontend, in its metrics, too."""
    return names.of("frontend")


def reporting_origins(region: str) -> tuple[str, ...]:
    """What a page must be able to call for its sessions to be heard of."""
    return tuple(
        f"https://{service}.{region}.amazonaws.com"
        for service in ("dataplane.rum", "cognito-identity", "sts")
    )
