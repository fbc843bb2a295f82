"""How Kubernetes resources find each other: by cluster, namespace and labels."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

from plan.graph import Graph
from plan.model import Resource
from plan.values import UNKNOWN
from policies.nodes import Node, Subject
from policies.outcomes import UndecidedError, UnknownValueError, WrongTypeError

NAMESPACE: Final = "kubernetes:core/v1:Namespace"
DEFAULT_NAMESPACE: Final = "default"
SCALERS: Final = tuple(
    f"kubernetes:autoscaling/{version}:HorizontalPodAutoscaler"
    for version in ("v1", "v2", "v2beta1", "v2beta2")
)

Place: TypeAlias = tuple[str, str]
"""A cluster, and a namespace in it by its name, or by its URN where the name is not known."""

Label: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """A resource that was looked for: its logical name, its type and its inputs."""

    name: str
    type: str
    inputs: Node

    @property
    def spec(self) -> Node:
        """What most kinds keep everything but their metadata in."""
        return self.inputs.node("spec")


def place_of(resource: Resource, graph: Graph) -> Place:
    """Where `resource` is created.

    Raises:
        UnknownValueError: in a namespace that is known after an apply, and is not in the plan.
    """
    try:
        name = Subject(resource).node("metadata").text("namespace")
    except UnknownValueError:
        for target in graph.references(resource, "metadata"):
            if target.type == NAMESPACE:
                return place_made_by(target, graph)
        raise
    return _cluster(resource, graph), name or _default_namespace(resource, graph)


def place_made_by(namespace: Resource, graph: Graph) -> Place:
    """The place that the resource `namespace` makes."""
    try:
        name = Subject(namespace).node("metadata").text("name")
    except UnknownValueError:
        name = None
    # Without a name of its own it gets a random one, which only a reference to it can hold.
    return _cluster(namespace, graph), name or namespace.urn


def in_place(place: Place, graph: Graph, *types: str) -> Sequence[Found]:
    """The resources of `types` in a namespace, and those that may yet turn out to be there.

    Of the latter there is one, which stands for all; its inputs read as unknown.
    """
    index = _index(graph, types)
    return [*index.by_place.get(place, ()), *index.astray]


def may_select(labels: Node, place: Place, graph: Graph, *types: str) -> Sequence[Found]:
    """Those that `in_place` finds, without most of those whose selector does not match `labels`."""
    index = _index(graph, types)
    keys: list[Label | None] = [None]
    for key in labels.names():
        value = _known_text(labels, key)
        if value is None:
            return in_place(place, graph, *types)
        keys.append((key, value))
    found = [one for key in keys for one in index.by_label.get((place, key), ())]
    return [*found, *index.astray]


def called(name: str, place: Place, graph: Graph, *types: str) -> Sequence[Found]:
    """The resources of `types` in a namespace that have a name.

    A scaler goes by the kind and name of what it scales: `Deployment/api`. One that may yet turn
    out to be such a one stands for all of those; its inputs are unknown.
    """
    index = _index(graph, types)
    return [*index.by_name.get((place, name), ()), *index.astray]


def selects(selector: Node, labels: Node) -> bool:
    """Whether `selector` matches `labels`; one that asks for nothing matches everything.

    Raises:
        UnknownValueError: it depends on a value which is not known.
        WrongTypeError: the selector asks in a way that Kubernetes does not know.
    """
    wanted = selector.node("matchLabels")
    return all(labels.text(key) == wanted.text(key) for key in wanted.names()) and all(
        _meets(asked, labels) for asked in selector.nodes("matchExpressions")
    )


def asks_for_nothing(selector: Node) -> bool:
    """Whether `selector` matches whatever is in its namespace."""
    return not selector.node("matchLabels").names() and not selector.nodes("matchExpressions")


def _meets(asked: Node, labels: Node) -> bool:
    value = labels.text(asked.text("key") or "")
    match asked.text("operator"):
        case "In":
            return value in asked.texts("values")
        case "NotIn":
            return value not in asked.texts("values")
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case other:
            raise WrongTypeError((*asked.path, "operator"), "an operator of selectors", other)


def _cluster(resource: Resource, graph: Graph) -> str:
    """What tells the cluster of `resource` from others.

    Two providers are of one cluster if their settings come from the same place.
    """
    provider = _provider(resource, graph)
    if provider is None:
        return resource.provider or ""
    origins = provider.property_dependencies.get("kubeconfig", ())
    settings = Subject(provider)
    parts = [*sorted(origins)] if origins else [_known_text(settings, "kubeconfig")]
    if not origins and settings.has("kubeconfig") and parts == [None]:
        return provider.urn
    return repr([*parts, _known_text(settings, "context"), _known_text(settings, "cluster")])


def _default_namespace(resource: Resource, graph: Graph) -> str:
    """Where the provider of `resource` creates what names no namespace."""
    provider = _provider(resource, graph)
    return (Subject(provider).text("namespace") if provider else None) or DEFAULT_NAMESPACE


def _provider(resource: Resource, graph: Graph) -> Resource | None:
    reference = resource.provider or ""
    return graph.by_urn.get(reference) or graph.by_urn.get(reference.rpartition("::")[0])


def _known_text(node: Node, key: str) -> str | None:
    """The text under `key`, `None` where it cannot be read."""
    try:
        return node.text(key)
    except (UndecidedError, WrongTypeError):
        return None


@dataclass(slots=True)
class _Index:
    """Resources of some types, by what finds them; `astray` is one that could not be placed."""

    by_place: defaultdict[Place, list[Found]] = field(default_factory=lambda: defaultdict(list))
    by_label: defaultdict[tuple[Place, Label | None], list[Found]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """By the label that fewest of their selectors ask for, none where a selector names none."""
    by_name: defaultdict[tuple[Place, str], list[Found]] = field(
        default_factory=lambda: defaultdict(list)
    )
    astray: tuple[Found, ...] = ()


_INDEXES: Final[WeakKeyDictionary[Graph, dict[tuple[str, ...], _Index]]] = WeakKeyDictionary()


def _index(graph: Graph, types: tuple[str, ...]) -> _Index:
    """The index of `types`, made once a plan."""
    indexes = _INDEXES.setdefault(graph, {})
    if types not in indexes:
        indexes[types] = _made(graph, types)
    return indexes[types]


def _made(graph: Graph, types: tuple[str, ...]) -> _Index:
    index = _Index()
    asked: list[tuple[Place, Found, list[Label]]] = []
    for resource in graph.of_type(*types):
        try:
            place = place_of(resource, graph)
            name = _name_of(resource, graph)
        except (UndecidedError, WrongTypeError):
            unknown = Node(UNKNOWN, (resource.name, "metadata"))
            index.astray = (Found(resource.name, resource.type, unknown),)
            continue
        found = Found(resource.name, resource.type, Subject(resource))
        index.by_place[place].append(found)
        if name:
            index.by_name[place, name].append(found)
        asked.append((place, found, _labels_asked_for(found)))
    count = Counter(label for *_, labels in asked for label in labels)
    for place, found, labels in asked:
        rarest = min(labels, key=lambda label: count[label], default=None)
        index.by_label[place, rarest].append(found)
    return index


def _name_of(resource: Resource, graph: Graph) -> str | None:
    """The name that `resource` has, or for a scaler the kind and name of what it scales.

    `None` where it has none yet, or the graph knows what it scales.
    """
    inputs = Subject(resource)
    if resource.type not in SCALERS:
        return _known_text(inputs.node("metadata"), "name")
    if graph.references(resource, "spec"):
        return None
    target = inputs.node("spec").node("scaleTargetRef")
    return f"{target.text('kind')}/{target.text('name')}"


def _labels_asked_for(found: Found) -> list[Label]:
    """The labels that the selector of `found` names, as far as they are known."""
    try:
        wanted = found.spec.node("selector").node("matchLabels")
        values = {key: _known_text(wanted, key) for key in wanted.names()}
    except (UndecidedError, WrongTypeError):
        return []
    return [(key, value) for key, value in values.items() if value is not None]
