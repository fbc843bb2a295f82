"""Certificates that AWS renews by itself."""

from dataclasses import dataclass
from typing import Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import acm, route53

_VALIDATION_SECONDS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateArguments:
    """What a certificate is made from."""

    domain: str
    zone_id: Input[str]


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
        proof = certificate.domain_validation_options[0]
        record = route53.Record(
            f"{name}-validation",
            zone_id=arguments.zone_id,
            name=proof.resource_record_name,
            type=proof.resource_record_type,
            records=[proof.resource_record_value],
            ttl=_VALIDATION_SECONDS,
            allow_overwrite=True,
            opts=inside,
        )
        self.arn = acm.CertificateValidation(
            name,
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            opts=inside,
        ).certificate_arn
        self.register_outputs({})
