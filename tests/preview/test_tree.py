"""Tests of the tree that reports show."""

from dataclasses import replace

from plan import Graph
from preview.tree import branches
from tests.preview.plans import NETWORK, PROVIDER, STACK, SUBNET, VPC, plan, resource


def test_a_resource_stands_below_its_parent_and_siblings_are_in_order() -> None:
    """Types come before names, so that resources of a kind stand together."""
    tree = branches(Graph(plan(resource(VPC, "b"), resource(VPC, "a"), resource(SUBNET, "z"))))
    assert [(branch.lines, branch.resource.name) for branch in tree] == [
        ("", "production"),
        ("├─ ", "main"),
        ("└─ ", "network"),
        ("   ├─ ", "z"),
        ("   ├─ ", "a"),
        ("   └─ ", "b"),
    ]


def test_the_line_of_a_parent_with_later_siblings_goes_on() -> None:
    """Who reads the tree sees which children end and which level goes on."""
    vpc = resource(VPC, "vpc")
    tree = branches(Graph(plan(vpc, resource(SUBNET, "a", parent=PROVIDER))))
    assert [branch.lines for branch in tree] == ["", "├─ ", "│  └─ ", "└─ ", "   └─ "]


def test_a_resource_without_its_parent_stands_at_the_top() -> None:
    """A plan may list only some of a stack's resources."""
    orphan = replace(resource(VPC, "orphan"), parent="urn:pulumi:elsewhere")
    tops = [branch.resource.name for branch in branches(Graph(plan(orphan))) if branch.depth == 0]
    assert tops == ["orphan", "production"]


def test_a_circle_of_parents_is_shown_once() -> None:
    """A file from elsewhere may hold anything; the tree ends, and leaves nothing out."""
    first, second = resource(VPC, "first"), resource(VPC, "second")
    circle = replace(first, parent=second.urn), replace(second, parent=first.urn)
    names = [branch.resource.name for branch in branches(Graph(plan(*circle)))]
    assert sorted(names) == ["first", "main", "network", "production", "second"]


def test_depth_is_no_matter() -> None:
    """Thousands of levels do not exhaust Python's stack."""
    chain = [resource(VPC, "0")]
    for depth in range(1, 3_000):
        chain.append(resource(VPC, str(depth), parent=chain[-1]))
    assert max(branch.depth for branch in branches(Graph(plan(*chain)))) == 3_001


def test_a_branch_counts_its_children() -> None:
    """Whoever draws the tree knows which branches open a level."""
    tree = {one.resource.urn: one.children for one in branches(Graph(plan(resource(VPC, "a"))))}
    assert (tree[STACK.urn], tree[NETWORK.urn], tree[PROVIDER.urn]) == (2, 1, 0)
