"""What answers under the environment's name while its load balancer is not well."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pulumi import ComponentResource, Input, ResourceOptions
from pulumi_aws import cloudfront

from environments import Environment
from stacks.cdn import Cdn, Site, SiteArguments
from stacks.naming import Names
from stacks.network import HTTP, HTTPS

_ALL_METHODS: Final = ("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE")
_CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # AWS's own policy of that name
_CODE: Final = Path(__file__).parent / "cdn_functions" / "unavailable.js"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnavailablePageArguments:
    """What the page is made from."""

    environment: Environment
    cdn: Cdn
    zone_id: Input[str]


class UnavailablePage(ComponentResource):
    """A page that says that the environment is down, with status 503, so that clients try again.

    Makes the function that answers, and the site that it answers for: no server, and no bucket. All
    of it stands at AWS's edge: `options` name the provider of us-east-1.
    """

    site: Site

    def __init__(
        self, name: str, arguments: UnavailablePageArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:unavailable:UnavailablePage", name, opts=options)
        inside = ResourceOptions(parent=self)
        environment = arguments.environment
        function = cloudfront.Function(
            name,
            name=Names(environment).of(name),
            comment="Says that nothing is there",
            runtime="cloudfront-js-2.0",
            code=_CODE.read_text(encoding="utf-8"),
            publish=True,
            opts=inside,
        )
        self.site = Site(
            name,
            SiteArguments(
                environment=environment,
                cdn=arguments.cdn,
                domain=environment.edge.name,
                zone_id=arguments.zone_id,
                is_proven=True,  # by the load balancer's certificate
                # A distribution must have one; the function never lets a request through to it.
                origin={
                    "origin_id": "none",
                    "domain_name": environment.edge.name,
                    "custom_origin_config": {
                        "http_port": HTTP,
                        "https_port": HTTPS,
                        "origin_protocol_policy": "https-only",
                        "origin_ssl_protocols": ["TLSv1.2"],
                    },
                },
                function_arn=function.arn,
                methods=_ALL_METHODS,
                cache_policy_id=_CACHING_DISABLED,
                price_class="PriceClass_All",
            ),
            inside,
        )
        self.register_outputs({})
