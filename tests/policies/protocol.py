"""Speaking to the policy pack as the engine does, in this process or to one of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, cast

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from plan.model import Plan, Resource
from plan.values import Secret, Unknown, Value
from policies.crossguard import WAIVERS_VARIABLE, Pack
from policies.description import LEVELS
from policies.examples import PROJECT, STACK
from policies.registry import AnyRule, rules
from standards import Tier

PACK = Path(__file__).parents[2] / "policies"
EMPTY = empty_pb2.Empty()
CANARY = "hunter2"
"""The text of every secret that is sent."""

Stub: TypeAlias = Any
"""A client of the pack; gRPC's stubs for it are not typed."""
Diagnostic: TypeAlias = analyzer_pb2.AnalyzeDiagnostic
Level: TypeAlias = "analyzer_pb2.EnforcementLevel.ValueType"


class Aborted(Exception):  # noqa: N818 - what a call ends with, as the engine sees it
    """The pack refused what it was asked."""


class Context:
    """What a call of the protocol comes with; here it only ends one."""

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        """End the call."""
        raise Aborted(f"{code.name}: {details}")


CONTEXT = cast("grpc.ServicerContext", Context())


class Local:
    """A client of a pack in this process."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any call of the protocol
        call = getattr(self._pack, name)

        def answer(request: object) -> object:
            return call(request, CONTEXT)

        return answer


def pack_of(
    *pack: AnyRule, tier: Tier = Tier.PRODUCTION, folder: Path = PACK, waivers: Path | None = None
) -> Stub:
    """A client of a pack of these rules, or of all, in this process."""
    chosen = {rule.id: rule for rule in pack} if pack else rules()
    environment = {"PULUMI_CONFIG": json.dumps({"slipway:tier": tier.value})}
    if waivers is not None:
        environment[WAIVERS_VARIABLE] = str(waivers)
    return Local(Pack(folder, chosen, environment, datetime.now(UTC).date()))


@contextmanager
def serving(folder: Path = PACK, tier: Tier = Tier.PRODUCTION) -> Generator[Stub, None, None]:
    """The pack in `folder`, started as the engine starts it."""
    process = start(folder, tier)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        port = process.stdout.readline().strip()
        assert port.isdigit(), process.stderr.read()
        # The engine takes answers of 400 MiB; gRPC's own limit is 4.
        options = [("grpc.max_receive_message_length", 400 * 1024 * 1024)]
        with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
            yield analyzer_pb2_grpc.AnalyzerStub(channel)
    finally:
        process.kill()
        process.communicate()


def start(folder: Path, tier: Tier) -> subprocess.Popen[str]:
    """The pack's process, as the engine starts it."""
    environment = {
        **os.environ,
        "PULUMI_PROJECT": PROJECT,
        "PULUMI_STACK": STACK,
        "PULUMI_ORGANIZATION": "organization",
        "PULUMI_DRY_RUN": "true",
        "PULUMI_CONFIG": json.dumps({"slipway:tier": tier.value}),
    }
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(folder)]
    return subprocess.Popen(  # noqa: S603 - the pack, as the engine starts it
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def configure(
    pack: Stub,
    configuration: Mapping[str, Mapping[str, Any]],
    level: "Level | None" = None,
    tier: Tier = Tier.PRODUCTION,
) -> None:
    """Configure as the engine does: it sends every rule's level, `level` for those configured."""
    request = analyzer_pb2.ConfigureAnalyzerRequest()
    for rule in rules().values():
        request.policyConfig[rule.id].enforcementLevel = LEVELS[rule.level(tier)]
    for rule, told in configuration.items():
        if level is not None:
            request.policyConfig[rule].enforcementLevel = level
        request.policyConfig[rule].properties.update(dict(told))
    pack.Configure(request)


def analyze(pack: Stub, plan: Plan) -> list[analyzer_pb2.AnalyzeResponse]:
    """What the pack answers for each resource of `plan`."""
    by_urn = {resource.urn: resource for resource in plan.resources}
    return [
        pack.Analyze(analyzer_pb2.AnalyzeRequest(**described(resource, by_urn)))
        for resource in plan.resources
    ]


def analyze_stack(pack: Stub, plan: Plan) -> analyzer_pb2.AnalyzeResponse:
    """What the pack answers for all resources of `plan` together."""
    by_urn = {resource.urn: resource for resource in plan.resources}
    stack = analyzer_pb2.AnalyzeStackRequest()
    for resource in plan.resources:
        entry = analyzer_pb2.AnalyzerResource(
            **described(resource, by_urn),
            parent=resource.parent or "",
            dependencies=resource.dependencies,
        )
        for key, urns in resource.property_dependencies.items():
            entry.propertyDependencies[key].urns.extend(urns)
        stack.resources.append(entry)
    return pack.AnalyzeStack(stack)


def diagnostics(pack: Stub, plan: Plan) -> list[Diagnostic]:
    """What the pack says of each resource of `plan`, and then of all together."""
    alone = [one for response in analyze(pack, plan) for one in response.diagnostics]
    return alone + list(analyze_stack(pack, plan).diagnostics)


def described(resource: Resource, by_urn: Mapping[str, Resource]) -> dict[str, Any]:
    """What the engine tells of a resource in both calls."""
    provider = by_urn.get(resource.provider or "")
    told: dict[str, Any] = {
        "urn": resource.urn,
        "type": resource.type,
        "name": resource.name,
        "properties": struct(resource.inputs),
        "options": analyzer_pb2.AnalyzerResourceOptions(
            protect=resource.options.protect, ignoreChanges=resource.options.ignore_changes
        ),
    }
    if provider is not None:
        told["provider"] = analyzer_pb2.AnalyzerProviderResource(
            urn=provider.urn,
            type=provider.type,
            name=provider.name,
            properties=struct(provider.inputs),
        )
    return told


def struct(inputs: Mapping[str, Value]) -> struct_pb2.Struct:
    """Properties as the engine sends them."""
    message = struct_pb2.Struct()
    message.update(cast("dict[str, Any]", wire(inputs)))
    return message


def wire(value: Value) -> object:
    """A value as the engine sends it."""
    if isinstance(value, Unknown):
        return UNKNOWN_STRING_VALUE
    if isinstance(value, Secret):
        return secret(CANARY)
    if isinstance(value, Mapping):
        return {key: wire(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [wire(item) for item in value]
    return value


def secret(value: object) -> dict[str, object]:
    """A secret as the engine sends it: its text, marked."""
    return {
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        "value": value,
    }


def level_of(diagnostic: Diagnostic) -> str:
    """What the diagnostic does, in a word."""
    return analyzer_pb2.EnforcementLevel.Name(diagnostic.enforcementLevel).lower()
