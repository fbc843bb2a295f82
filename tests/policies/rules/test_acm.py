"""Rules for certificates, where their examples do not reach."""

from policies.registry import Given
from policies.rules import acm
from tests.policies.doors import PASS, SILENT, UNDECIDED, messages, says


def test_an_imported_certificate_is_not_taken_for_a_good_one() -> None:
    """Its key is not in the plan, its names are its own, and nothing renews it."""
    imported = Given(acm.CERTIFICATE, "bought", {"certificateBody": "-----BEGIN CERTIFICATE-----"})
    assert says("acm-key-size", imported) == UNDECIDED
    assert says("acm-no-wildcard", imported) == SILENT
    assert messages("acm-renews", imported) == ["was not issued by ACM"]


def test_allowed_wildcards_are_a_setting() -> None:
    """One name may be excused without excusing all."""
    settings = acm.Wildcards(allowed=("*.preview.example.com",))
    allowed = Given(acm.CERTIFICATE, "preview", {"domainName": "*.preview.example.com"})
    other = Given(acm.CERTIFICATE, "all", {"domainName": "*.example.com"})
    assert says("acm-no-wildcard", allowed, settings=settings) == PASS
    assert messages("acm-no-wildcard", other, settings=settings) == ["covers *.example.com"]


def test_whoever_imports_a_certificate_renews_it() -> None:
    """Whichever authority signed it."""
    authority = "arn:aws:acm-pca:eu-central-1:123456789012:certificate-authority/inside"
    imported = {"certificateBody": "-----BEGIN", "certificateAuthorityArn": authority}
    assert messages("acm-renews", Given(acm.CERTIFICATE, "bought", imported)) == ["was imported"]
