"""DNS: a name that leads to what is well, answers that are signed, queries that are logged."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from environments import Environment
from plan import Graph, Plan
from policies.nodes import Subject
from stacks.providers import WORLDWIDE
from tests.stacks.reading import ON_AWS, of_type, only
from tests.stacks.variants import plan_with

PlanOf = Callable[[str], Plan]
RecordOf = Callable[[str], Environment]

_RECORD: Final = "route53/record"
_SIGNING: Final = {
    "dnssec-failure": "DNSSECInternalFailure",
    "dnssec-key": "DNSSECKeySigningKeysNeedingAction",
}


def _role(record: Subject) -> str | None:
    (routing,) = record.nodes("failoverRoutingPolicies") or [record.node("failoverRoutingPolicies")]
    return routing.text("type")


@pytest.mark.parametrize("name", ON_AWS)
def test_a_page_answers_while_the_load_balancer_is_not_well(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """The same name leads to the load balancer first, and to a page at AWS's edge after it."""
    plan = plan_of(name)
    graph = Graph(plan)
    own_name = record_of(name).edge.name
    own = [one for one in of_type(plan, _RECORD) if one.resource.inputs["name"] == own_name]
    targets = {
        _role(one): {target.type for target in graph.references(one.resource, "aliases")}
        for one in own
    }
    assert targets == {
        "PRIMARY": {"aws:lb/loadBalancer:LoadBalancer"},
        "SECONDARY": {"aws:cloudfront/distribution:Distribution"},
    }
    assert len({one.text("setIdentifier") for one in own}) == len(own)


@pytest.mark.parametrize("name", ON_AWS)
def test_the_health_check_asks_the_load_balancer_itself(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """Asked by the name, it would find the page well as soon as that answers, and switch back."""
    plan = plan_of(name)
    graph = Graph(plan)
    check = only(plan, "route53/healthCheck", "edge")
    (asked,) = graph.references(check.resource, "fqdn")
    assert asked.type == "aws:lb/loadBalancer:LoadBalancer"
    assert (check.text("type"), check.number("port")) == ("HTTPS", 443)
    assert check.text("resourcePath") == record_of(name).edge.health_path
    primary = only(plan, _RECORD, "edge")
    assert graph.references(primary.resource, "healthCheckId") == (check.resource,)


def test_an_environment_may_do_without_a_page(tmp_path: Path) -> None:
    """Then one record leads to the load balancer, and nothing asks."""
    plan = plan_with(tmp_path, "integration", {"edge.failover": "none"})
    own = only(plan, _RECORD, "edge")
    assert _role(own) is None
    assert not own.has("setIdentifier")
    assert not of_type(plan, "route53/healthCheck")
    assert [one.name for one in of_type(plan, "cloudfront/distribution")] == ["frontend"]


@pytest.mark.parametrize("name", ON_AWS)
def test_an_own_zone_is_signed_and_its_queries_are_logged(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """With a key that Route 53 can use, and to a log that it may write to, both in us-east-1."""
    plan = plan_of(name)
    graph = Graph(plan)
    zone_id = record_of(name).edge.zone_id
    signing = only(plan, "route53/keySigningKey")
    assert signing.text("hostedZoneId") == zone_id
    (key,) = graph.references(signing.resource, "keyManagementServiceArn")
    assert (key.inputs["customerMasterKeySpec"], key.inputs["keyUsage"]) == (
        "ECC_NIST_P256",
        "SIGN_VERIFY",
    )
    assert (
        only(plan, "route53/hostedZoneDnsSec").resource.options.protect
        == record_of(name).is_stateful_protected
    )
    log = only(plan, "route53/queryLog")
    assert log.text("zoneId") == zone_id
    (group,) = graph.references(log.resource, "cloudwatchLogGroupArn")
    policy = only(plan, "cloudwatch/logResourcePolicy", "queries").document("policyDocument")
    (statement,) = policy.nodes("Statement")
    assert statement.node("Principal").text("Service") == "route53.amazonaws.com"
    assert str(group.inputs["name"]) in (statement.text("Resource") or "")
    assert f":logs:{WORLDWIDE}:" in (statement.text("Resource") or "")


@pytest.mark.parametrize("name", ON_AWS)
def test_a_zone_that_can_no_longer_sign_pages(name: str, plan_of: PlanOf) -> None:
    """Whoever checks signatures would find nothing of it once the last of them has expired."""
    plan = plan_of(name)
    signing = only(plan, "route53/keySigningKey")
    critical = only(plan, "sns/topic", "critical").resource.urn
    for alarm, metric in _SIGNING.items():
        made = only(plan, "cloudwatch/metricAlarm", alarm)
        assert (made.text("namespace"), made.text("metricName")) == ("AWS/Route53", metric)
        assert made.node("dimensions").text("HostedZoneId") == signing.text("hostedZoneId")
        assert critical in made.resource.property_dependencies["alarmActions"]


@pytest.mark.parametrize("name", ON_AWS)
def test_two_certificates_of_one_name_share_their_proof(name: str, plan_of: PlanOf) -> None:
    """AWS asks both for the same record: made twice, it would go with the first that goes."""
    plan = plan_of(name)
    proven = [one.name for one in of_type(plan, _RECORD) if one.name.endswith("-validation")]
    assert "edge-validation" in proven
    assert "unavailable-validation" not in proven
    waits = only(plan, "acm/certificateValidation", "unavailable")
    assert not waits.has("validationRecordFqdns")


def test_a_zone_that_others_share_is_left_to_its_owner(tmp_path: Path) -> None:
    """Two stacks that sign one zone would each undo what the other did."""
    plan = plan_with(tmp_path, "integration", {"edge.ownsZone": False})
    for type_ in ("route53/keySigningKey", "route53/hostedZoneDnsSec", "route53/queryLog"):
        assert not of_type(plan, type_)


def test_what_must_stand_in_us_east_1_does(tmp_path: Path) -> None:
    """In an environment of another region, AWS finds certificates and firewalls of its edge."""
    plan = plan_with(
        tmp_path,
        "integration",
        {
            "aws.region": "eu-central-1",
            "aws.backupRegion": "eu-west-1",
            "network.zones": ["eu-central-1a", "eu-central-1b", "eu-central-1c"],
        },
    )
    graph = Graph(plan)
    regions = {
        one.name: one.inputs["region"]
        for one in plan.resources
        if one.type == "pulumi:providers:aws"
    }
    assert regions == {"main": "eu-central-1", "backup": "eu-west-1", "worldwide": WORLDWIDE}
    there = {
        f"{one.type.split(':')[1]} {one.name}"
        for one in plan.resources
        if one.provider and graph.by_urn[one.provider].name == "worldwide"
    }
    assert there >= {
        "acm/certificate frontend",
        "acm/certificate unavailable",
        "cloudfront/distribution frontend",
        "cloudwatch/eventRule cdn-certificate-expiring",
        "cloudwatch/logGroup pages",
        "cloudwatch/logGroup queries",
        "kms/key dnssec",
        "kms/key edge-logs",
        "route53/queryLog queries",
        "wafv2/webAcl pages-firewall",
    }
    # The metrics of signing stand in us-east-1 alone: an alarm elsewhere would never have data.
    assert not set(_SIGNING) & {one.name for one in of_type(plan, "cloudwatch/metricAlarm")}
    sent_on = only(plan, "cloudwatch/eventTarget", "cdn-certificate-expiring")
    assert sent_on.text("arn") == "arn:aws:events:eu-central-1:111111111111:event-bus/default"
    assert not there & {"acm/certificate edge", "s3/bucket frontend", "wafv2/webAcl firewall"}
