"""The edge: what the internet reaches, and how."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from environments import Environment
from plan import Graph, Plan
from policies.nodes import Subject
from tests.stacks.reading import ENVIRONMENTS, ON_AWS, of_type, only, statements
from tests.stacks.variants import plan_with

PlanOf = Callable[[str], Plan]
RecordOf = Callable[[str], Environment]

_EVERYWHERE = {"0.0.0.0/0", "::/0"}


def _open_ports(plan: Plan) -> Iterator[tuple[float | None, float | None]]:
    """The ranges of ports that some rule opens to the internet."""
    for rule in of_type(plan, "vpc/securityGroupIngressRule"):
        if {rule.text("cidrIpv4"), rule.text("cidrIpv6")} & _EVERYWHERE:
            yield rule.number("fromPort"), rule.number("toPort")
    for group in of_type(plan, "ec2/securityGroup"):
        for rule in group.nodes("ingress"):
            if {*rule.texts("cidrBlocks"), *rule.texts("ipv6CidrBlocks")} & _EVERYWHERE:
                yield rule.number("fromPort"), rule.number("toPort")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_only_80_and_443_are_open_to_the_internet(name: str, plan_of: PlanOf) -> None:
    """No security group of the whole environment opens another port to everybody (NET-01)."""
    assert set(_open_ports(plan_of(name))) == {(80, 80), (443, 443)}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_port_80_only_redirects(name: str, plan_of: PlanOf) -> None:
    """Plain HTTP gets one answer: come back over TLS."""
    (action,) = only(plan_of(name), "lb/listener", "http").nodes("defaultActions")
    assert action.text("type") == "redirect"
    redirect = action.node("redirect")
    assert (redirect.text("protocol"), redirect.text("port")) == ("HTTPS", "443")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_tls_is_modern_and_nothing_is_served_by_default(name: str, plan_of: PlanOf) -> None:
    """The other listener speaks TLS 1.2 or later; a request that no service claims gets a 404."""
    listener = only(plan_of(name), "lb/listener", "https")
    assert (listener.text("protocol"), listener.number("port")) == ("HTTPS", 443)
    assert listener.text("sslPolicy") == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    (action,) = listener.nodes("defaultActions")
    assert action.node("fixedResponse").text("statusCode") == "404"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_answer_carries_the_security_headers(name: str, plan_of: PlanOf) -> None:
    """The load balancer sets the headers of NET-07, whatever a service answers."""
    listener = only(plan_of(name), "lb/listener", "https")
    for header in ("StrictTransportSecurity", "ContentSecurityPolicy", "XFrameOptions"):
        assert listener.text(f"routingHttpResponse{header}HeaderValue")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_load_balancer_spans_the_zones(name: str, plan_of: PlanOf, record_of: RecordOf) -> None:
    """It stands in the public subnet of each zone, and refuses requests that are no proper HTTP."""
    balancer = only(plan_of(name), "lb/loadBalancer", "edge")
    subnets = Graph(plan_of(name)).references(balancer.resource, "subnets")
    zones = record_of(name).network.zones
    assert sorted(one.name for one in subnets) == sorted(f"public-{zone}" for zone in zones)
    assert balancer.flag("dropInvalidHeaderFields")
    assert balancer.text("desyncMitigationMode") == "defensive"
    assert balancer.flag("enableDeletionProtection") == record_of(name).is_stateful_protected


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_access_is_logged_to_a_bucket_of_its_own(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """Only load balancers add to it, only over TLS, and its entries are kept as long as asked."""
    plan = plan_of(name)
    graph = Graph(plan)
    balancer = only(plan, "lb/loadBalancer", "edge")
    assert balancer.node("accessLogs").flag("enabled")
    # It waits for the bucket's policy, too: before that no log arrives.
    bucket, _policy = graph.references(balancer.resource, "accessLogs")
    companions = {
        one.type.split(":")[2]: Subject(one) for one in graph.referrers(bucket, key="bucket")
    }
    policy = statements(companions["BucketPolicy"])
    principal = policy["Delivery"].node("Principal").text("Service")
    assert principal == "logdelivery.elasticloadbalancing.amazonaws.com"
    assert policy["TlsOnly"].text("Effect") == "Deny"
    assert ("NobodyDeletes" in policy) == record_of(name).must("LOG-06")
    (rule,) = companions["BucketLifecycleConfiguration"].nodes("rules")
    assert rule.node("expiration").number("days") == 90
    assert (
        companions["BucketVersioning"].node("versioningConfiguration").text("status") == "Enabled"
    )
    block = companions["BucketPublicAccessBlock"]
    for flag in (
        "blockPublicAcls",
        "blockPublicPolicy",
        "ignorePublicAcls",
        "restrictPublicBuckets",
    ):
        assert block.flag(flag)
    assert companions["BucketPolicy"].resource.urn in balancer.resource.dependencies


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_firewall_stands_where_the_standards_ask_for_one(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """A web ACL on the load balancer, or a limit for each address, is asked for on AWS alone."""
    record = record_of(name)
    asked = record.must("NET-05") or record.must("NET-09")
    assert asked == (name in ON_AWS)
    associations = of_type(plan_of(name), "wafv2/webAclAssociation")
    assert len(associations) == int(asked)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_name_leads_to_the_load_balancer(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """The environment's name resolves to its load balancer while that is healthy (NET-03)."""
    record = only(plan_of(name), "route53/record", "edge")
    assert record.text("name") == record_of(name).edge.name
    (alias,) = record.nodes("aliases")
    assert alias.flag("evaluateTargetHealth")
    (target,) = Graph(plan_of(name)).references(record.resource, "aliases")
    assert target.type == "aws:lb/loadBalancer:LoadBalancer"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_zone_exists_before_except_on_an_emulator(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """Records go to the hosted zone that the environment names, or to one that the stack makes."""
    zone_id = record_of(name).edge.zone_id
    record = only(plan_of(name), "route53/record", "edge")
    if zone_id is None:
        assert record_of(name).aws.endpoint
        assert only(plan_of(name), "route53/zone").text("name") == record_of(name).edge.zone
    else:
        assert record.text("zoneId") == zone_id


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_certificate_renews_itself_and_warns_when_it_cannot(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """AWS validates it by DNS again and again; people hear of what goes wrong (NET-04)."""
    plan = plan_of(name)
    graph = Graph(plan)
    certificate = only(plan, "acm/certificate", "edge")
    assert certificate.text("domainName") == record_of(name).edge.name
    assert certificate.text("validationMethod") == "DNS"
    listener = only(plan, "lb/listener", "https")
    (validation,) = graph.references(listener.resource, "certificateArn")
    assert validation.type == "aws:acm/certificateValidation:CertificateValidation"
    rule = only(plan, "cloudwatch/eventRule", "certificate-expiring")
    assert "ACM Certificate Approaching Expiration" in rule.document("eventPattern").texts(
        "detail-type"
    )
    (target,) = graph.referrers(rule.resource, key="rule")
    (topic,) = graph.references(target, "arn")
    assert topic.name == "warning"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_load_balancer_reaches_services_alone(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """Its way out leads to the ports of public services inside the VPC, and nowhere else."""
    record = record_of(name)
    plan = plan_of(name)
    group = only(plan, "ec2/securityGroup", "edge")
    ways = [
        Subject(one)
        for one in Graph(plan).referrers(group.resource, key="securityGroupId")
        if one.type.startswith("aws:vpc/securityGroupEgressRule:")
    ]
    ports = {service.port for service in record.services.values() if service.is_public}
    assert {way.number("fromPort") for way in ways} == ports
    assert {way.text("cidrIpv4") for way in ways} == {str(record.network.cidr)}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_pages_that_may_call_are_told_apart(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """The one allowed origin stands in each answer, and services are told of all (NET-08)."""
    origins = record_of(name).edge.allowed_origins
    header = "routingHttpResponseAccessControlAllowOriginHeaderValue"
    assert only(plan_of(name), "lb/listener", "https").text(header) == origins[0]
    containers = only(plan_of(name), "ecs/taskDefinition", "api").documents("containerDefinitions")
    (container,) = (one for one in containers if one.text("name") == "api")
    told = {one.text("name"): one.text("value") for one in container.nodes("environment")}
    assert told["ALLOWED_ORIGINS"] == ",".join(origins)


def test_two_origins_are_left_to_the_service(tmp_path: Path) -> None:
    """A load balancer can name no more than one: any it named would shut out the other."""
    origins = ["https://app.integration.example.com", "https://admin.example.com"]
    plan = plan_with(tmp_path, "integration", {"edge.allowedOrigins": origins})
    header = "routingHttpResponseAccessControlAllowOriginHeaderValue"
    assert only(plan, "lb/listener", "https").text(header) is None


def test_shield_advanced_is_there_for_who_pays(tmp_path: Path, plan_of: PlanOf) -> None:
    """With it, the health check tells AWS's response team when an attack hurts (NET-06)."""
    assert not of_type(plan_of("integration"), "shield/protection")
    plan = plan_with(tmp_path, "integration", {"edge.shieldAdvanced": True})
    protection = only(plan, "shield/protection", "edge")
    (protected,) = Graph(plan).references(protection.resource, "resourceArn")
    assert protected.type == "aws:lb/loadBalancer:LoadBalancer"
    assert only(plan, "shield/protectionHealthCheckAssociation").has("healthCheckArn")
