"""Rules for content delivery."""

from typing import Final

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import PASS, Outcome, all_of, attempt, every, fail, require
from policies.registry import Controls, Given, Ref, rule
from policies.relations import companions
from policies.settings import Settings, Severity

DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
LOG_SOURCE: Final = "aws:cloudwatch/logDeliverySource:LogDeliverySource"

_ENCRYPTED: Final = {"redirect-to-https", "https-only"}
_MODERN: Final = ("TLSv1.2_", "TLSv1.3_")
_MODERN_ORIGIN: Final = {"TLSv1.2", "TLSv1.3"}

_GOOD: Final[dict[str, object]] = {
    "defaultCacheBehavior": {"viewerProtocolPolicy": "redirect-to-https"},
    "orderedCacheBehaviors": [{"pathPattern": "/api/*", "viewerProtocolPolicy": "https-only"}],
    "viewerCertificate": {
        "acmCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/app",
        "minimumProtocolVersion": "TLSv1.2_2021",
    },
    "webAclId": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/app/a1b2c3",
    "loggingConfig": {"bucket": "logs.s3.amazonaws.com"},
    "origins": [
        {
            "originId": "api",
            "customOriginConfig": {
                "originProtocolPolicy": "https-only",
                "originSslProtocols": ["TLSv1.2"],
            },
        },
        {"originId": "files", "originAccessControlId": "a1b2c3"},
    ],
}


def _but(**inputs: object) -> dict[str, object]:
    """A good distribution with other `inputs`, for the examples."""
    return {**_GOOD, **inputs}


def _without(key: str) -> dict[str, object]:
    return {name: value for name, value in _GOOD.items() if name != key}


def _is_encrypted(behavior: Node) -> Outcome:
    policy = behavior.text("viewerProtocolPolicy")
    return require(
        policy in _ENCRYPTED,
        f"TLS: serves viewers with {policy or 'no protocol policy'}",
        behavior.at("viewerProtocolPolicy"),
    )


def _is_modern(certificate: Node) -> Outcome:
    if certificate.flag("cloudfrontDefaultCertificate"):
        return fail(
            "TLS: CloudFront's own certificate allows TLS 1.0",
            certificate.at("cloudfrontDefaultCertificate"),
        )
    version = certificate.text("minimumProtocolVersion") or "TLSv1"
    return require(
        version.startswith(_MODERN),
        f"TLS: viewers may use {version}",
        certificate.at("minimumProtocolVersion"),
    )


def _reaches_origin_safely(origin: Node) -> Outcome:
    if not origin.has("customOriginConfig"):
        return PASS  # CloudFront itself speaks to a bucket, always with TLS 1.2.
    custom = origin.node("customOriginConfig")
    policy = custom.text("originProtocolPolicy")
    return all_of(
        require(
            policy != "http-only",
            "TLS: fetches from an origin without it",
            custom.at("originProtocolPolicy"),
        ),
        every(
            custom.each("originSslProtocols"),
            lambda one: require(
                one.as_text() in _MODERN_ORIGIN,
                f"TLS: fetches from an origin with {one.as_text()}",
                one.here,
            ),
        ),
    )


@rule(
    types=[DISTRIBUTION],
    severity=Severity.MEDIUM,
    requirements=["NET-05", "NET-13"],
    controls=Controls(
        fsbp=("CloudFront.3", "CloudFront.5", "CloudFront.6", "CloudFront.10"),
        checkov=("CKV_AWS_68", "CKV_AWS_174"),
    ),
    remediation="""
        Encrypt both ways, filter and log:

            aws.cloudfront.Distribution("app",
                default_cache_behavior={"viewer_protocol_policy": "redirect-to-https", ...},
                viewer_certificate={"acm_certificate_arn": certificate.arn,
                                    "ssl_support_method": "sni-only",
                                    "minimum_protocol_version": "TLSv1.2_2021"},
                web_acl_id=acl.arn,
                logging_config={"bucket": logs.bucket_domain_name}, ...)
        """,
    passing=[
        (Given(DISTRIBUTION, "app", _GOOD),),
        (
            Given("aws:wafv2/webAcl:WebAcl", "edge"),
            Given(DISTRIBUTION, "app", {**_without("loggingConfig"), "webAclId": Ref("edge")}),
            Given(LOG_SOURCE, "app-log", {"resourceArn": Ref("app"), "logType": "ACCESS_LOGS"}),
        ),
    ],
    failing=[
        (
            Given(
                DISTRIBUTION,
                "app",
                _but(defaultCacheBehavior={"viewerProtocolPolicy": "allow-all"}),
            ),
        ),
        (
            Given(
                DISTRIBUTION,
                "app",
                _but(orderedCacheBehaviors=[{"viewerProtocolPolicy": "allow-all"}]),
            ),
        ),
        (
            Given(
                DISTRIBUTION,
                "app",
                _but(viewerCertificate={"cloudfrontDefaultCertificate": True}),
            ),
        ),
        (
            Given(
                DISTRIBUTION,
                "app",
                _but(viewerCertificate={"minimumProtocolVersion": "TLSv1.1_2016"}),
            ),
        ),
        (
            Given(
                DISTRIBUTION,
                "app",
                _but(
                    origins=[
                        {
                            "customOriginConfig": {
                                "originProtocolPolicy": "https-only",
                                "originSslProtocols": ["SSLv3", "TLSv1.2"],
                            }
                        }
                    ]
                ),
            ),
        ),
        (
            Given(
                DISTRIBUTION,
                "app",
                _but(origins=[{"customOriginConfig": {"originProtocolPolicy": "http-only"}}]),
            ),
        ),
        (Given(DISTRIBUTION, "app", _without("webAclId")),),
        (Given(DISTRIBUTION, "app", _without("loggingConfig")),),
    ],
)
def cloudfront_tls_waf_logs(distribution: Subject, _: Settings, graph: Graph) -> Outcome:
    """A distribution uses TLS 1.2 or newer, a web ACL and logs.

    It is the first thing that a client meets: what it lets through unseen, nothing behind it sees.
    """

    def logs() -> Outcome:
        if distribution.node("loggingConfig").has_text("bucket"):
            return PASS
        delivered = companions(distribution.resource, graph, [LOG_SOURCE], "resourceArn")
        return require(delivered, "log: nothing records its requests", "loggingConfig")

    return all_of(
        attempt(lambda: _is_encrypted(distribution.node("defaultCacheBehavior"))),
        every(distribution.each("orderedCacheBehaviors"), _is_encrypted),
        attempt(lambda: _is_modern(distribution.node("viewerCertificate"))),
        every(distribution.each("origins"), _reaches_origin_safely),
        attempt(
            lambda: require(distribution.has_text("webAclId"), "web ACL: it has none", "webAclId")
        ),
        attempt(logs),
    )
