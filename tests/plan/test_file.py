"""Plans as files: written, read back, and refused with a message that helps."""

import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from plan import (
    SECRET,
    UNKNOWN,
    UNKNOWN_SECRET,
    Cited,
    Options,
    Plan,
    Resource,
    Source,
    Value,
)
from plan.file import DEPTH, PlanFileError, dump, dumps, loads, read_plan
from plan.schema import schema
from standards import figure
from tests.plan.strategies import plans

DOCS = Path(__file__).parents[2] / "docs"
VALIDATOR = Draft202012Validator(json.loads(schema()))
BUCKET = Resource(
    urn="urn:pulumi:production::payments::aws:s3/bucketV2:BucketV2::logs",
    type="aws:s3/bucketV2:BucketV2",
    name="logs",
    parent="urn:pulumi:production::payments::pulumi:pulumi:Stack::payments-production",
    provider="urn:pulumi:production::payments::pulumi:providers:aws::aws::id",
    inputs={
        "bucket": UNKNOWN,
        "password": SECRET,
        "tags": {"a.b": UNKNOWN_SECRET, "empty": None},
        "rules": [{"days": 365}],
    },
    outputs={"arn": UNKNOWN, "key": [SECRET]},
    options=Options(protect=True, ignore_changes=("tags",), delete_before_replace=False),
    dependencies=("urn:a",),
    property_dependencies={"bucket": ("urn:a",)},
    source=Source("stacks/edge.py", 12),
    figures=(Cited("rules[0].days", "LOG-04", "retention_days"),),
)
PLAN = Plan(project="payments", stack="production", resources=(BUCKET,), warnings=("no account",))


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    """The text of `PLAN` after `change` has had its way with the JSON."""
    document: dict[str, Any] = json.loads(dumps(PLAN))
    change(document)
    return json.dumps(document)


@given(plans)
def test_a_plan_reads_back_as_written(plan: Plan) -> None:
    """Any values, under any keys, with unknowns and secrets anywhere, come back exactly."""
    text = dumps(plan)
    VALIDATOR.validate(  # pyright: ignore[reportUnknownMemberType] - the stubs leave it open
        json.loads(text)
    )
    assert loads(text, "plan") == plan
    assert loads(text.encode(), "plan") == plan
    assert dumps(loads(text, "plan")) == text


def test_a_resource_as_the_format_says() -> None:
    """Each field, placeholder and path is where the documentation has it."""
    assert dump(PLAN) == {
        "version": 1,
        "project": "payments",
        "stack": "production",
        "complete": True,
        "warnings": ["no account"],
        "resources": [
            {
                "urn": BUCKET.urn,
                "type": BUCKET.type,
                "name": "logs",
                "parent": BUCKET.parent,
                "provider": BUCKET.provider,
                "inputs": {
                    "bucket": None,
                    "password": "[secret]",
                    "tags": {"a.b": None, "empty": None},
                    "rules": [{"days": 365}],
                },
                "outputs": {"arn": None, "key": ["[secret]"]},
                "options": {
                    "protect": True,
                    "ignoreChanges": ["tags"],
                    "deleteBeforeReplace": False,
                },
                "dependencies": ["urn:a"],
                "propertyDependencies": {"bucket": ["urn:a"]},
                "secrets": ["password", 'tags["a.b"]'],
                "unknowns": ["bucket", 'tags["a.b"]'],
                "figures": [
                    {"path": "rules[0].days", "requirement": "LOG-04", "key": "retention_days"}
                ],
                "source": {"file": "stacks/edge.py", "line": 12},
                "outputSecrets": ["key[0]"],
                "outputUnknowns": ["arn"],
            }
        ],
    }


def test_a_number_of_the_standards_is_written_as_a_number() -> None:
    """A figure in an input needs nothing from the reader."""
    inputs: dict[str, Value] = {
        "threshold": figure("SCALE-01", "cpu_above_percent").percent,
        "days": figure("LOG-04", "retention_days").days,
    }
    resource = Resource(urn="urn:a", type="t", name="a", inputs=inputs)
    text = dumps(Plan(project="p", stack="s", resources=(resource,)))
    assert json.loads(text)["resources"][0]["inputs"] == inputs
    assert loads(text, "plan").resources[0].inputs == inputs


def test_what_is_optional_may_be_missing() -> None:
    """A plan written by hand needs urn, type, name and inputs of a resource, and no more."""
    text = json.dumps(
        {
            "version": 1,
            "project": "p",
            "stack": "s",
            "later": "than this release",
            "resources": [{"urn": "urn:a", "type": "t", "name": "a", "inputs": {"x": 1}}],
        }
    )
    VALIDATOR.validate(  # pyright: ignore[reportUnknownMemberType] - the stubs leave it open
        json.loads(text)
    )
    assert loads(text, "plan") == Plan(
        project="p",
        stack="s",
        resources=(Resource(urn="urn:a", type="t", name="a", inputs={"x": 1}),),
    )


def test_a_plain_secret_goes_no_further() -> None:
    """A value at a path that is listed as secret is dropped, whatever the file has there."""

    def leak(document: dict[str, Any]) -> None:
        document["resources"][0]["inputs"]["password"] = {"plain": "hunter2"}

    plan = loads(changed(leak), "plan")
    assert plan.resources[0].inputs["password"] is SECRET
    assert "hunter2" not in dumps(plan)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_lacks_is_refused(value: float) -> None:
    """Nothing is written that other readers of JSON would choke on."""
    resource = Resource(urn="urn:a", type="t", name="a", inputs={"x": [value]})
    with pytest.raises(ValueError, match=r"^x\[0\] is -?(nan|inf), which JSON cannot say"):
        dumps(Plan(project="p", stack="s", resources=(resource,)))


def test_depth_is_refused_where_it_could_not_be_read_back() -> None:
    """What is written can be read, and what could not be read is not written."""

    def nested(levels: int) -> Plan:
        value: Value = 1
        for _ in range(levels):
            value = [value]
        resource = Resource(urn="urn:a", type="t", name="a", inputs={"x": value})
        return Plan(project="p", stack="s", resources=(resource,))

    assert loads(dumps(nested(DEPTH)), "plan") == nested(DEPTH)
    with pytest.raises(ValueError, match=f"nests more than {DEPTH} levels deep"):
        dumps(nested(DEPTH + 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON: EOF while parsing a value at line 1 column 0; .*write it again"),
        (dumps(PLAN)[:-20], r"is not JSON: EOF while parsing .* at line \d+ column \d+; .*cut off"),
        ("{'version': 1}", "is not JSON: .* at line 1 column 2"),
        ("[" * 100_000, "is not JSON: recursion limit exceeded at line 1"),
        ('{"a":' * 100_000, "is not JSON: recursion limit exceeded at line 1"),
        ('{"version": NaN}', "is not JSON"),
        ('{"version": ' + "9" * 5000 + "}", "is not JSON: number out of range"),
        (b"\xff\xfe", "is not JSON"),
        (b"\x89PNG\r\n\x1a\n\x00", "is not JSON"),
        ("null", "is not a plan: it has no `version`; `slipway plan ENVIRONMENT --output FILE`"),
        ("[]", "is not a plan: it has no `version`"),
        ('{"resources": []}', "is not a plan: it has no `version`"),
        ('{"version": 2}', "version: is 2; this release reads version 1; write the plan again"),
        ('{"version": "1"}', "version: is '1'; this release reads version 1"),
        ('{"version": true}', "version: is True; this release reads version 1"),
        ('{"version": {}}', "version: is 'an object'; this release reads version 1"),
        ('{"version": 1}', r"project: is missing \(and 2 more\); docs/plan.schema.json"),
    ],
)
def test_what_is_no_plan_is_refused(text: str | bytes, message: str) -> None:
    """An unreadable, cut-off, hostile or foreign file says what it is and what to do."""
    with pytest.raises(PlanFileError, match=f"^some.json: {message}"):
        loads(text, "some.json")


@pytest.mark.parametrize(
    ("path", "value", "where", "message"),
    [
        (("stack",), "", "stack", "should be a string, not an empty string"),
        (("project",), True, "project", "should be a string, not a boolean"),
        (("complete",), 1, "complete", "should be a boolean, not a number"),
        (("resources",), {}, "resources", "should be an array, not an object"),
        (("resources", 0), 7, "resources[0]", "should be an object, not a number"),
        (("resources", 0, "urn"), None, "resources[0].urn", "should be a string, not null"),
        (
            *(("resources", 0, "inputs"), ["secret text"], "resources[0].inputs"),
            "should be an object, not an array",
        ),
        (
            *(("resources", 0, "options", "protect"), "yes", "resources[0].options.protect"),
            "should be a boolean, not a string",
        ),
        (
            *(("resources", 0, "source", "line"), 0, "resources[0].source.line"),
            "should be greater than or equal to 1; docs",
        ),
        (
            *(("resources", 0, "secrets"), ["password", "passwords"], "resources[0].secrets[1]"),
            "'passwords' names nothing in resources[0].inputs; list only paths that are there",
        ),
        (
            *(("resources", 0, "unknowns"), ["rules[1].days"], "resources[0].unknowns[0]"),
            "'rules[1].days' names nothing in resources[0].inputs",
        ),
        (
            *(("resources", 0, "unknowns"), ["rules.days"], "resources[0].unknowns[0]"),
            "'rules.days' names nothing in resources[0].inputs",
        ),
        (
            *(("resources", 0, "unknowns"), ["bucket[0]"], "resources[0].unknowns[0]"),
            "'bucket[0]' names nothing in resources[0].inputs",
        ),
        (
            *(("resources", 0, "unknowns"), ["rules[0]"], "resources[0].unknowns[0]"),
            "points to an object in resources[0].inputs, and an unknown value is null",
        ),
        (
            *(("resources", 0, "unknowns"), ["rules[-1]"], "resources[0].unknowns[0]"),
            "'rules[-1]' is not a property path from character 6 on; write it as in docs/plan.md",
        ),
        (
            *(("resources", 0, "outputSecrets"), ["gone"], "resources[0].outputSecrets[0]"),
            "'gone' names nothing in resources[0].outputs",
        ),
    ],
)
def test_what_is_wrong_in_a_plan_is_named(
    path: tuple[str | int, ...], value: object, where: str, message: str
) -> None:
    """File, place, what is expected, and never a value, as it may be a secret."""

    def change(document: Any) -> None:  # noqa: ANN401 - any JSON
        for segment in path[:-1]:
            document = document[segment]
        document[path[-1]] = value

    with pytest.raises(PlanFileError) as caught:
        loads(changed(change), "some.json")
    text = str(caught.value)
    assert text.startswith(f"some.json: {where}: ")
    assert caught.value.where == where
    assert message in text
    assert "secret text" not in text


def test_a_urn_that_comes_twice_is_refused() -> None:
    """Two resources cannot be told apart by one URN."""
    text = changed(lambda document: document["resources"].append(document["resources"][0]))
    with pytest.raises(PlanFileError, match=r"resources\[1\]: has the URN of resources\[0\], urn:"):
        loads(text, "some.json")


def test_a_file_is_read_and_a_missing_one_refused(tmp_path: Path) -> None:
    """The errors of the file system name the file too."""
    path = tmp_path / "plan.json"
    with pytest.raises(PlanFileError, match=r"plan\.json: cannot be read: No such file"):
        read_plan(path)
    with pytest.raises(PlanFileError, match="cannot be read: Is a directory"):
        read_plan(tmp_path)
    path.write_text(dumps(PLAN), encoding="utf-8")
    assert read_plan(path) == PLAN


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
ENTRY: dict[str, Any] = json.loads(dumps(PLAN))["resources"][0]
places: st.SearchStrategy[tuple[str | int, ...]] = st.sampled_from(
    [
        *((), ("version",), ("project",), ("resources",), ("resources", 0), ("warnings",)),
        *(("resources", 0, key) for key in ENTRY),
    ]
)


@given(places, json_values)
@example(("resources", 0, "secrets"), [""])
def test_hostile_json_is_a_plan_or_refused(path: tuple[str | int, ...], value: object) -> None:
    """Whatever stands in a file, nothing but a plan or a plan file error comes of it."""
    document: Any = {"root": json.loads(dumps(PLAN))}
    holder, last = document, "root"
    for segment in path:
        holder, last = holder[last], segment
    holder[last] = value
    try:
        plan = loads(json.dumps(document["root"]), "some.json")
    except PlanFileError:
        return
    assert loads(dumps(plan), "again") == plan


@given(st.binary(max_size=40) | st.text(max_size=40))
def test_any_bytes_are_a_plan_or_refused(text: bytes | str) -> None:
    """No file makes the reader fail in another way."""
    with pytest.raises(PlanFileError):
        loads(text, "some.json")


def test_the_committed_schema_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m plan.schema > docs/plan.schema.json` would change nothing."""
    runpy.run_path(str(DOCS.parent / "plan" / "schema.py"), run_name="__main__")
    assert capsys.readouterr().out == schema()
    assert (DOCS / "plan.schema.json").read_text(encoding="utf-8") == schema()
    Draft202012Validator.check_schema(json.loads(schema()))


def test_the_documented_example_is_a_plan() -> None:
    """The example in the documentation can be read, and is written as shown."""
    text = (DOCS / "plan.md").read_text(encoding="utf-8")
    (example_text,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert json.loads(dumps(loads(example_text, "docs/plan.md"))) == json.loads(example_text)


def test_every_field_is_documented() -> None:
    """The documentation names each field of the schema."""
    text = (DOCS / "plan.md").read_text(encoding="utf-8")
    document = json.loads(schema())
    fields = set(document["properties"])
    for entry in document["$defs"].values():
        fields |= set(entry["properties"])
    assert {field for field in fields if f"`{field}`" not in text} == set()
