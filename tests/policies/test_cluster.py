"""How resources of Kubernetes find each other: by cluster, namespace, name and labels."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from plan.graph import Graph
from plan.model import Plan
from plan.values import UNKNOWN, Value
from policies.cluster import (
    NAMESPACE,
    asks_for_nothing,
    called,
    in_place,
    may_select,
    place_made_by,
    place_of,
    selects,
)
from policies.examples import plan_of
from policies.nodes import Node
from policies.outcomes import UnknownValueError, WrongTypeError
from policies.registry import Given, Ref
from policies.workloads import DEPLOYMENT

PROVIDER = "pulumi:providers:kubernetes"
CLUSTER = "aws:eks/cluster:Cluster"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"


def made(*given: Given) -> Graph:
    """The graph of an example."""
    return Graph(plan_of(given))


def are_together(graph: Graph) -> bool:
    """Whether the last two resources of `graph` are in one place."""
    *_, first, second = graph.plan.resources
    return place_of(first, graph) == place_of(second, graph)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ({"kubeconfig": "a"}, {"kubeconfig": "a"}, True),
        ({"kubeconfig": "a"}, {"kubeconfig": "b"}, False),
        ({"kubeconfig": "a", "context": "x"}, {"kubeconfig": "a", "context": "y"}, False),
        ({"kubeconfig": "a", "cluster": "x"}, {"kubeconfig": "a", "cluster": "y"}, False),
        ({"kubeconfig": Ref("main")}, {"kubeconfig": Ref("main")}, True),
        ({"kubeconfig": Ref("main")}, {"kubeconfig": Ref("second")}, False),
        ({"kubeconfig": UNKNOWN}, {"kubeconfig": UNKNOWN}, False),
        ({"kubeconfig": "a", "namespace": "x"}, {"kubeconfig": "a"}, False),
        ({}, {}, True),
    ],
)
def test_two_providers_are_of_one_cluster_if_their_settings_are(
    one: Mapping[str, object], other: Mapping[str, object], *, together: bool
) -> None:
    """Settings that come from the same resource are the same; unknown ones from nowhere are not."""
    graph = made(
        *(Given(CLUSTER, name) for name in ("main", "second")),
        Given(PROVIDER, "one", one),
        Given(PROVIDER, "other", other),
        Given(DEPLOYMENT, "api", provider="one"),
        Given(DEPLOYMENT, "worker", provider="other"),
    )
    assert are_together(graph) is together


def test_a_provider_that_is_not_in_the_plan_is_a_cluster_of_its_own() -> None:
    """A state names it with its id behind its URN, and without one it is the default's."""
    provider, *deployments = plan_of(
        (Given(PROVIDER, "one"), Given(DEPLOYMENT, "api"), Given(DEPLOYMENT, "worker"))
    ).resources

    def places(*references: str | None) -> list[object]:
        placed = [
            replace(one, provider=reference)
            for one, reference in zip(deployments, references, strict=True)
        ]
        graph = Graph(Plan(project="p", stack="s", resources=(provider, *placed)))
        return [place_of(one, graph) for one in placed]

    first, second = places(f"{provider.urn}::id-1", provider.urn)
    assert first == second
    first, second = places("urn:elsewhere::a", "urn:elsewhere::b")
    assert first != second
    assert places(None, None) == [("", "default")] * 2


def test_a_namespace_without_a_name_is_found_by_reference() -> None:
    """It gets a random one."""
    graph = made(
        Given(NAMESPACE, "named", {"metadata": {"name": "payments"}}),
        Given(NAMESPACE, "random"),
        Given(DEPLOYMENT, "a", {"metadata": {"namespace": "payments"}}),
        Given(DEPLOYMENT, "b", {"metadata": {"namespace": Ref("named")}}),
        Given(DEPLOYMENT, "c", {"metadata": {"namespace": Ref("random")}}),
        Given(DEPLOYMENT, "d", {"metadata": {"namespace": UNKNOWN}}),
    )
    named, random, by_name, by_reference, in_random, nowhere = graph.plan.resources
    assert place_made_by(named, graph) == place_of(by_name, graph) == ("", "payments")
    assert place_of(by_reference, graph) == ("", "payments")
    assert place_made_by(random, graph) == place_of(in_random, graph) == ("", random.urn)
    with pytest.raises(UnknownValueError):
        place_of(nowhere, graph)


def _budget(name: str, selector: object, namespace: object = "payments") -> Given:
    metadata = {"name": f"{name}-budget", "namespace": namespace}
    return Given(BUDGET, name, {"metadata": metadata, "spec": {"selector": selector}})


def test_one_that_cannot_be_placed_may_be_anywhere() -> None:
    """It is found everywhere, says which it is, and nothing of it can be read."""
    graph = made(
        _budget("lost", {}, UNKNOWN),
        _budget("here", {}),
        _budget("there", {}, "ledger"),
    )
    here, lost = in_place(("", "payments"), graph, BUDGET)
    assert (here.name, lost.name, lost.type) == ("here", "lost", BUDGET)
    with pytest.raises(UnknownValueError, match=r"^lost\.metadata is"):
        assert lost.spec
    named, astray = called("here-budget", ("", "payments"), graph, BUDGET)
    assert (named.name, astray.name) == ("here", "lost")
    assert [one.name for one in called("here-budget", ("", "ledger"), graph, BUDGET)] == ["lost"]


def test_those_are_found_whose_selectors_may_match() -> None:
    """A selector that names a label which the pods lack is not asked again."""
    graph = made(
        _budget("all", {}),
        _budget("api", {"matchLabels": {"app": "api"}}),
        _budget("worker", {"matchLabels": {"app": "worker"}}),
        _budget("api-blue", {"matchLabels": {"app": "api", "side": "blue"}}),
        _budget("later", {"matchLabels": {"app": UNKNOWN}}),
        _budget("odd", {"matchLabels": "app=api"}),
    )

    def found(labels: Mapping[str, Value]) -> set[str]:
        place = ("", "payments")
        return {one.name for one in may_select(Node(labels), place, graph, BUDGET)}

    always = {"all", "later", "odd"}
    assert found({"app": "api"}) == {*always, "api"}
    assert found({"app": "api", "side": "blue"}) == {*always, "api", "api-blue"}
    assert found({"app": "worker"}) == {*always, "worker"}
    assert found({}) == always
    assert found({"app": UNKNOWN}) == {*always, "api", "worker", "api-blue"}


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        ({}, {}, True),
        ({"matchLabels": {"a": "x"}}, {"a": "x", "b": "y"}, True),
        ({"matchLabels": {"a": "x", "b": "z"}}, {"a": "x", "b": "y"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["x"]}]}, {"a": "x"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["y"]}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["x"]}]}, {}, True),
        (
            {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["x"]}]},
            {"a": "x"},
            False,
        ),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": "x"}, False),
    ],
)
def test_a_selector_matches_as_kubernetes_does(
    selector: Mapping[str, Value], labels: Mapping[str, Value], *, expected: bool
) -> None:
    """By labels and by expressions, all of which have to hold."""
    assert selects(Node(selector), Node(labels)) is expected
    assert asks_for_nothing(Node(selector)) is (selector == {})


def test_an_operator_that_kubernetes_does_not_know_is_refused() -> None:
    """It says where it stands."""
    asked = {"matchExpressions": [{"key": "a", "operator": "Like", "values": ["x"]}]}
    with pytest.raises(WrongTypeError) as raised:
        selects(Node(asked), Node({"a": "x"}))
    assert str(raised.value) == (
        "matchExpressions[0].operator should be an operator of selectors, not str"
    )
