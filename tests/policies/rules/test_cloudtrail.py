"""Rules for trails, where their examples do not reach."""

from policies.registry import Given
from policies.rules import cloudtrail
from tests.policies.doors import FAIL, PASS, messages, says


def test_a_trail_beside_one_that_records_all_may_be_narrower() -> None:
    """The account needs one complete trail; what another is for is its own affair."""
    full = Given(cloudtrail.TRAIL, "full", {"isMultiRegionTrail": True})
    local = Given(cloudtrail.TRAIL, "local", {"isMultiRegionTrail": False})
    assert messages("cloudtrail-multi-region", local) == ["records one region"]
    assert messages("cloudtrail-multi-region", local, full) == []


def test_all_that_a_trail_leaves_out_is_named() -> None:
    """One reading is enough to put all of it right."""
    reads = [{"readWriteType": "ReadOnly"}]
    inputs = {"enableLogging": False, "includeGlobalServiceEvents": False, "eventSelectors": reads}
    assert messages("cloudtrail-multi-region", Given(cloudtrail.TRAIL, "trail", inputs)) == [
        "records one region",
        "does not record",
        "leaves out global services such as IAM",
        "does not record WriteOnly management events",
    ]
    assert messages("cloudtrail-data-events", Given(cloudtrail.TRAIL, "trail", inputs)) == [
        "does not record ReadOnly events of the objects in every bucket",
        "does not record WriteOnly events of the objects in every bucket",
    ]


def test_an_advanced_selector_for_single_buckets_is_not_for_all() -> None:
    """A field that names buckets narrows what the selector takes."""
    fields = [
        {"field": "eventCategory", "equals": ["Data"]},
        {"field": "resources.type", "equals": ["AWS::S3::Object"]},
    ]
    narrow = [*fields, {"field": "resources.ARN", "startsWiths": ["arn:aws:s3:::one/"]}]

    def verdict(selected: object) -> str:
        selectors = [{"fieldSelectors": selected}]
        trail = Given(cloudtrail.TRAIL, "trail", {"advancedEventSelectors": selectors})
        return says("cloudtrail-data-events", trail)

    assert verdict(fields) == PASS
    assert verdict(narrow) == FAIL
