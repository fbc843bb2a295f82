"""Stands in for the engine in process: answers a program, and records what it declares.

The two classes answer the calls of Pulumi's `ResourceMonitor` and `Engine` protocols that the
Python SDK makes, and treat a registration as the engine does before it reaches a provider.
"""

# ruff: noqa: N802 the methods are named by the protocol

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, cast

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from google.protobuf.message import Message
from pulumi.runtime.proto import (
    alias_pb2,
    callback_pb2,
    callback_pb2_grpc,
    engine_pb2,
    provider_pb2,
    resource_pb2,
)

from plan import SECRET, Options, Resource, Value
from plan.model import PROVIDER_PREFIX
from preview import wire
from preview.errors import ProgramError
from preview.fixtures import Fixtures
from preview.names import DELIMITER, child_urn, make_urn, qualified, split_urn
from preview.origins import Origins
from preview.wire import Json

_Invoke = Callable[[callback_pb2.CallbackInvokeRequest], callback_pb2.CallbackInvokeResponse]
_Options = resource_pb2.TransformResourceOptions
_IMPORT: Final = "import"  # a field's name that Python cannot write as an attribute

_FEATURES: Final = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_STATE_MIGRATIONS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What a program is told of the deployment that it runs in; `config` has the full keys."""

    project: str
    stack: str
    config: Mapping[str, str] = field(default_factory=dict[str, str])
    secret_keys: frozenset[str] = frozenset()
    fixtures: Fixtures = field(default_factory=Fixtures)

    def package_config(self, package: str) -> dict[str, str]:
        """The settings whose keys are in the namespace of `package`, without it."""
        prefix = f"{package}:"
        return {
            key.removeprefix(prefix): value
            for key, value in self.config.items()
            if key.startswith(prefix)
        }


class Engine:
    """Answers the calls of the `Engine` protocol and keeps what the program logs."""

    def __init__(self) -> None:
        self.warnings: Final[list[str]] = []
        self.errors: Final[list[str]] = []

    def Log(self, request: engine_pb2.LogRequest) -> empty_pb2.Empty:
        """Keep warnings and errors; the rest is for an interactive run."""
        if request.severity == engine_pb2.WARNING:
            self.warnings.append(request.message)
        elif request.severity == engine_pb2.ERROR:
            self.errors.append(request.message)
        return empty_pb2.Empty()

    def RequirePulumiVersion(
        self, _request: engine_pb2.RequirePulumiVersionRequest
    ) -> engine_pb2.RequirePulumiVersionResponse:
        """Accept every range: no CLI takes part in the preview."""
        return engine_pb2.RequirePulumiVersionResponse()


class Monitor:
    """Answers the calls of the `ResourceMonitor` protocol and records every resource."""

    def __init__(self, deployment: Deployment, origins: Origins) -> None:
        self.warnings: Final[list[str]] = []
        self._deployment: Final = deployment
        self._origins: Final = origins
        self._denied: Final = _denied(deployment)
        self._resources: Final[dict[str, Resource]] = {}
        self._outputs: Final[dict[str, struct_pb2.Struct]] = {}
        self._objects: Final[dict[str, struct_pb2.Struct]] = {}
        self._options: Final[dict[str, _Options]] = {}
        self._packages: Final[dict[str, resource_pb2.RegisterPackageRequest]] = {}
        self._transforms: Final[dict[str, tuple[callback_pb2.Callback, ...]]] = {}
        self._stack_transforms: Final[list[callback_pb2.Callback]] = []
        self._invoke_transforms: Final[list[callback_pb2.Callback]] = []
        self._channels: Final[dict[str, grpc.Channel]] = {}

    def resources(self) -> tuple[Resource, ...]:
        """What was recorded: parents before children, siblings by name and type."""
        children: dict[str | None, list[Resource]] = {}
        for resource in self._resources.values():
            children.setdefault(resource.parent, []).append(resource)
        ordered: list[Resource] = []
        pending: list[str | None] = [None]
        while pending:
            below = children.get(pending.pop(), [])
            below.sort(key=lambda resource: (resource.name, resource.type))
            ordered.extend(below)
            pending.extend(resource.urn for resource in reversed(below))
        return tuple(self._with_outputs(resource) for resource in ordered)

    def close(self) -> None:
        """Close the connections to the program's callbacks."""
        for channel in self._channels.values():
            channel.close()

    def GetDeploymentInfo(self, _request: empty_pb2.Empty) -> resource_pb2.DeploymentInfo:
        """Say what the deployment is, and what this monitor supports."""
        deployment = self._deployment
        return resource_pb2.DeploymentInfo(
            project=deployment.project,
            stack=deployment.stack,
            dryRun=True,
            supportedFeatures=_FEATURES,
        )

    def RegisterResource(
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Record a resource; its outputs are its inputs, its id is not known before an apply."""
        urn = self._urn(request.type, request.name, request.parent)
        origin = self._origins.of(urn)
        options = self._requested(request)
        properties, options, dependencies = self._transformed(urn, request, options)
        inputs = wire.properties(properties)
        if request.type.startswith(PROVIDER_PREFIX):
            inputs |= _plugin(options.version, options.plugin_download_url)
        resource = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent or None,
            provider=self._provider(urn, request, options),
            inputs=inputs,
            options=_recorded(options, self._aliases(urn, request, options)),
            dependencies=tuple(sorted({*options.depends_on}.union(*dependencies.values()))),
            property_dependencies={
                key: tuple(sorted(urns)) for key, urns in sorted(dependencies.items()) if urns
            },
            source=origin.source,
            figures=origin.cited(inputs),
        )
        self._resources[urn] = resource
        self._options[urn] = options
        self._objects[urn] = properties
        identifier = getattr(options, _IMPORT) if request.custom else ""
        return resource_pb2.RegisterResourceResponse(urn=urn, id=identifier, object=properties)

    def RegisterResourceOutputs(
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        """Keep what a component, or the stack, publishes."""
        self._outputs[request.urn] = request.outputs
        return empty_pb2.Empty()

    def ReadResource(
        self, request: resource_pb2.ReadResourceRequest
    ) -> resource_pb2.ReadResourceResponse:
        """Answer with what was asked for; the rest of the resource's state is unknown."""
        urn = self._urn(request.type, request.name, request.parent)
        if not request.provider:
            self._default_provider(urn, request.type, request.version, request.pluginDownloadURL)
        self.warnings.append(
            f"{request.type} {request.id!r} is not read offline: its outputs are unknown"
        )
        return resource_pb2.ReadResourceResponse(
            urn=urn, id=request.id, properties=request.properties
        )

    def Invoke(
        self, request: resource_pb2.ResourceInvokeRequest
    ) -> resource_pb2.ResourceInvokeResponse:
        """Answer a function from the fixtures, with nothing where they have no answer."""
        token = request.tok
        answer: Mapping[str, Json] | None
        arguments = self._arguments(request)
        if token == "pulumi:pulumi:getResource":  # noqa: S105 a function's name
            urn = str(arguments["urn"])
            state = json_format.MessageToDict(self._objects.get(urn, struct_pb2.Struct()))
            answer = {"urn": urn, "id": "", "state": cast("Json", state)}
        else:
            if not request.provider:
                self._default_provider(token, token, request.version, request.pluginDownloadURL)
            region = self._region(request.provider)
            answer = self._deployment.fixtures.answer(token, arguments, region)
        if answer is None:
            self.warnings.append(f"{token} has no answer offline: it returned nothing")
        response = resource_pb2.ResourceInvokeResponse()
        getattr(response, "return").CopyFrom(wire.struct(answer or {}))
        return response

    def Call(self, request: resource_pb2.ResourceCallRequest) -> provider_pb2.CallResponse:
        """Answer a resource's method with nothing."""
        self.warnings.append(f"{request.tok} has no answer offline: it returned nothing")
        return provider_pb2.CallResponse()

    def RegisterPackage(
        self, request: resource_pb2.RegisterPackageRequest
    ) -> resource_pb2.RegisterPackageResponse:
        """Give a package a reference to be named by."""
        reference = f"{request.name}-{len(self._packages)}"
        self._packages[reference] = request
        return resource_pb2.RegisterPackageResponse(ref=reference)

    def RegisterStackTransform(self, request: callback_pb2.Callback) -> empty_pb2.Empty:
        """Call `request` for every resource registered from now on."""
        self._stack_transforms.append(request)
        return empty_pb2.Empty()

    def RegisterStackInvokeTransform(self, request: callback_pb2.Callback) -> empty_pb2.Empty:
        """Call `request` for every function called from now on."""
        self._invoke_transforms.append(request)
        return empty_pb2.Empty()

    def RegisterResourceHook(
        self, _request: resource_pb2.RegisterResourceHookRequest
    ) -> empty_pb2.Empty:
        """Accept a hook: no step of a resource's life takes place in a preview."""
        return empty_pb2.Empty()

    def RegisterErrorHook(self, _request: resource_pb2.RegisterErrorHookRequest) -> empty_pb2.Empty:
        """Accept a hook: no operation is tried, so none fails."""
        return empty_pb2.Empty()

    def SignalAndWaitForShutdown(self, _request: empty_pb2.Empty) -> empty_pb2.Empty:
        """Let the program end: nothing of it is still under way."""
        return empty_pb2.Empty()

    def _urn(self, kind: str, name: str, parent: str) -> str:
        if parent:
            return child_urn(parent, kind, name)
        return make_urn(self._deployment.stack, self._deployment.project, kind, name)

    def _with_outputs(self, resource: Resource) -> Resource:
        published = self._outputs.get(resource.urn)
        return (
            resource if published is None else replace(resource, outputs=wire.properties(published))
        )

    def _requested(self, request: resource_pb2.RegisterResourceRequest) -> _Options:
        """The options of `request`, with those that a child takes over from its parent."""
        parent = self._options.get(request.parent, _Options())
        options = _Options(
            depends_on=request.dependencies,
            protect=_first_set((request, "protect"), (parent, "protect")),
            ignore_changes=request.ignoreChanges,
            replace_on_changes=request.replaceOnChanges,
            version=request.version,
            aliases=request.aliases,  # pyright: ignore[reportUnknownMemberType] untyped
            provider=request.provider,
            providers=request.providers,
            plugin_download_url=request.pluginDownloadURL,
            retain_on_delete=_first_set((request, "retainOnDelete"), (parent, "retain_on_delete")),
            deleted_with=request.deletedWith or parent.deleted_with,
            delete_before_replace=(
                request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None
            ),
            additional_secret_outputs=request.additionalSecretOutputs,
            hide_diff=request.hideDiffs,
            replace_with=request.replace_with,
        )
        setattr(options, _IMPORT, request.importId)
        if request.HasField("customTimeouts"):
            options.custom_timeouts.CopyFrom(request.customTimeouts)
        return options

    def _transformed(
        self, urn: str, request: resource_pb2.RegisterResourceRequest, options: _Options
    ) -> tuple[struct_pb2.Struct, _Options, dict[str, set[str]]]:
        """Properties, options and property dependencies of `request` behind all transforms.

        The resource's own transforms come first, then those of its parents, then the stack's.
        """
        properties = request.object
        dependencies = {key: {*sent.urns} for key, sent in request.propertyDependencies.items()}
        own = tuple(cast("Iterable[callback_pb2.Callback]", request.transforms))
        if own:
            self._transforms[urn] = own
            properties = wire.with_dependencies(properties, dependencies)
        inherited = self._inherited_transforms(request.parent)
        for callback in (*own, *inherited, *self._stack_transforms):
            asked = resource_pb2.TransformRequest(
                type=request.type,
                name=request.name,
                custom=request.custom,
                parent=request.parent,
                properties=properties,
                options=options,
            )
            answer = resource_pb2.TransformResponse.FromString(self._call(callback, asked))
            if answer.HasField("properties"):
                properties = answer.properties
            if answer.HasField("options"):
                options = answer.options
        if own:
            dependencies = wire.dependencies(properties)
        return properties, options, dependencies

    def _inherited_transforms(self, parent: str) -> Iterator[callback_pb2.Callback]:
        ancestor: str | None = parent
        while ancestor:
            yield from self._transforms.get(ancestor, ())
            ancestor = self._resources[ancestor].parent

    def _arguments(self, request: resource_pb2.ResourceInvokeRequest) -> dict[str, Json]:
        """The arguments of a function behind the stack's transforms of functions."""
        arguments = request.args
        for callback in self._invoke_transforms:
            asked = resource_pb2.TransformInvokeRequest(token=request.tok, args=arguments)
            answer = resource_pb2.TransformInvokeResponse.FromString(self._call(callback, asked))
            if answer.HasField("args"):
                arguments = answer.args
        return json_format.MessageToDict(arguments)

    def _call(
        self,
        callback: callback_pb2.Callback,
        request: resource_pb2.TransformRequest | resource_pb2.TransformInvokeRequest,
    ) -> bytes:
        """What the program's function behind `callback` answers to `request`."""
        channel = self._channels.get(callback.target)
        if channel is None:
            channel = self._channels[callback.target] = grpc.insecure_channel(callback.target)
        asked = callback_pb2.CallbackInvokeRequest(
            token=callback.token, request=request.SerializeToString()
        )
        invoke = cast("_Invoke", callback_pb2_grpc.CallbacksStub(channel).Invoke)
        return invoke(asked).response

    def _provider(
        self, urn: str, request: resource_pb2.RegisterResourceRequest, options: _Options
    ) -> str | None:
        """The URN of the provider that manages a resource, None for one that has no provider."""
        kind = request.type
        if not (request.custom or request.remote) or kind.startswith(PROVIDER_PREFIX):
            return None
        if options.provider:
            return options.provider.rpartition(DELIMITER)[0]
        package = self._packages.get(request.packageRef)
        if package is not None:
            token = f"{package.name}:{kind.partition(':')[2]}"
            return self._default_provider(urn, token, package.version, package.download_url)
        return self._default_provider(urn, kind, options.version, options.plugin_download_url)

    def _default_provider(self, user: str, token: str, version: str, url: str) -> str:
        """The URN of the provider that the engine makes for those who name none."""
        package = token.partition(":")[0]
        if package != "pulumi" and not self._denied.isdisjoint((package, "*")):
            message = (
                f"Default provider for '{package}' disabled. "
                f"'{token}' must use an explicit provider."
            )
            raise ProgramError(message, source=self._origins.of(user).source)
        name = "_".join(["default", *re.findall(r"\w+", version), *([url] if url else [])])
        kind = PROVIDER_PREFIX + package
        urn = self._urn(kind, name, "")
        if urn in self._resources:
            return urn
        inputs: dict[str, Value] = {
            key: SECRET if f"{package}:{key}" in self._deployment.secret_keys else value
            for key, value in self._deployment.package_config(package).items()
        }
        inputs |= _plugin(version, url)
        self._resources[urn] = Resource(urn=urn, type=kind, name=name, inputs=inputs)
        return urn

    def _region(self, reference: str) -> str | None:
        """The region that the provider `reference` works in, None where it does not say."""
        provider = self._resources.get(reference.rpartition(DELIMITER)[0])
        region = provider.inputs.get("region") if provider else None
        return region if isinstance(region, str) else None

    def _aliases(
        self, urn: str, request: resource_pb2.RegisterResourceRequest, options: _Options
    ) -> tuple[str, ...]:
        """The URNs that the resource had before, as far as the program says."""
        stack, project, _, name = split_urn(urn)
        found: dict[str, None] = {}
        for alias in cast("Iterable[alias_pb2.Alias]", options.aliases):
            spec = alias.spec
            kind = spec.type or request.type
            above = "" if spec.noParent else spec.parentUrn or request.parent
            chain = qualified(above, kind) if above else kind
            parts = (spec.stack or stack, spec.project or project, chain, spec.name or name)
            found[alias.urn or make_urn(*parts)] = None
        return tuple(found)


def _denied(deployment: Deployment) -> frozenset[str]:
    """The packages that get no default provider; `*` stands for all of them."""
    text = deployment.package_config("pulumi").get("disable-default-providers")
    return frozenset(map(str.strip, cast("list[str]", json.loads(text or "[]"))))


def _first_set(*fields: tuple[Message, str]) -> bool | None:
    """The first of `fields` that was set, None where none was."""
    return next((getattr(message, key) for message, key in fields if message.HasField(key)), None)


def _plugin(version: str, url: str) -> dict[str, Value]:
    """What the engine adds to a provider's inputs to find its plugin."""
    wanted = {"version": version, "pluginDownloadURL": url}
    return {key: value for key, value in wanted.items() if value}


def _recorded(options: _Options, aliases: tuple[str, ...]) -> Options:
    timeouts = options.custom_timeouts
    limits = {
        "create": timeouts.create,
        "update": timeouts.update,
        "delete": timeouts.delete,
        "read": timeouts.read,
    }
    return Options(
        protect=options.protect,
        ignore_changes=tuple(options.ignore_changes),
        replace_on_changes=tuple(options.replace_on_changes),
        delete_before_replace=_first_set((options, "delete_before_replace")),
        retain_on_delete=options.retain_on_delete,
        aliases=aliases,
        additional_secret_outputs=tuple(options.additional_secret_outputs),
        custom_timeouts={key: limit for key, limit in limits.items() if limit},
        deleted_with=options.deleted_with or None,
        import_id=getattr(options, _IMPORT) or None,
        version=options.version or None,
        plugin_download_url=options.plugin_download_url or None,
    )
