"""What a plan holds: every resource of one stack, as the engine would see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from plan.values import Secret, Unknown, Value, leaves, path_text

Urn: TypeAlias = str

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"


@dataclass(frozen=True, slots=True)
class Source:
    """The line of the program that declares a resource; `file` is relative to the project."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Cited:
    """A figure of a standard that stands in an input: `path` holds `requirement`'s `key`."""

    path: str
    requirement: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Pulumi's resource options, those that change what the engine does."""

    protect: bool = False
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    delete_before_replace: bool | None = None
    retain_on_delete: bool = False
    aliases: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    custom_timeouts: Mapping[str, str] = field(default_factory=dict[str, str])
    deleted_with: Urn | None = None
    import_id: str | None = None
    version: str | None = None
    plugin_download_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource: its inputs are camelCase, as the engine and a policy pack see them."""

    urn: Urn
    type: str
    name: str
    parent: Urn | None = None
    provider: str | None = None
    inputs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    outputs: Mapping[str, Value] | None = None
    options: Options = field(default_factory=Options)
    dependencies: tuple[Urn, ...] = ()
    property_dependencies: Mapping[str, tuple[Urn, ...]] = field(
        default_factory=dict[str, tuple[Urn, ...]]
    )
    source: Source | None = None
    figures: tuple[Cited, ...] = ()

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """Paths of the inputs that are secret, known or not."""
        return tuple(
            path_text(path)
            for path, value in leaves(self.inputs)
            if isinstance(value, Secret) or (isinstance(value, Unknown) and value.secret)
        )

    @cached_property
    def unknowns(self) -> tuple[str, ...]:
        """Paths of the inputs that are known only after an apply."""
        return tuple(
            path_text(path) for path, value in leaves(self.inputs) if isinstance(value, Unknown)
        )

    @property
    def is_component(self) -> bool:
        """Whether the resource only groups others; a provider manages every other one."""
        return self.provider is None and not self.type.startswith(PROVIDER_PREFIX)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The resources of `stack`, parents before children, siblings by name.

    `complete` is false where the source lists only some of the stack's resources, so that the
    absence of one proves nothing. `warnings` say what could not be known.
    """

    project: str
    stack: str
    resources: tuple[Resource, ...]
    complete: bool = True
    warnings: tuple[str, ...] = ()
