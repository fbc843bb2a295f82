"""Rules for virtual machines: instances, and the templates that groups start them from."""

import zlib
from base64 import b64decode, b64encode
from typing import Final

from pydantic import Field

from plan.graph import Graph
from plan.values import Value
from policies.credentials import credential_in
from policies.instances import (
    INSTANCE,
    INSTANCES,
    LAUNCH_CONFIGURATION,
    LAUNCH_TEMPLATE,
    LAUNCHERS,
    SPOT_REQUEST,
    left_to_template,
)
from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    NotApplicable,
    NotEvaluated,
    Outcome,
    all_of,
    attempt,
    every,
    fail,
    met,
    require,
    some,
)
from policies.registry import Controls, Given, Inputs, Ref, rule
from policies.relations import targets
from policies.remediation import with_input
from policies.settings import Settings, Severity

ADDRESS: Final = "aws:ec2/eip:Eip"
ADDRESS_ASSOCIATION: Final = "aws:ec2/eipAssociation:EipAssociation"

_FROM_TEMPLATE: Final = {"launchTemplate": {"id": Ref("workers")}}
_TEMPLATE_DECIDES: Final = NotApplicable("its launch template decides")


def _with_metadata_option(instance: Subject, key: str, value: Value) -> Inputs:
    path = (*instance.node("metadataOptions").path, key)
    return with_input(instance.resource.inputs, path, value)


@rule(
    types=LAUNCHERS,
    severity=Severity.HIGH,
    controls=Controls(
        fsbp=("EC2.8", "EC2.170", "AutoScaling.3"), cis=("5.7",), checkov=("CKV_AWS_79",)
    ),
    remediation="""
        Ask for a token with each request for metadata:

            aws.ec2.LaunchTemplate("workers", metadata_options={
                "http_tokens": "required", "http_put_response_hop_limit": 1}, ...)
        """,
    passing=[
        (Given(INSTANCE, "worker", {"metadataOptions": {"httpTokens": "required"}}),),
        (Given(LAUNCH_CONFIGURATION, "old", {"metadataOptions": {"httpEndpoint": "disabled"}}),),
        (
            Given(LAUNCH_TEMPLATE, "workers", {"metadataOptions": {"httpTokens": "required"}}),
            Given(INSTANCE, "worker", _FROM_TEMPLATE),
        ),
    ],
    failing=[
        (Given(INSTANCE, "worker", {"metadataOptions": {"httpTokens": "optional"}}),),
        (Given(SPOT_REQUEST, "worker", {"instanceType": "t3.micro"}),),
        (Given(LAUNCH_TEMPLATE, "workers", {"metadataOptions": {"httpEndpoint": "enabled"}}),),
        (
            Given(LAUNCH_TEMPLATE, "workers", {"imageId": "ami-1"}),
            Given(INSTANCE, "worker", _FROM_TEMPLATE),
        ),
    ],
    remedy=lambda instance: _with_metadata_option(instance, "httpTokens", "required"),
)
def ec2_imdsv2(instance: Subject) -> Outcome:
    """Instance metadata is given to those alone who ask with a token.

    A service that can be tricked into fetching an address otherwise hands out its role's keys.
    """
    if left_to_template(instance, "metadataOptions"):
        return _TEMPLATE_DECIDES
    options = instance.node("metadataOptions")
    if options.text("httpTokens") == "required" or options.text("httpEndpoint") == "disabled":
        return PASS
    return fail("answers requests for metadata without a token", options.at("httpTokens"))


class Hops(Settings):
    """How far from an instance its metadata can be read."""

    max_hops: int = Field(default=1, ge=1, le=2)
    """2 where containers with a network of their own have to read it."""


@rule(
    types=LAUNCHERS,
    severity=Severity.HIGH,
    controls=Controls(fsbp=("AutoScaling.4",), checkov=("CKV_AWS_341",)),
    settings=Hops,
    remediation="""
        Let the answer live for one hop, so that it never leaves the instance:

            aws.ec2.LaunchTemplate("workers", metadata_options={
                "http_tokens": "required", "http_put_response_hop_limit": 1}, ...)
        """,
    passing=[
        (Given(LAUNCH_TEMPLATE, "workers", {"metadataOptions": {"httpPutResponseHopLimit": 1}}),),
        (Given(INSTANCE, "worker", {"metadataOptions": {"httpTokens": "required"}}),),
        (
            Given(
                LAUNCH_TEMPLATE,
                "workers",
                {"metadataOptions": {"httpPutResponseHopLimit": 64, "httpEndpoint": "disabled"}},
            ),
        ),
    ],
    failing=[
        (Given(LAUNCH_TEMPLATE, "workers", {"metadataOptions": {"httpPutResponseHopLimit": 2}}),),
        (
            Given(
                LAUNCH_CONFIGURATION, "old", {"metadataOptions": {"httpPutResponseHopLimit": "64"}}
            ),
        ),
    ],
    absence_is_safe=True,
    remedy=lambda instance, settings: _with_metadata_option(
        instance, "httpPutResponseHopLimit", settings.max_hops
    ),
)
def ec2_imds_hop_limit(instance: Subject, settings: Hops) -> Outcome:
    """Instance metadata does not travel.

    A container, or a proxy that forwards what it gets, could otherwise read the instance's keys.
    """
    options = instance.node("metadataOptions")
    hops = options.number("httpPutResponseHopLimit") or 1
    if hops <= settings.max_hops or options.text("httpEndpoint") == "disabled":
        return PASS
    return fail(
        f"metadata travels {hops:g} hops, more than {settings.max_hops}",
        options.at("httpPutResponseHopLimit"),
    )


@rule(
    types=[*LAUNCHERS, ADDRESS, ADDRESS_ASSOCIATION],
    severity=Severity.HIGH,
    requirements=["NET-11"],
    controls=Controls(
        fsbp=("EC2.9", "EC2.25", "AutoScaling.5"), checkov=("CKV_AWS_88", "CKV_AWS_389")
    ),
    remediation="""
        Start it in a private subnet without an address of its own; reach it through the load
        balancer, or with Session Manager:

            aws.ec2.Instance("worker", subnet_id=private_subnet.id,
                             associate_public_ip_address=False, ...)
        """,
    passing=[
        (Given(INSTANCE, "worker", {"associatePublicIpAddress": False}),),
        (
            Given(
                LAUNCH_TEMPLATE,
                "workers",
                {"networkInterfaces": [{"associatePublicIpAddress": "false"}, {"deviceIndex": 1}]},
            ),
        ),
        (Given(ADDRESS, "nat", {"domain": "vpc"}),),
    ],
    failing=[
        (Given(INSTANCE, "worker", {"associatePublicIpAddress": True}),),
        (Given(LAUNCH_CONFIGURATION, "old", {"associatePublicIpAddress": "true"}),),
        (
            Given(
                LAUNCH_TEMPLATE,
                "workers",
                {"networkInterfaces": [{"deviceIndex": 0}, {"associatePublicIpAddress": "true"}]},
            ),
        ),
        (Given(INSTANCE, "bastion"), Given(ADDRESS, "bastion", {"instance": Ref("bastion")})),
        (
            Given(INSTANCE, "bastion"),
            Given(ADDRESS_ASSOCIATION, "bastion", {"instanceId": Ref("bastion")}),
        ),
    ],
    absence_is_safe=True,
)
def ec2_no_public_ip(instance: Subject) -> Outcome:
    """An instance has no public address.

    With one it can be reached around the load balancer, its firewall and its logs.
    """
    for type_, key in ((ADDRESS, "instance"), (ADDRESS_ASSOCIATION, "instanceId")):
        if instance.type == type_:
            return require(not instance.has_text(key), "gives an instance a public address", key)

    def private(interface: Node) -> Outcome:
        return require(
            not interface.flag("associatePublicIpAddress"),
            "gets a public address",
            interface.at("associatePublicIpAddress"),
        )

    return all_of(
        attempt(lambda: private(instance)), every(instance.each("networkInterfaces"), private)
    )


@rule(
    types=INSTANCES,
    severity=Severity.MEDIUM,
    controls=Controls(cis=("1.17",), checkov=("CKV2_AWS_41",)),
    remediation="""
        Give it a role that it gets short-lived keys from:

            profile = aws.iam.InstanceProfile("worker", role=role.name)
            aws.ec2.Instance("worker", iam_instance_profile=profile.name, ...)
        """,
    passing=[
        (
            Given("aws:iam/instanceProfile:InstanceProfile", "worker"),
            Given(INSTANCE, "worker", {"iamInstanceProfile": Ref("worker")}),
        ),
        (
            Given(LAUNCH_TEMPLATE, "workers", {"iamInstanceProfile": {"name": "worker"}}),
            Given(SPOT_REQUEST, "worker", {"launchTemplate": {"name": Ref("workers")}}),
        ),
    ],
    failing=[
        (Given(INSTANCE, "worker", {"instanceType": "t3.micro"}),),
        (
            Given(LAUNCH_TEMPLATE, "workers", {"imageId": "ami-1"}),
            Given(INSTANCE, "worker", _FROM_TEMPLATE),
        ),
    ],
)
def ec2_instance_profile(instance: Subject, _: Settings, graph: Graph) -> Outcome:
    """An instance has a role.

    Without one somebody will put an access key on it, which never expires and is easily copied.
    """
    message = "has no role to get keys from"
    if not left_to_template(instance, "iamInstanceProfile"):
        return require(instance.has_text("iamInstanceProfile"), message, "iamInstanceProfile")

    def names_one(template: Subject) -> Outcome:
        profile = template.node("iamInstanceProfile")
        return met(profile.has_text("name") or profile.has_text("arn"))

    templates = targets(instance.resource, graph, "launchTemplate", [LAUNCH_TEMPLATE])
    if not templates:
        return NotEvaluated("its launch template is not in this stack")
    return some(templates, names_one, message)


def _encoded(script: str) -> str:
    """What a launch template takes, for the examples."""
    return b64encode(script.encode()).decode()


@rule(
    types=LAUNCHERS,
    severity=Severity.CRITICAL,
    requirements=["CFG-02"],
    controls=Controls(checkov=("CKV_AWS_46",)),
    remediation="""
        Keep it in Secrets Manager; let the instance fetch it with its role:

            aws.ec2.Instance("worker", iam_instance_profile=profile.name, user_data=(
                "#!/bin/sh\\n"
                "aws secretsmanager get-secret-value --secret-id worker/database > /run/secret\\n"))
        """,
    passing=[
        (Given(INSTANCE, "worker", {"userData": "#!/bin/sh\nPASSWORD=$(fetch-secret worker)\n"}),),
        (Given(LAUNCH_TEMPLATE, "workers", {"userData": _encoded("#!/bin/sh\nstart\n")}),),
        (Given(INSTANCE, "worker", {"userDataBase64": _encoded("SECRET_ARN=arn:aws:s:::x")}),),
    ],
    failing=[
        (Given(INSTANCE, "worker", {"userData": "#!/bin/sh\nexport DB_PASSWORD='hunter22'\n"}),),
        (Given(INSTANCE, "worker", {"userDataBase64": _encoded("id=AKIA" + "0" * 16)}),),
        (
            Given(
                LAUNCH_TEMPLATE,
                "workers",
                {"userData": _encoded("-----BEGIN RSA PRIVATE KEY-----\n")},
            ),
        ),
        (
            Given(
                LAUNCH_CONFIGURATION, "old", {"userData": "curl https://api:hunter22@example.com"}
            ),
        ),
    ],
    absence_is_safe=True,
)
def ec2_user_data_no_secrets(instance: Subject) -> Outcome:
    """No credential stands in user data.

    Everyone who may describe the instance reads it, and so does every process on it.
    """

    def harmless(key: str) -> Outcome:
        if key in instance.resource.secrets:
            return fail("a secret value is put into it", key)
        text = instance.text(key) or ""
        kind = credential_in(text) or credential_in(_decoded(text))
        return require(not kind, f"holds {kind}", key)

    return every(["userData", "userDataBase64"], harmless)


_MOST_BYTES: Final = 1 << 20
"""More than user data can hold, and little enough for what was made to unpack into too much."""


def _decoded(text: str) -> str:
    """What `text` says in base64, unpacked if that is compressed; empty where it is neither."""
    try:
        data = b64decode("".join(text.split()), validate=True)
        if data.startswith(b"\x1f\x8b"):
            data = zlib.decompressobj(wbits=31).decompress(data, _MOST_BYTES)
    except (ValueError, zlib.error):
        return ""  # plain text, which is read as it is
    return data.decode(errors="replace")


@rule(
    types=[*INSTANCES, LAUNCH_TEMPLATE],
    severity=Severity.LOW,
    controls=Controls(checkov=("CKV_AWS_126",)),
    remediation="""
        Measure it each minute instead of every five:

            aws.ec2.Instance("worker", monitoring=True, ...)
            aws.ec2.LaunchTemplate("workers", monitoring={"enabled": True}, ...)
        """,
    passing=[
        (Given(INSTANCE, "worker", {"monitoring": True}),),
        (
            Given(LAUNCH_TEMPLATE, "workers", {"monitoring": {"enabled": "true"}}),
            Given(INSTANCE, "worker", _FROM_TEMPLATE),
        ),
    ],
    failing=[
        (Given(INSTANCE, "worker", {"monitoring": False}),),
        (Given(LAUNCH_TEMPLATE, "workers", {"monitoring": {"enabled": False}}),),
        (Given(LAUNCH_TEMPLATE, "workers", {"imageId": "ami-1"}),),
        (Given(SPOT_REQUEST, "worker", {"instanceType": "t3.micro"}),),
    ],
)
def ec2_detailed_monitoring(instance: Subject) -> Outcome:
    """An instance is measured each minute.

    Every five minutes, as AWS does by default, is too late for an alarm and for scaling.
    """
    if left_to_template(instance, "monitoring"):
        return _TEMPLATE_DECIDES
    if instance.type == LAUNCH_TEMPLATE:
        monitoring = instance.node("monitoring")
        return require(
            monitoring.flag("enabled"), "measures only every 5 minutes", monitoring.at("enabled")
        )
    return require(instance.flag("monitoring"), "is measured only every 5 minutes", "monitoring")
