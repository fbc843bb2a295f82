"""Certificates that AWS renews by itself, and who hears of one that it could not renew."""

import json
from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import Provider, acm, cloudwatch, iam, route53

from environments import Environment
from stacks.naming import Names
from stacks.providers import WORLDWIDE
from stacks.statements import assumed_by, document

_EXPIRING: Final = json.dumps(
    {
        "source": ["aws.acm"],
        "detail-type": [
            "ACM Certificate Approaching Expiration",
            "ACM Certificate Expired",
            "ACM Certificate Renewal Action Required",
        ],
    }
)
_VALIDATION_SECONDS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateArguments:
    """What a certificate is made from."""

    domain: str
    zone_id: Input[str]
    is_proven: bool = False
    """Whether another certificate of the name, in another region, brings the record that proves
    it: AWS asks both for the same one, which must not go with the first of them that goes."""


class Certificate(ComponentResource):
    """A certificate that AWS renews as long as its record stands in DNS (NET-04).

    Makes the certificate, the record that proves whose name it is, and the wait for both.
    """

    arn: Output[str]
    """Known to be valid."""

    def __init__(
        self, name: str, arguments: CertificateArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:certificate:Certificate", name, opts=options)
        inside = ResourceOptions(parent=self)
        certificate = acm.Certificate(
            name, domain_name=arguments.domain, validation_method="DNS", opts=inside
        )
        record = None if arguments.is_proven else self._proof(name, certificate, arguments.zone_id)
        self.arn = acm.CertificateValidation(
            name,
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn] if record else None,
            opts=inside,
        ).certificate_arn
        self.register_outputs({})

    def _proof(
        self, name: str, certificate: acm.Certificate, zone_id: Input[str]
    ) -> route53.Record:
        proof = certificate.domain_validation_options[0]
        return route53.Record(
            f"{name}-validation",
            zone_id=zone_id,
            name=proof.resource_record_name,
            type=proof.resource_record_type,
            records=[proof.resource_record_value],
            ttl=_VALIDATION_SECONDS,
            allow_overwrite=True,
            opts=ResourceOptions(parent=self),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateWatchArguments:
    """What the watch over certificates is made from."""

    environment: Environment
    topic_arn: Input[str]
    worldwide: Provider | None
    """Of us-east-1, where the certificates of the CDN are, if there are any."""


class CertificateWatch(ComponentResource):
    """People hear of every certificate of the account that expires soon (NET-04).

    Makes the rule and its target. Of one in us-east-1 the events stay there: where the environment
    is elsewhere, a second rule and its role send them on.
    """

    def __init__(
        self,
        name: str,
        arguments: CertificateWatchArguments,
        options: ResourceOptions | None = None,
    ) -> None:
        super().__init__("slipway:certificate:CertificateWatch", name, opts=options)
        self._names = names = Names(arguments.environment)
        self._inside = ResourceOptions(parent=self)
        rule = self._rule("certificate-expiring", self._inside)
        cloudwatch.EventTarget(
            "certificate-expiring", rule=rule.name, arn=arguments.topic_arn, opts=self._inside
        )
        if arguments.worldwide and arguments.environment.aws.region != WORLDWIDE:
            self._send_on(arguments.worldwide, names.arn("events", "event-bus/default"))
        self.register_outputs({})

    def _rule(self, name: str, options: ResourceOptions) -> cloudwatch.EventRule:
        return cloudwatch.EventRule(
            name,
            name=self._names.of(name),
            description="AWS has not renewed a certificate, and it expires soon",
            event_pattern=_EXPIRING,
            opts=options,
        )

    def _send_on(self, provider: Provider, bus_arn: str) -> None:
        there = ResourceOptions(parent=self, provider=provider)
        role = iam.Role(
            "certificate-events",
            name=self._names.of("certificate-events"),
            description="Sends on what becomes of certificates in us-east-1",
            assume_role_policy=assumed_by("events.amazonaws.com", self._names),
            opts=self._inside,
        )
        iam.RolePolicy(
            "certificate-events",
            role=role.id,
            policy=document({"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus_arn}),
            opts=self._inside,
        )
        rule = self._rule("cdn-certificate-expiring", there)
        cloudwatch.EventTarget(
            "cdn-certificate-expiring",
            rule=rule.name,
            arn=bus_arn,
            role_arn=role.arn,
            opts=there,
        )
