"""Rules for image repositories, where their examples do not reach."""

import pytest

from plan.values import UNKNOWN
from policies.registry import Given
from policies.rules import ecr
from tests.policies.doors import FAIL, PASS, UNDECIDED, messages, says


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("payments/api", "payments/*", PASS),
        ("payments/api", "pay", PASS),
        ("payments/api", "*api", PASS),
        ("payments/api", "billing*", FAIL),
        ("payments/api", "", FAIL),
        (UNKNOWN, "payments/*", UNDECIDED),
        (UNKNOWN, "*", PASS),
    ],
)
def test_a_registry_scans_the_repositories_that_its_filters_match(
    name: object, pattern: str, expected: str
) -> None:
    """A filter without an asterisk matches each name that holds it."""
    filters = [{"filter": pattern, "filterType": "WILDCARD"}]
    rules = [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": filters}]
    repository = Given(ecr.REPOSITORY, "api", {"name": name})
    registry = Given(ecr.REGISTRY_SCANNING, "all", {"scanType": "BASIC", "rules": rules})
    assert says("ecr-scan-on-push", repository, registry) == expected


def test_tags_that_may_move_are_a_setting() -> None:
    """A repository may exempt the tags that the setting names, and no other."""
    exempt = [{"filter": "cache-*", "filterType": "WILDCARD"}]
    inputs = {
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": exempt,
    }
    repository = Given(ecr.REPOSITORY, "api", inputs)
    allowed = ecr.MutableTags(mutable_tags=("cache-*",))
    assert says("ecr-immutable-tags", repository, settings=allowed) == PASS
    assert messages("ecr-immutable-tags", repository) == ["tags cache-* can be moved"]


def test_a_registry_that_is_not_known_leaves_open_what_it_scans() -> None:
    """Unless the repository scans by itself, or what is known of the registry covers it."""
    repository = Given(ecr.REPOSITORY, "api", {"name": "api"})
    own = Given(ecr.REPOSITORY, "api", {"imageScanningConfiguration": {"scanOnPush": True}})
    covers = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "api"}]}
    for rules, expected in (
        ([UNKNOWN], UNDECIDED),
        ([covers, UNKNOWN], PASS),
        ([covers], PASS),
        ([{**covers, "scanFrequency": "MANUAL"}], FAIL),
        ([{**covers, "scanFrequency": "MANUAL"}, UNKNOWN], UNDECIDED),
        ([{**covers, "repositoryFilters": [{"filter": UNKNOWN}]}], UNDECIDED),
    ):
        registry = Given(ecr.REGISTRY_SCANNING, "registry", {"rules": rules})
        assert says("ecr-scan-on-push", repository, registry) == expected, rules
        assert says("ecr-scan-on-push", own, registry) == PASS
