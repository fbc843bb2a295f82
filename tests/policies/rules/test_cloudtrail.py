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


def _advanced(**fields: list[str]) -> dict[str, object]:
    """An advanced selector that wants each of `fields` to equal one of the values."""
    names = {"category": "eventCategory", "kind": "resources.type", "reads": "readOnly"}
    selected = [{"field": names[key], "equals": values} for key, values in fields.items()]
    return {"fieldSelectors": selected}


def test_an_advanced_selector_takes_reads_writes_or_both() -> None:
    """Two of them together take all; one that says nothing of it does, too."""

    def missing(rule: str, *selectors: object) -> list[str]:
        inputs = {"isMultiRegionTrail": True, "advancedEventSelectors": selectors}
        return messages(rule, Given(cloudtrail.TRAIL, "trail", inputs))

    reads = _advanced(category=["Management"], reads=["true"])
    writes = _advanced(category=["Management"], reads=["false"])
    management = "cloudtrail-multi-region"
    assert missing(management, reads) == ["does not record WriteOnly management events"]
    assert missing(management, writes) == ["does not record ReadOnly management events"]
    assert missing(management, reads, writes) == []
    assert missing(management, _advanced(category=["Management"])) == []
    assert len(missing(management, _advanced(reads=["true", "false"]))) == 2
    data = "cloudtrail-data-events"
    objects, lost = ["AWS::S3::Object"], "events of the objects in every bucket"
    assert missing(data, _advanced(category=["Data"], kind=objects, reads=["true"])) == [
        f"does not record WriteOnly {lost}"
    ]
    assert missing(data, _advanced(category=["Data"], kind=objects)) == []
    assert len(missing(data, _advanced(kind=objects))) == 2
    assert len(missing(data, _advanced(category=["Data"]))) == 2
    assert len(missing(data, _advanced(category=["Data"], kind=["AWS::Lambda::Function"]))) == 2


def test_a_basic_selector_takes_what_it_says() -> None:
    """Management events unless it leaves them out; data of the type and buckets that it names."""

    def verdict(rule: str, selector: object) -> str:
        inputs = {"isMultiRegionTrail": True, "eventSelectors": [selector]}
        return says(rule, Given(cloudtrail.TRAIL, "trail", inputs))

    assert verdict("cloudtrail-multi-region", {"includeManagementEvents": False}) == FAIL
    assert verdict("cloudtrail-multi-region", {"includeManagementEvents": True}) == PASS

    def data(kind: str, *values: str) -> object:
        return {"dataResources": [{"type": kind, "values": values}]}

    for every_bucket in ("arn:aws:s3", "arn:aws:s3:::", "arn:aws:s3:::/"):
        assert verdict("cloudtrail-data-events", data("AWS::S3::Object", every_bucket)) == PASS
    assert verdict("cloudtrail-data-events", data("AWS::S3::Object", "arn:aws:s3:::x/")) == FAIL
    assert verdict("cloudtrail-data-events", data("AWS::Lambda::Function", "arn:aws:s3")) == FAIL
