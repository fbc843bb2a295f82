"""What Pulumi's own files say of a stack becomes a plan, without what the stack does not keep."""

import json
from typing import Any

import pytest

from plan import SECRET, UNKNOWN, Plan, Source
from plan.errors import PlanFileError
from plan.file import loads

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_KIND = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark, no secret
REFERENCE_KIND = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_KIND = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
BUCKET = "aws:s3/bucket:Bucket"
STACK = "urn:pulumi:live::shop::pulumi:pulumi:Stack::shop-live"


def state(name: str, **more: object) -> dict[str, Any]:
    """One bucket in the engine's state."""
    return {
        "urn": f"urn:pulumi:live::shop::{BUCKET}::{name}",
        "custom": True,
        "type": BUCKET,
        "parent": STACK,
        "provider": f"urn:pulumi:live::shop::pulumi:providers:aws::main::{UNKNOWN_TEXT}",
        **more,
    }


def exported(*resources: dict[str, Any]) -> Plan:
    """The plan of an export that holds `resources`."""
    return loads(json.dumps({"version": 3, "deployment": {"resources": resources}}), "export.json")


def previewed(*steps: tuple[str, dict[str, Any] | None], **more: object) -> Plan:
    """The plan of a preview with these operations and the states behind them."""
    listed = [
        {"op": op, "urn": "x", "newState": new, "detailedDiff": None} if new else {"op": op}
        for op, new in steps
    ]
    return loads(json.dumps({"steps": listed, **more}), "preview.json")


def names(plan: Plan) -> list[str]:
    """The names of a plan's resources."""
    return [resource.name for resource in plan.resources]


def test_an_export_is_the_whole_estate() -> None:
    """An exported resource has its inputs, its outputs with its id, and its options."""
    plan = exported(
        state(
            "a::b",
            id="bucket-1",
            inputs={"bucket": "b", "size": 2.0},
            outputs={"arn": "arn:aws:s3:::b"},
            protect=True,
            ignoreChanges=["tags"],
            customTimeouts={"create": 90.5},
            propertyDependencies={"bucket": [STACK], "size": None},
        )
    )
    resource = plan.resources[0]
    assert (plan.project, plan.stack, plan.complete, plan.warnings) == ("shop", "live", True, ())
    assert resource.name == "a::b"
    assert resource.inputs == {"bucket": "b", "size": 2}
    assert resource.outputs == {"arn": "arn:aws:s3:::b", "id": "bucket-1"}
    assert resource.options.protect
    assert resource.options.ignore_changes == ("tags",)
    assert resource.options.custom_timeouts == {"create": "90.5s"}
    assert resource.property_dependencies == {"bucket": (STACK,)}


@pytest.mark.parametrize("gone", ["delete", "external", "pendingReplacement"])
def test_what_the_stack_does_not_keep_is_left_out(gone: str) -> None:
    """A resource that is deleted, only read, or about to be replaced is not judged."""
    assert names(exported(state("kept"), state("gone", **{gone: True}))) == ["kept"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({SIGNATURE: SECRET_KIND, "ciphertext": "v1:xyz"}, SECRET),
        ({SIGNATURE: SECRET_KIND, "plaintext": '"hunter2"'}, SECRET),
        ("[secret]", SECRET),
        (UNKNOWN_TEXT, UNKNOWN),
        ({SIGNATURE: REFERENCE_KIND, "urn": STACK, "id": "i-1"}, "i-1"),
        ({SIGNATURE: REFERENCE_KIND, "urn": STACK, "id": ""}, STACK),
        ({SIGNATURE: OUTPUT_KIND, "value": 3.0}, 3),
        ({SIGNATURE: OUTPUT_KIND}, UNKNOWN),
        ({SIGNATURE: OUTPUT_KIND, "value": "x", "secret": True}, SECRET),
        ([{"deep": ["[secret]", 1.5, None, True]}], [{"deep": [SECRET, 1.5, None, True]}]),
    ],
)
def test_marks_of_the_engine_are_read(written: object, meant: object) -> None:
    """Ciphertext and "[secret]" are secret, the engine's placeholder is unknown."""
    assert exported(state("a", inputs={"key": written})).resources[0].inputs == {"key": meant}


def test_no_secret_text_survives() -> None:
    """A plain text that an export was asked to show goes no further."""
    shown = {SIGNATURE: SECRET_KIND, "plaintext": '"hunter2"'}
    assert "hunter2" not in repr(exported(state("a", inputs={"k": shown}, outputs={"k": shown})))


def test_the_source_is_the_programs_own_line() -> None:
    """Frames of libraries, inside or outside the project, are passed over."""
    frames = [
        {"sourcePosition": "project:///.venv/lib/python3.11/site-packages/pulumi_aws/x.py#1"},
        {},
        {"sourcePosition": "project:///stacks/edge.py#96,4"},
        {"sourcePosition": "project:///__main__.py#3"},
    ]
    position = "project:///../../lib/pulumi/resource.py#235"
    found = exported(state("a", sourcePosition=position, stackTrace=frames), state("b"))
    assert [resource.source for resource in found.resources] == [Source("stacks/edge.py", 96), None]


def test_a_preview_is_what_the_stack_will_be() -> None:
    """What is deleted or only read is left out; of a replacement the new one counts, once."""
    plan = previewed(
        ("create", state("new")),
        ("delete", state("old")),
        ("read", state("seen")),
        ("create-replacement", state("swapped", inputs={"side": "new"})),
        ("replace", state("swapped", inputs={"side": "new"})),
        ("delete-replaced", state("swapped", inputs={"side": "old"})),
        ("update", None),
        changeSummary={"create": 1, "delete": 1, "replace": 1},
    )
    assert names(plan) == ["new", "swapped"]
    assert plan.resources[1].inputs == {"side": "new"}
    assert plan.complete


def test_unchanged_resources_that_are_not_listed_leave_a_preview_incomplete() -> None:
    """Where the summary counts more unchanged resources than are listed, absence proves nothing."""
    partial = previewed(("update", state("a")), changeSummary={"update": 1, "same": 7})
    whole = previewed(("same", state("a")), ("same", state("b")), changeSummary={"same": 2})
    assert not partial.complete
    assert "--show-sames" in partial.warnings[0]
    assert whole.complete


def test_a_preview_that_failed_is_incomplete() -> None:
    """A program that raised may have declared more than the preview lists."""
    failed = previewed(("create", state("a")), diagnostics=[{"severity": "error", "message": "!"}])
    warned = previewed(("create", state("a")), diagnostics=[{"severity": "warning"}])
    assert not failed.complete
    assert "failed before its end" in failed.warnings[0]
    assert warned.complete


def test_parents_come_before_children_even_where_one_is_missing() -> None:
    """The order is that of a tree; children of a parent that is not listed are not lost."""
    root = {"urn": STACK, "type": "pulumi:pulumi:Stack"}
    orphan = state("orphan", parent="urn:pulumi:live::shop::a:b:C::gone")
    assert names(exported(orphan, state("z"), state("a"), root)) == [
        "shop-live",
        "a",
        "z",
        "orphan",
    ]


def test_resources_that_are_their_own_parents_do_not_hang() -> None:
    """A cycle of parents, which only a damaged file has, ends."""
    first, second = state("first"), state("second")
    first["parent"], second["parent"] = second["urn"], first["urn"]
    assert names(exported(first, second, state("third"))) == ["third"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"deployment": {"resources": []}}', "lists no resource"),
        ('{"deployment": {}}', "lists no resource"),
        ('{"deployment": null}', "deployment: should be an object, not null"),
        ('{"steps": []}', "lists no resource"),
        ('{"changeSummary": {}}', "lists no resource"),
        ('{"steps": [{}]}', r"steps\[0\].op: is missing"),
        (
            '{"deployment": {"resources": [{"urn": "bucket", "type": "t"}]}}',
            r"deployment.resources\[0\].urn: is not of the form that Pulumi gives it",
        ),
        (
            json.dumps({"deployment": {"resources": [{"urn": STACK, "type": "t", "inputs": [1]}]}}),
            r"deployment.resources\[0\].inputs: should be an object, not an array",
        ),
    ],
)
def test_a_damaged_file_is_refused_with_its_place(text: str, message: str) -> None:
    """What is wrong, where in the file, and which command writes it."""
    with pytest.raises(PlanFileError, match=f"^state.json: {message}"):
        loads(text, "state.json")
