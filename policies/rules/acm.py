"""Rules for certificates."""

from typing import Final

from policies.nodes import Node, Subject
from policies.outcomes import NotApplicable, NotEvaluated, Outcome, all_of, every, fail, require
from policies.registry import Controls, Given, rule
from policies.settings import Settings, Severity

CERTIFICATE: Final = "aws:acm/certificate:Certificate"

_STRONG: Final = {
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "EC_prime256v1",
    "EC_secp384r1",
    "EC_secp521r1",
}
_DEFAULT: Final = "RSA_2048"


def _is_imported(certificate: Subject) -> bool:
    return certificate.has_text("certificateBody")


@rule(
    types=[CERTIFICATE],
    severity=Severity.HIGH,
    controls=Controls(fsbp=("ACM.2",)),
    remediation="""
        Leave the key to ACM, or name a strong one:

            aws.acm.Certificate("edge", key_algorithm="EC_prime256v1", ...)
        """,
    passing=[
        (Given(CERTIFICATE, "edge", {"domainName": "api.example.com"}),),
        (Given(CERTIFICATE, "edge", {"keyAlgorithm": "EC_prime256v1"}),),
    ],
    failing=[
        (Given(CERTIFICATE, "edge", {"keyAlgorithm": "RSA_1024"}),),
        (Given(CERTIFICATE, "edge", {"keyAlgorithm": "rsa_2048"}),),
    ],
    absence_is_safe=True,
)
def acm_key_size(certificate: Subject) -> Outcome:
    """The key of a certificate is strong: RSA of 2048 bits or more, or EC.

    Shorter ones are within reach of who can pay for it. An imported certificate brings its own key,
    which the plan does not show.
    """
    if _is_imported(certificate):
        return NotEvaluated("an imported certificate brings its own key")
    algorithm = certificate.text("keyAlgorithm") or _DEFAULT
    return require(algorithm in _STRONG, f"its key is {algorithm}", "keyAlgorithm")


class Wildcards(Settings):
    """The wildcard names that a certificate may have."""

    allowed: tuple[str, ...] = ()


@rule(
    types=[CERTIFICATE],
    severity=Severity.LOW,
    controls=Controls(checkov=("CKV2_AWS_71",)),
    settings=Wildcards,
    remediation="""
        Name the hosts:

            aws.acm.Certificate("edge", domain_name="api.example.com",
                                subject_alternative_names=["www.example.com"], ...)
        """,
    passing=[
        (Given(CERTIFICATE, "edge", {"domainName": "api.example.com"}),),
        (
            Given(
                CERTIFICATE,
                "edge",
                {"domainName": "example.com", "subjectAlternativeNames": ["www.example.com"]},
            ),
        ),
    ],
    failing=[
        (Given(CERTIFICATE, "edge", {"domainName": "*.example.com"}),),
        (
            Given(
                CERTIFICATE,
                "edge",
                {"domainName": "example.com", "subjectAlternativeNames": ["*.example.com"]},
            ),
        ),
    ],
)
def acm_no_wildcard(certificate: Subject, settings: Wildcards) -> Outcome:
    """A certificate names its hosts.

    The key of a wildcard speaks for every host of the domain, those of other teams included.
    """

    def named(host: Node) -> Outcome:
        name = host.as_text()
        return require(
            not name.startswith("*") or name in settings.allowed, f"covers {name}", host.here
        )

    if not certificate.has_text("domainName"):
        if _is_imported(certificate):
            return NotApplicable("an imported certificate names its hosts itself")
        return fail("names no host", "domainName")
    return all_of(
        every(certificate.each("domainName"), named),
        every(certificate.each("subjectAlternativeNames"), named),
    )


@rule(
    types=[CERTIFICATE],
    severity=Severity.MEDIUM,
    requirements=["NET-04"],
    remediation="""
        Let ACM issue it, and prove the domain by a DNS record that stays:

            aws.acm.Certificate("edge", domain_name="api.example.com", validation_method="DNS")
        """,
    passing=[
        (Given(CERTIFICATE, "edge", {"validationMethod": "DNS"}),),
        (
            Given(
                CERTIFICATE,
                "inside",
                {
                    "certificateAuthorityArn": "arn:aws:acm-pca:eu-central-1:123456789012:"
                    "certificate-authority/inside"
                },
            ),
        ),
    ],
    failing=[
        (Given(CERTIFICATE, "edge", {"validationMethod": "EMAIL"}),),
        (Given(CERTIFICATE, "edge", {"domainName": "api.example.com"}),),
        (Given(CERTIFICATE, "edge", {"privateKey": "imported"}),),
    ],
)
def acm_renews(certificate: Subject) -> Outcome:
    """A certificate renews by itself.

    One that a person has to renew expires while that person is away. ACM renews what it issued, if
    a DNS record proves the domain; one that was imported, or proved by e-mail, it does not.
    """
    if certificate.has_text("certificateAuthorityArn"):
        return require(not _is_imported(certificate), "was imported", "certificateBody")
    method = certificate.text("validationMethod")
    return require(
        method == "DNS",
        f"is validated by {method}, which a person answers" if method else "was not issued by ACM",
        "validationMethod",
    )
