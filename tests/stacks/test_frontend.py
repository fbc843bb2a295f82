"""The frontend: its files reach browsers through the CDN alone, from the release in use."""

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast

import pytest

from environments import Environment
from plan import Graph, Plan
from policies.nodes import Subject
from tests.conftest import PROJECT
from tests.stacks.reading import ENVIRONMENTS, ON_AWS, of_type, only, statements
from tests.stacks.variants import plan_with

PlanOf = Callable[[str], Plan]
RecordOf = Callable[[str], Environment]

_DISTRIBUTION: Final = "cloudfront/distribution"
_NODE: Final = shutil.which("node")
_FUNCTIONS: Final = PROJECT / "stacks" / "cdn_functions"
_needs_node = pytest.mark.skipif(_NODE is None, reason="there is no node on the PATH")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_frontend_stands_where_the_record_names_one(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """In staging, too: what production serves was served there before (POD-02)."""
    frontend = record_of(name).frontend
    found = [one for one in of_type(plan_of(name), _DISTRIBUTION) if one.name == "frontend"]
    assert len(found) == (1 if frontend else 0)
    assert (frontend is None) == (name == "development")


@pytest.mark.parametrize("name", ON_AWS)
def test_the_cdn_alone_reads_the_files(name: str, plan_of: PlanOf, record_of: RecordOf) -> None:
    """The bucket is private; CloudFront signs what it asks for, and only the account's may ask."""
    plan = plan_of(name)
    account = record_of(name).aws.account
    distribution = only(plan, _DISTRIBUTION, "frontend")
    (origin,) = distribution.nodes("origins")
    assert origin.text("domainName") == f"{name}-frontend-{account}.s3.us-east-1.amazonaws.com"
    access = only(plan, "cloudfront/originAccessControl")
    assert access.text("signingBehavior") == "always"
    assert access.resource in Graph(plan).references(distribution.resource, "origins")
    policy = only(plan, "s3/bucketPolicy", "frontend")
    allowed = [
        one for one in policy.document("policy").nodes("Statement") if one.text("Effect") == "Allow"
    ]
    assert {one.text("Action") for one in allowed} == {"s3:GetObject", "s3:ListBucket"}
    for one in allowed:
        assert one.node("Principal").text("Service") == "cloudfront.amazonaws.com"
        condition = one.node("Condition")
        assert condition.node("StringEquals").text("aws:SourceAccount") == account
        source = condition.node("ArnLike").text("aws:SourceArn")
        assert source == f"arn:aws:cloudfront::{account}:distribution/*"
    assert statements(policy)["TlsOnly"].text("Effect") == "Deny"
    assert policy.resource.urn in distribution.resource.dependencies


@pytest.mark.parametrize("name", ON_AWS)
def test_every_answer_of_the_cdn_is_safe(name: str, plan_of: PlanOf, record_of: RecordOf) -> None:
    """Over TLS 1.2 or newer, with the headers of NET-07, which no file can set otherwise."""
    plan = plan_of(name)
    record = record_of(name)
    distribution = only(plan, _DISTRIBUTION, "frontend")
    behavior = distribution.node("defaultCacheBehavior")
    assert behavior.text("viewerProtocolPolicy") == "redirect-to-https"
    assert distribution.node("viewerCertificate").text("minimumProtocolVersion") == "TLSv1.2_2021"
    headers = only(plan, "cloudfront/responseHeadersPolicy").node("securityHeadersConfig")
    for header in ("strictTransportSecurity", "contentSecurityPolicy", "frameOptions"):
        assert headers.node(header).flag("override")
    csp = headers.node("contentSecurityPolicy").text("contentSecurityPolicy") or ""
    directives = dict(one.split(" ", 1) for one in csp.split("; "))
    assert directives["default-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"
    callable_ = directives["connect-src"].split()
    assert f"https://{record.edge.name}" in callable_
    assert {*record.solana.rpc_urls} <= {*callable_}
    assert not {"*", "https:", "'unsafe-inline'", "'unsafe-eval'"} & {*csp.replace(";", "").split()}


@pytest.mark.parametrize("name", ON_AWS)
def test_a_release_changes_by_a_pointer_that_an_update_leaves_alone(
    name: str, plan_of: PlanOf
) -> None:
    """The function looks the release up for each request; the stack only seeds it (POD-02)."""
    plan = plan_of(name)
    graph = Graph(plan)
    distribution = only(plan, _DISTRIBUTION, "frontend")
    function = only(plan, "cloudfront/function", "release")
    assert function.resource in graph.references(distribution.resource, "defaultCacheBehavior")
    (store,) = graph.references(function.resource, "keyValueStoreAssociations")
    pointer = only(plan, "cloudfront/keyvaluestoreKey")
    assert graph.references(pointer.resource, "keyValueStoreArn") == (store,)
    assert pointer.text("key") == "release"
    assert pointer.options.ignore_changes == ("value",)
    assert pointer.resource.urn not in distribution.resource.dependencies


@pytest.mark.parametrize("name", ON_AWS)
def test_requests_are_logged_without_what_they_carry(name: str, plan_of: PlanOf) -> None:
    """Each distribution's log goes to an encrypted group; cookies and queries stay out of it."""
    plan = plan_of(name)
    graph = Graph(plan)
    sources = of_type(plan, "cloudwatch/logDeliverySource")
    logged = {graph.references(one.resource, "resourceArn")[0].name for one in sources}
    assert logged == {one.name for one in of_type(plan, _DISTRIBUTION)}
    for delivery in of_type(plan, "cloudwatch/logDelivery"):
        fields = delivery.texts("recordFields")
        assert {"date", "time", "c-ip", "cs-method", "sc-status"} <= {*fields}
        assert not {"cs(Cookie)", "cs-uri-query", "cs(Referer)"} & {*fields}
    group = only(plan, "cloudwatch/logGroup", "pages")
    assert group.number("retentionInDays") == 90
    assert graph.references(group.resource, "kmsKeyId")


@pytest.mark.parametrize("name", ON_AWS)
def test_visitors_can_report_and_do_nothing_else(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """Errors and speed of real sessions arrive, from the frontend's own name (MON-16)."""
    plan = plan_of(name)
    frontend = record_of(name).frontend
    assert frontend is not None
    monitor = only(plan, "rum/appMonitor")
    assert monitor.text("domain") == frontend.name
    configuration = monitor.node("appMonitorConfiguration")
    assert {*configuration.texts("telemetries")} == {"errors", "performance", "http"}
    assert configuration.number("sessionSampleRate") == 1
    (statement,) = only(plan, "iam/rolePolicy", "guests").document("policy").nodes("Statement")
    assert statement.text("Action") == "rum:PutRumEvents"
    resource = statement.text("Resource") or ""
    assert resource.endswith(f":appmonitor/{monitor.text('name')}")


@pytest.mark.parametrize("name", ON_AWS)
def test_the_name_leads_to_the_distribution(
    name: str, plan_of: PlanOf, record_of: RecordOf
) -> None:
    """Over both kinds of addresses, with a certificate of that name from us-east-1 (NET-03)."""
    plan = plan_of(name)
    graph = Graph(plan)
    frontend = record_of(name).frontend
    assert frontend is not None
    distribution = only(plan, _DISTRIBUTION, "frontend")
    assert distribution.texts("aliases") == [frontend.name]
    assert only(plan, "acm/certificate", "frontend").text("domainName") == frontend.name
    leading = graph.referrers(distribution.resource, "aws:route53/record:Record")
    assert {Subject(one).text("type") for one in leading} == {"A", "AAAA"}
    assert {Subject(one).text("name") for one in leading} == {frontend.name}


def test_what_a_product_adds_may_be_called(tmp_path: Path) -> None:
    """Another origin that pages call stands in the file, and so in what browsers are told."""
    plan = plan_with(
        tmp_path, "integration", {"frontend.connectsTo": ["https://prices.example.org"]}
    )
    headers = only(plan, "cloudfront/responseHeadersPolicy").node("securityHeadersConfig")
    csp = headers.node("contentSecurityPolicy").text("contentSecurityPolicy") or ""
    assert "https://prices.example.org" in csp.partition("connect-src")[2].partition(";")[0]


def _answer(file: str, request: Mapping[str, Any], release: str = "v1.4.0") -> dict[str, Any]:
    """What the function in `file` makes of `request`, run as CloudFront does."""
    assert _NODE
    code = (_FUNCTIONS / file).read_text(encoding="utf-8")
    event = json.dumps({"request": request})
    code = code.replace("import cloudfront from 'cloudfront';", "")
    program = f"""
        const cloudfront = {{kvs: () => ({{get: async (key) => ({{release: '{release}'}})[key]}})}};
        {code}
        (async () => console.log(JSON.stringify(await handler({event}))))();
    """
    done = subprocess.run([_NODE, "-e", program], capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    return cast("dict[str, Any]", json.loads(done.stdout))


@_needs_node
@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("/", "/index.html"),
        ("/assets/app.4f2a.js", "/assets/app.4f2a.js"),
        ("/markets/42", "/index.html"),
        ("/v1.2/markets", "/index.html"),
        ("/.well-known/security", "/.well-known/security"),
    ],
)
def test_a_request_is_answered_from_the_release_in_use(asked: str, served: str) -> None:
    """A file is itself, and any other path is the application's own to show."""
    request = _answer("release.js", {"uri": asked, "method": "GET", "headers": {}})
    assert request["uri"] == f"/releases/v1.4.0{served}"


@_needs_node
@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"accept": {"value": "text/html,application/xhtml+xml"}}, "text/html; charset=utf-8"),
        ({"accept": {"value": "application/json"}}, "application/json"),
        ({}, "application/json"),
    ],
)
def test_the_page_says_that_nothing_is_there(headers: Mapping[str, Any], kind: str) -> None:
    """People read it, programs parse it, and neither a cache nor a browser keeps it."""
    answer = _answer("unavailable.js", {"uri": "/", "method": "POST", "headers": headers})
    assert answer["statusCode"] == 503
    assert answer["headers"]["content-type"]["value"] == kind
    assert answer["headers"]["cache-control"]["value"] == "no-store"
    assert answer["headers"]["retry-after"]["value"] == "60"
    if kind == "application/json":
        assert json.loads(answer["body"])["error"]


@pytest.mark.parametrize("file", ["release.js", "unavailable.js"])
def test_a_function_is_no_longer_than_cloudfront_takes(file: str) -> None:
    """Ten kilobytes."""
    assert (_FUNCTIONS / file).stat().st_size < 10_240
