"""A settings file of a project as YAML, refused where Pulumi's engine would refuse it, too."""

import stat
from pathlib import Path
from typing import Final, cast

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

LARGEST_BYTES: Final = 1_000_000
"""Far more than settings take: what is larger is another file, and would be parsed for minutes."""
_DEEPEST: Final = 100
"""The C parser follows each level by a call of its own, and ends the process where too many."""
_LARGEST_NODES: Final = 100_000
"""With what stands behind aliases, which a short file can multiply without end."""

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ConfigurationError(Exception):
    """An environment's file is not as it must be; one line a problem, each with file and key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_settings(path: Path) -> Node | None:
    """The content of the YAML file at `path`; none where the file is empty.

    Raises:
        ConfigurationError: it cannot be read, is no YAML, or holds a key twice.
    """
    try:
        text = _text(path)
        _refuse_depth(text, path.name)
        node = yaml.compose(text, Loader=_Loader)
        if node is not None:
            _weigh(node, path.name, {})
    except yaml.MarkedYAMLError as error:
        raise _malformed(error, path.name) from None
    except OSError as error:
        raise ConfigurationError([f"{path.name}: cannot be read: {error.strerror}"]) from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError([f"{path.name}: cannot be read: {error}"]) from None
    return node


def value_of(node: Node | None, name: str) -> object:
    """What `node` of the file `name` stands for, as Python's own values.

    Raises:
        ConfigurationError: it has a tag of its own, or is a date that there is none of.
    """
    if node is None:
        return None
    loader = _Loader("")
    try:
        return cast("object", loader.construct_document(node))  # pyright: ignore[reportUnknownMemberType] untyped
    except yaml.MarkedYAMLError as error:
        raise _malformed(error, name) from None
    except ValueError as error:
        raise ConfigurationError([f"{name}: no YAML: {error}"]) from None
    finally:
        loader.dispose()


def _malformed(error: yaml.MarkedYAMLError, name: str) -> ConfigurationError:
    mark = error.problem_mark
    where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
    return ConfigurationError([f"{where}: no YAML: {error.problem}"])


def _text(path: Path) -> str:
    status = path.stat()
    if stat.S_ISREG(status.st_mode) and status.st_size > LARGEST_BYTES:
        found = f"{status.st_size:,} bytes are more than the {LARGEST_BYTES:,} that settings take"
        raise ConfigurationError([f"{path.name}: {found}"])
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise ConfigurationError([f"{path.name}: is no regular file"])
    return path.read_text(encoding="utf-8")


def _refuse_depth(text: str, name: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise ConfigurationError([f"{name}: nests more than {_DEEPEST} levels deep"])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _weigh(node: Node, name: str, weights: dict[int, int]) -> int:
    """How many nodes there are in `node`, aliases followed; refuses keys that stand twice."""
    known = weights.get(id(node))
    if known is not None:
        if not known:
            raise ConfigurationError([f"{_place(node, name)}: refers to itself"])
        return known
    weights[id(node)] = 0  # until all that is in it is weighed
    children: list[Node] = []
    if isinstance(node, MappingNode):
        pairs = cast("list[tuple[Node, Node]]", node.value)
        _refuse_repeated([key for key, _ in pairs], name)
        children = [child for pair in pairs for child in pair]
    elif isinstance(node, SequenceNode):
        children = cast("list[Node]", node.value)
    weight = 1 + sum(_weigh(child, name, weights) for child in children)
    if weight > _LARGEST_NODES:
        raise ConfigurationError([f"{name}: holds more than {_LARGEST_NODES:,} values"])
    weights[id(node)] = weight
    return weight


def _refuse_repeated(keys: list[Node], name: str) -> None:
    """Refuse a key that stands twice: YAML's reader would silently take the last."""
    first: dict[str, Node] = {}
    for key in keys:
        if not isinstance(key, ScalarNode):
            continue
        earlier = first.setdefault(cast("str", key.value), key)
        if earlier is not key:
            line = earlier.start_mark.line + 1
            problem = f"{key.value} stands here a second time, the first is in line {line}"
            raise ConfigurationError([f"{_place(key, name)}: {problem}"])


def _place(node: Node, name: str) -> str:
    return f"{name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
