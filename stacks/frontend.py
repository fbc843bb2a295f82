"""The frontend: its files in a bucket, behind a CDN, one folder for each release."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import Provider, cloudfront, kms, route53

from environments import Environment
from environments.frontend import Frontend as Record
from stacks.buckets import PrivateBucket, PrivateBucketArguments
from stacks.cdn import Cdn, Site, SiteArguments
from stacks.keys import administration, through
from stacks.naming import Names
from stacks.sessions import Sessions, SessionsArguments, reporting_origins
from stacks.statements import Statement, document, from_account

_CODE: Final = Path(__file__).parent / "cdn_functions" / "release.js"
_CACHING_OPTIMIZED: Final = "658327ea-f89d-4fab-a63d-7e88639e58f6"  # AWS's own policy of that name
_DELETION_WINDOW_DAYS: Final = 30
_HSTS_SECONDS: Final = 31_536_000
_NOT_FOUND: Final = 404
_NOT_FOUND_SECONDS: Final = 10
_NO_RELEASE: Final = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontendArguments:
    """What a frontend is made from."""

    environment: Environment
    frontend: Record
    cdn: Cdn
    zone_id: Input[str]
    log_bucket: Input[str]
    worldwide: Provider


class Frontend(ComponentResource):
    """A frontend of static files, in releases that a pointer tells apart (NET-13, POD-02).

    Makes the private bucket with its key, which CloudFront alone reads; the store that holds the
    name of the release in use, and the function that looks it up for each request; the headers of
    each answer; the site with its certificate, firewall and log; its name in DNS; and what real
    sessions report their errors and speed to.
    """

    domain: str
    bucket_name: Output[str]
    """Where a release goes, under `releases/<its name>/`."""
    release_store_arn: Output[str]
    """Where the key `release` names the one in use: a rollback writes the earlier name there."""
    distribution_id: Output[str]
    sessions: Sessions

    def __init__(
        self, name: str, arguments: FrontendArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:frontend:Frontend", name, opts=options)
        self._arguments = arguments
        self._environment = environment = arguments.environment
        self._names = names = Names(environment)
        self._inside = ResourceOptions(parent=self)
        self.domain = arguments.frontend.name
        worldwide = ResourceOptions(parent=self, provider=arguments.worldwide)
        bucket = self._bucket()
        self.bucket_name = bucket.name
        self.release_store_arn = self._release_store(worldwide)
        function = cloudfront.Function(
            "release",
            name=names.of("release"),
            comment="Answers from the files of the release in use",
            runtime="cloudfront-js-2.0",
            code=_CODE.read_text(encoding="utf-8"),
            key_value_store_associations=[self.release_store_arn],
            publish=True,
            opts=worldwide,
        )
        access = cloudfront.OriginAccessControl(
            "frontend",
            name=names.of("frontend"),
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=worldwide,
        )
        site = Site(
            "frontend",
            SiteArguments(
                environment=environment,
                cdn=arguments.cdn,
                domain=arguments.frontend.name,
                zone_id=arguments.zone_id,
                origin={
                    "origin_id": "files",
                    "domain_name": f"{names.bucket('frontend')}.s3."
                    f"{environment.aws.region}.amazonaws.com",
                    "origin_access_control_id": access.id,
                },
                function_arn=function.arn,
                methods=("GET", "HEAD", "OPTIONS"),
                cache_policy_id=_CACHING_OPTIMIZED,
                price_class=arguments.frontend.price_class,
                headers_policy_id=self._headers(worldwide),
                # A file that a release brought too late is found soon after.
                error_seconds={_NOT_FOUND: _NOT_FOUND_SECONDS},
                waits_for=[bucket.policy],
            ),
            worldwide,
        )
        self.distribution_id = site.distribution_id
        for kind in ("A", "AAAA"):
            route53.Record(
                "frontend" if kind == "A" else "frontend-ipv6",
                zone_id=arguments.zone_id,
                name=arguments.frontend.name,
                type=kind,
                aliases=[
                    {
                        "name": site.domain_name,
                        "zone_id": site.zone_id,
                        "evaluate_target_health": False,  # CloudFront says nothing of its health
                    }
                ],
                opts=self._inside,
            )
        self.sessions = Sessions(
            "sessions",
            SessionsArguments(environment=environment, frontend=arguments.frontend),
            self._inside,
        )
        self.register_outputs({})

    def _bucket(self) -> PrivateBucket:
        environment, names = self._environment, self._names
        region = environment.aws.region
        protected = ResourceOptions(parent=self, protect=environment.is_stateful_protected)
        key = kms.Key(
            "frontend",
            description=f"Files of the frontend of {environment.name}",
            enable_key_rotation=True,
            deletion_window_in_days=_DELETION_WINDOW_DAYS,
            policy=document(
                administration(names),
                *through(names, ("s3",), region),
                _for_cdn(names, "kms:Decrypt", "*"),
            ),
            opts=protected,
        )
        kms.Alias(
            "frontend",
            name=f"alias/{names.of('frontend')}",
            target_key_id=key.key_id,
            opts=self._inside,
        )
        arn = names.bucket_arn("frontend")
        return PrivateBucket(
            "frontend",
            PrivateBucketArguments(
                bucket=names.bucket("frontend"),
                arn=arn,
                is_protected=environment.is_stateful_protected,
                key_arn=key.arn,
                statements=[
                    _for_cdn(names, "s3:GetObject", f"{arn}/*"),
                    # Whoever may not list is told "forbidden" of a file that is not there.
                    _for_cdn(names, "s3:ListBucket", arn),
                ],
                log_bucket=self._arguments.log_bucket,
            ),
            self._inside,
        )

    def _release_store(self, options: ResourceOptions) -> Output[str]:
        store = cloudfront.KeyValueStore(
            "release",
            name=self._names.of("release"),
            comment="Which release of the frontend is in use",
            opts=options,
        )
        cloudfront.KeyvaluestoreKey(
            "release",
            key_value_store_arn=store.arn,
            key="release",
            value=_NO_RELEASE,
            # The cutover owns it: an update of the stack must not bring an old release back.
            opts=ResourceOptions.merge(options, ResourceOptions(ignore_changes=["value"])),
        )
        return store.arn

    def _headers(self, options: ResourceOptions) -> Output[str]:
        """Set the headers of NET-07 on each answer, whatever a file's metadata says."""
        return cloudfront.ResponseHeadersPolicy(
            "frontend",
            name=self._names.of("frontend"),
            comment="What browsers may do with the pages",
            security_headers_config={
                "strict_transport_security": {
                    "access_control_max_age_sec": _HSTS_SECONDS,
                    "include_subdomains": True,
                    "override": True,
                },
                "content_security_policy": {
                    "content_security_policy": self._content_security_policy(),
                    "override": True,
                },
                "frame_options": {"frame_option": "DENY", "override": True},
                "content_type_options": {"override": True},
                "referrer_policy": {"referrer_policy": "same-origin", "override": True},
            },
            opts=options,
        ).id

    def _content_security_policy(self) -> str:
        """Let pages run their own files alone, and call what the product is made of."""
        environment = self._environment
        callable_ = (
            f"https://{environment.edge.name}",
            *environment.solana.rpc_urls,
            *reporting_origins(environment.aws.region),
            *self._arguments.frontend.connects_to,
        )
        return "; ".join(
            (
                "default-src 'self'",
                f"connect-src 'self' {' '.join(callable_)}",
                "img-src 'self' data:",
                "object-src 'none'",
                "base-uri 'self'",
                "form-action 'self'",
                "frame-ancestors 'none'",
            )
        )


def _for_cdn(names: Names, action: str, resource: str) -> Statement:
    """Let the account's distributions do `action`: which one it is, is known after an apply."""
    distributions = names.arn("cloudfront", "distribution/*", region="")
    account = from_account(names)
    return {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": action,
        "Resource": resource,
        "Condition": {**account, "ArnLike": {"aws:SourceArn": distributions}},
    }
