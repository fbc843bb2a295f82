"""Rules for pages that a CDN serves from a bucket: who reads it, what they say, how they change."""

from typing import Final

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    NotApplicable,
    NotEvaluated,
    Outcome,
    all_of,
    every,
    met,
    require,
    some,
)
from policies.registry import Controls, Given, Ref, rule
from policies.relations import targets
from policies.rules.cloudfront import DISTRIBUTION
from policies.settings import Settings, Severity

FUNCTION: Final = "aws:cloudfront/function:Function"
HEADERS: Final = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
APP_MONITOR: Final = "aws:rum/appMonitor:AppMonitor"

_BEHAVIOR: Final = "defaultCacheBehavior"
_NO_FILES: Final = NotApplicable("serves no files of a bucket")

_FILES: Final[dict[str, object]] = {
    "originId": "files",
    "domainName": "example-pages.s3.us-east-1.amazonaws.com",
}
_SERVER: Final[dict[str, object]] = {
    "originId": "api",
    "domainName": "api.example.com",
    "customOriginConfig": {"originProtocolPolicy": "https-only"},
}


def _pages(**inputs: object) -> Given:
    """A distribution that serves files, for the examples."""
    return Given(DISTRIBUTION, "pages", {"origins": [_FILES], **inputs})


def _files(distribution: Subject) -> list[Node]:
    """The origins of `distribution` that are buckets: those that nothing says of how to speak to.

    A bucket that is a website is a server like any other.
    """
    return [one for one in distribution.each("origins") if not one.has("customOriginConfig")]


@rule(
    types=[DISTRIBUTION],
    severity=Severity.MEDIUM,
    requirements=["NET-13"],
    controls=Controls(fsbp=("CloudFront.13",)),
    remediation="""
        Let CloudFront sign what it asks the bucket for:

            access = aws.cloudfront.OriginAccessControl("pages", signing_behavior="always",
                signing_protocol="sigv4", origin_access_control_origin_type="s3")
            aws.cloudfront.Distribution("pages", origins=[{
                "origin_id": "files", "domain_name": bucket.bucket_regional_domain_name,
                "origin_access_control_id": access.id}], ...)
        """,
    passing=[(_pages(origins=[_SERVER, {**_FILES, "originAccessControlId": "E1EXAMPLE"}]),)],
    failing=[
        (_pages(),),
        (
            _pages(
                origins=[{**_FILES, "s3OriginConfig": {"originAccessIdentity": "E2EXAMPLE"}}],
            ),
        ),
    ],
    absence_is_safe=True,
)
def cloudfront_origin_access(distribution: Subject) -> Outcome:
    """The CDN alone reads the bucket whose files it serves.

    What anybody can read past the CDN has neither its firewall nor its headers nor its log. An
    origin access identity cannot read what a key of KMS encrypts.
    """
    files = _files(distribution)
    if not files:
        return _NO_FILES
    return every(
        files,
        lambda one: require(
            one.has_text("originAccessControlId"),
            "it does not sign what it asks the bucket for",
            one.at("originAccessControlId"),
        ),
    )


def _through(**function: object) -> tuple[Given, ...]:
    """A distribution whose requests go through a function, for the examples."""
    return (
        Given(FUNCTION, "release", function),
        _pages(
            defaultCacheBehavior={
                "functionAssociations": [
                    {"eventType": "viewer-request", "functionArn": Ref("release")}
                ]
            }
        ),
    )


@rule(
    types=[DISTRIBUTION],
    severity=Severity.MEDIUM,
    requirements=["POD-02"],
    remediation="""
        Put each release under a path of its own, and let a function look up which one is in use:

            aws.cloudfront.Function("release", runtime="cloudfront-js-2.0", code=code,
                                    key_value_store_associations=[store.arn])
        """,
    passing=[
        _through(keyValueStoreAssociations=["arn:aws:cloudfront::123456789012:key-value-store/a"]),
        (_pages(origins=[{**_FILES, "originPath": "/releases/v1.4.0-4dd0042"}]),),
    ],
    failing=[
        (_pages(),),
        (_pages(origins=[{**_FILES, "originPath": "/"}]),),
        _through(),
    ],
    absence_is_safe=True,
)
def cloudfront_release_pointer(distribution: Subject, _: Settings, graph: Graph) -> Outcome:
    """A frontend is released by changing a pointer.

    Files that are written over serve half of one release with half of another, and the earlier one
    is gone. Beside each other, the tested files are those that go live, and going back is instant.
    """
    files = _files(distribution)
    if not files:
        return _NO_FILES
    if all((one.text("originPath") or "/").strip("/") for one in files):
        return PASS
    functions = targets(distribution.resource, graph, _BEHAVIOR, [FUNCTION])
    behavior = distribution.node(_BEHAVIOR)
    if behavior.has("functionAssociations") and not functions:
        return NotEvaluated("the function that its requests go through is not in this stack")
    return some(
        functions,
        lambda one: met(one.has("keyValueStoreAssociations")),
        "its files lie where the next release would write over them",
    )


def _monitor(domain: str = "app.example.com", *telemetries: str) -> Given:
    """What sessions report to, for the examples."""
    configuration = {"telemetries": list(telemetries)}
    return Given(APP_MONITOR, "app", {"domain": domain, "appMonitorConfiguration": configuration})


_NAMED: Final = _pages(aliases=["app.example.com"])


@rule(
    types=[DISTRIBUTION],
    severity=Severity.LOW,
    requirements=["MON-16"],
    remediation="""
        Give the pages something to report to:

            aws.rum.AppMonitor("app", domain="app.example.com", app_monitor_configuration={
                "telemetries": ["errors", "performance", "http"],
                "identity_pool_id": guests.id, "guest_role_arn": role.arn})
        """,
    passing=[
        (_NAMED, _monitor("app.example.com", "errors", "performance")),
        (
            _NAMED,
            Given(
                APP_MONITOR,
                "app",
                {
                    "domainLists": ["www.example.com", "app.example.com"],
                    "appMonitorConfiguration": {"telemetries": ["errors", "performance"]},
                },
            ),
        ),
    ],
    failing=[
        (_NAMED,),
        (_NAMED, _monitor("other.example.com", "errors", "performance")),
        (_NAMED, _monitor("app.example.com", "performance")),
        (_NAMED, _monitor("app.example.com")),
    ],
    absence_is_safe=True,
)
def cloudfront_real_sessions(distribution: Subject, _: Settings, graph: Graph) -> Outcome:
    """Real sessions of a frontend report their errors and speed.

    An error in a browser reaches no server: whoever does not ask for it, never hears of it.
    """
    if not _files(distribution):
        return _NO_FILES
    names = set(distribution.texts("aliases"))

    def hears(monitor: Subject) -> Outcome:
        domains = {monitor.text("domain") or "", *monitor.texts("domainLists")}
        told = set(monitor.node("appMonitorConfiguration").texts("telemetries"))
        return met(domains & names and {"errors", "performance"} <= told)

    return some(
        map(Subject, graph.of_type(APP_MONITOR)),
        hears,
        "no session reports its errors and speed",
    )


def _with_headers(**headers: object) -> tuple[Given, ...]:
    """A distribution whose answers have `headers`, for the examples."""
    return (
        Given(HEADERS, "pages-headers", {"securityHeadersConfig": headers}),
        _pages(defaultCacheBehavior={"responseHeadersPolicyId": Ref("pages-headers")}),
    )


_HSTS: Final = {"accessControlMaxAgeSec": 31536000, "override": True}
_CSP: Final = {"contentSecurityPolicy": "default-src 'self'", "override": True}
_FRAMES: Final = {"frameOption": "DENY", "override": True}


@rule(
    types=[DISTRIBUTION],
    severity=Severity.MEDIUM,
    requirements=["NET-07"],
    remediation="""
        Let the CDN set them on each answer:

            aws.cloudfront.ResponseHeadersPolicy("pages", security_headers_config={
                "strict_transport_security": {"access_control_max_age_sec": 31536000,
                                              "override": True},
                "content_security_policy": {"content_security_policy": "default-src 'self'",
                                            "override": True},
                "frame_options": {"frame_option": "DENY", "override": True}})
        """,
    passing=[
        _with_headers(
            strictTransportSecurity=_HSTS, contentSecurityPolicy=_CSP, frameOptions=_FRAMES
        ),
    ],
    failing=[
        (_pages(),),
        _with_headers(strictTransportSecurity=_HSTS, frameOptions=_FRAMES),
        _with_headers(
            strictTransportSecurity={"accessControlMaxAgeSec": 0, "override": True},
            contentSecurityPolicy=_CSP,
            frameOptions=_FRAMES,
        ),
    ],
    absence_is_safe=True,
)
def cloudfront_security_headers(distribution: Subject, _: Settings, graph: Graph) -> Outcome:
    """Pages of a bucket carry HSTS, Content-Security-Policy and X-Frame-Options.

    A bucket sends none of them: only the CDN can. They keep a page from being framed, and a script
    from elsewhere from running in it.
    """
    if not _files(distribution):
        return _NO_FILES
    behavior = distribution.node(_BEHAVIOR)
    if not behavior.has_text("responseHeadersPolicyId"):
        return require(None, "sets no headers", behavior.at("responseHeadersPolicyId"))
    policies = targets(distribution.resource, graph, _BEHAVIOR, [HEADERS])
    if not policies:
        return NotEvaluated("its headers policy is not in this stack")
    return every(policies, _sets_all)


def _sets_all(policy: Subject) -> Outcome:
    config = policy.node("securityHeadersConfig")
    hsts = config.node("strictTransportSecurity")
    return all_of(
        require((hsts.number("accessControlMaxAgeSec") or 0) > 0, f"{policy.name} sets no HSTS"),
        require(
            config.node("contentSecurityPolicy").has_text("contentSecurityPolicy"),
            f"{policy.name} sets no Content-Security-Policy",
        ),
        require(
            config.node("frameOptions").has_text("frameOption"),
            f"{policy.name} sets no X-Frame-Options",
        ),
    )
