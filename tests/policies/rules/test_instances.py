"""Rules of instances, their disks and their groups, where examples do not reach."""

import gzip
from base64 import b64encode

import pytest

from plan.values import SECRET, UNKNOWN, UNKNOWN_SECRET
from policies.instances import INSTANCE, LAUNCH_CONFIGURATION, LAUNCH_TEMPLATE, SPOT_REQUEST
from policies.registry import Given, Ref
from policies.relations import SUBNET
from policies.rules.autoscaling import ATTACHMENT, GROUP, Instances
from policies.rules.ec2 import Hops
from standards import Tier
from tests.policies.doors import FAIL, PASS, SILENT, UNDECIDED, messages, says

FROM_ELSEWHERE = {"launchTemplate": {"id": "lt-0123456789abcdef0"}}


@pytest.mark.parametrize("rule", ["ec2-imdsv2", "ec2-detailed-monitoring"])
def test_a_template_decides_for_its_instances(rule: str) -> None:
    """An instance that leaves a setting to its template is judged there."""
    assert says(rule, Given(INSTANCE, "worker", FROM_ELSEWHERE)) == SILENT
    assert says(rule, Given(SPOT_REQUEST, "worker", {"launchTemplate": {"name": "w"}})) == SILENT
    assert says(rule, Given(INSTANCE, "worker", {"launchTemplate": {"version": "1"}})) == FAIL
    assert says(rule, Given(INSTANCE, "worker", {"launchTemplate": UNKNOWN})) == UNDECIDED


def test_an_instance_may_differ_from_its_template() -> None:
    """What an instance sets itself is judged, whatever its template says."""
    options = {"metadataOptions": {"httpTokens": "optional"}}
    assert says("ec2-imdsv2", Given(INSTANCE, "worker", {**FROM_ELSEWHERE, **options})) == FAIL


def test_a_profile_in_another_stack_is_not_known() -> None:
    """A template that this stack does not declare may name a role."""
    assert says("ec2-instance-profile", Given(INSTANCE, "worker", FROM_ELSEWHERE)) == UNDECIDED


def test_two_hops_can_be_allowed() -> None:
    """Containers with a network of their own are one hop further away."""
    template = Given(
        LAUNCH_TEMPLATE, "workers", {"metadataOptions": {"httpPutResponseHopLimit": 2}}
    )
    assert says("ec2-imds-hop-limit", template) == FAIL
    assert says("ec2-imds-hop-limit", template, settings=Hops(max_hops=2)) == PASS


@pytest.mark.parametrize("secret", [SECRET, UNKNOWN_SECRET])
def test_a_secret_in_user_data_is_a_credential(secret: object) -> None:
    """What the program itself calls secret does not belong where everyone reads it."""
    worker = Given(INSTANCE, "worker", {"userData": secret})
    assert messages("ec2-user-data-no-secrets", worker) == ["a secret value is put into it"]


def test_compressed_user_data_is_read() -> None:
    """Cloud-init unpacks it, and so does everyone else."""
    script = b64encode(gzip.compress(b"#!/bin/sh\nDB_PASSWORD=hunter22\n")).decode()
    for type_, key in ((LAUNCH_CONFIGURATION, "userDataBase64"), (LAUNCH_TEMPLATE, "userData")):
        assert says("ec2-user-data-no-secrets", Given(type_, "workers", {key: script})) == FAIL
    broken = b64encode(b"\x1f\x8bnothing").decode()
    worker = Given(LAUNCH_TEMPLATE, "workers", {"userData": broken})
    assert says("ec2-user-data-no-secrets", worker) == PASS


def test_user_data_in_lines_of_base64_is_read() -> None:
    """As command-line tools write it."""
    text = b64encode(b"# " + b"x" * 80 + b"\nDB_PASSWORD=hunter22\n").decode()
    lines = "\n".join(text[at : at + 76] for at in range(0, len(text), 76))
    worker = Given(LAUNCH_TEMPLATE, "workers", {"userData": lines})
    assert messages("ec2-user-data-no-secrets", worker) == ["holds a password or key"]


def test_every_disk_that_is_wrong_is_named() -> None:
    """The root disk does not hide the others, nor do they hide it."""
    plain = {"encrypted": False}
    worker = Given(INSTANCE, "worker", {"rootBlockDevice": plain, "ebsBlockDevices": [plain]})
    assert messages("ebs-encrypted", worker) == [
        "rootBlockDevice is not encrypted",
        "ebsBlockDevices[0] is not encrypted",
    ]


def test_a_template_leaves_other_disks_to_the_instance() -> None:
    """The root disk may come from the template; disks that the instance adds are its own."""
    disks = {"ebsBlockDevices": [{"encrypted": False}]}
    assert says("ebs-encrypted", Given(INSTANCE, "worker", FROM_ELSEWHERE)) == PASS
    assert says("ebs-encrypted", Given(INSTANCE, "worker", {**FROM_ELSEWHERE, **disks})) == FAIL


def test_only_production_needs_two_instances() -> None:
    """A group elsewhere still spans two zones, but may shrink to one instance."""
    group = Given(
        GROUP, "workers", {"minSize": 1, "availabilityZones": ["eu-west-1a", "eu-west-1b"]}
    )
    assert says("asg-multi-az", group) == FAIL
    assert says("asg-multi-az", group, settings=Instances(tier=Tier.STAGING)) == PASS
    assert says("asg-multi-az", group, settings=Instances(min_count=3)) == FAIL


def test_zones_of_subnets_elsewhere_are_not_known() -> None:
    """Two subnets that the stack does not declare may lie in one zone; one certainly does."""
    group = Given(GROUP, "workers", {"minSize": 2, "vpcZoneIdentifiers": ["subnet-1", "subnet-2"]})
    assert says("asg-multi-az", group) == UNDECIDED
    one = Given(GROUP, "workers", {"minSize": 2, "vpcZoneIdentifiers": ["subnet-1"]})
    assert messages("asg-multi-az", one) == ["runs in one subnet, subnet-1"]
    known = Given(SUBNET, "a", {"availabilityZone": UNKNOWN})
    group = Given(GROUP, "workers", {"minSize": 2, "vpcZoneIdentifiers": [Ref("a")]})
    assert says("asg-multi-az", known, group) == UNDECIDED


def test_an_attachment_may_belong_to_any_group() -> None:
    """While nobody knows what an attachment refers to, each group may be behind a balancer."""
    attachment = Given(ATTACHMENT, "edge", {"autoscalingGroupName": UNKNOWN})
    assert says("asg-elb-health-check", Given(GROUP, "workers"), attachment) == UNDECIDED
    assert says("asg-elb-health-check", Given(GROUP, "workers")) == SILENT


def test_a_template_gives_its_instances_a_role_by_name_or_arn() -> None:
    """An instance that names one itself needs none from there."""
    started = Given(INSTANCE, "worker", {"launchTemplate": {"id": Ref("workers")}})
    for profile, expected in (
        ({"name": "worker"}, PASS),
        ({"arn": "arn:aws:iam::123456789012:instance-profile/worker"}, PASS),
        ({}, FAIL),
    ):
        template = Given(LAUNCH_TEMPLATE, "workers", {"iamInstanceProfile": profile})
        assert says("ec2-instance-profile", template, started, of="worker") == expected
        own = Given(INSTANCE, "worker", {**started.inputs, "iamInstanceProfile": "own"})
        assert says("ec2-instance-profile", template, own, of="worker") == PASS
        bare = Given(INSTANCE, "worker", {**started.inputs, "iamInstanceProfile": " "})
        assert says("ec2-instance-profile", template, bare, of="worker") == FAIL


def test_an_instance_may_be_measured_less_than_its_template_says() -> None:
    """What it sets itself is judged; what it leaves out is not."""
    for inputs, expected in (
        ({**FROM_ELSEWHERE, "monitoring": False}, FAIL),
        ({**FROM_ELSEWHERE, "monitoring": True}, PASS),
        (FROM_ELSEWHERE, SILENT),
    ):
        assert says("ec2-detailed-monitoring", Given(INSTANCE, "worker", inputs)) == expected


@pytest.mark.parametrize("kind", ["ELB", "EBS, ELB", "VPC_LATTICE"])
def test_a_balancer_of_any_kind_says_who_is_well(kind: str) -> None:
    """A list of kinds needs one of them; EC2's own check alone is none."""
    group = Given(GROUP, "workers", {"trafficSources": [{"identifier": "arn"}]})
    checked = Given(GROUP, "workers", {**group.inputs, "healthCheckType": kind})
    assert says("asg-elb-health-check", group) == FAIL
    assert says("asg-elb-health-check", checked) == PASS
