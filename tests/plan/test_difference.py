"""Two plans are compared by what a resource is, never by the name of its stack."""

from dataclasses import replace

from plan import Options, Plan, Resource
from plan.difference import Change, difference
from plan.values import SECRET, UNKNOWN, Value

QUEUE = "aws:sqs/queue:Queue"


def queue(name: str, stack: str = "one", **inputs: Value) -> Resource:
    """A queue of a stack."""
    urn = f"urn:pulumi:{stack}::shop::{QUEUE}::{name}"
    return Resource(urn=urn, type=QUEUE, name=name, provider="main", inputs=inputs)


def plan(*resources: Resource, stack: str = "one") -> Plan:
    """A plan of these, and of the stack itself."""
    kind = "pulumi:pulumi:Stack"
    urn = f"urn:pulumi:{stack}::shop::{kind}::shop-{stack}"
    root = Resource(urn=urn, type=kind, name=f"shop-{stack}")
    return Plan(project="shop", stack=stack, resources=(root, *resources))


def test_the_same_in_two_stacks_is_no_difference() -> None:
    """The stack's name in URNs, aliases among them, does not count."""
    alias = "urn:pulumi:{}::shop::aws:sqs/queue:Old::jobs"
    ours, theirs = (
        replace(queue("jobs", stack, size=1), options=Options(aliases=(alias.format(stack),)))
        for stack in ("one", "two")
    )
    assert not difference(plan(ours), plan(theirs, stack="two"))


def test_what_comes_and_goes_is_told() -> None:
    """A resource of another name, or of another type, is another one."""
    found = difference(plan(queue("old"), queue("kept")), plan(queue("kept"), queue("new")))
    assert [each.name for each in found.added] == ["new"]
    assert [each.name for each in found.removed] == ["old"]
    assert found.changed == ()


def test_each_input_that_changes_is_told_by_its_path() -> None:
    """Also one that is only in one of them, and a value of another kind."""
    before = queue("jobs", size=1, tags={"a": "x", "b": "y"}, flag=True)
    after = queue("jobs", size=2, tags={"a": "x"}, flag=1)
    (changed,) = difference(plan(before), plan(after)).changed
    assert changed.changes == (
        Change(path="flag", before=True, after=1),
        Change(path="size", before=1, after=2),
        Change(path="tags.b", before="y", after=None),
    )


def test_an_option_that_changes_is_told() -> None:
    """Taking a protection away shows, since it is what the next change relies on."""
    before = replace(queue("jobs"), options=Options(protect=True, version="1.0.0"))
    after = replace(queue("jobs"), options=Options(version="2.0.0"))
    (changed,) = difference(plan(before), plan(after)).changed
    assert changed.changes == (Change(path="(protect)", before=True, after=None),)


def test_what_nobody_can_see_is_taken_for_the_same() -> None:
    """A secret, or a value that an apply brings; but it is told from a plain value."""
    hidden = queue("jobs", content=SECRET, id=UNKNOWN)
    assert not difference(plan(hidden), plan(queue("jobs", content=SECRET, id=UNKNOWN)))
    (changed,) = difference(plan(hidden), plan(queue("jobs", content="x", id=UNKNOWN))).changed
    assert [each.path for each in changed.changes] == ["content"]


def test_the_package_of_a_provider_is_no_setting() -> None:
    """Its version moves with the packages, in every stack at once."""
    kind = "pulumi:providers:aws"
    providers = [
        Resource(
            urn=f"urn:pulumi:one::shop::{kind}::main",
            type=kind,
            name="main",
            inputs={"version": version, "region": "us-east-1"},
        )
        for version in ("1", "2")
    ]
    assert not difference(plan(providers[0]), plan(providers[1]))
