"""The rules as a CrossGuard policy pack, which the engine runs with `--policy-pack policies`.

It speaks the engine's analyzer protocol itself. Pulumi's SDK would convert a resource anew for each
rule, drop the marks of secrets, and raise on touching an unknown, which would hide a second
violation behind the first unknown. Here a resource is converted once, into the plan's values.

What cannot be decided is an advisory diagnostic of its own: it is no pass, and no reason to stop.
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import grpc
import yaml
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2 as protocol
from pulumi.runtime.proto import analyzer_pb2_grpc, plugin_pb2

from plan.graph import Graph
from plan.model import Options, Plan, Resource
from policies.configuration import PACK, RuleSettingsError, waivers_path
from policies.description import described, severity
from policies.judgement import Finding, Judgement
from policies.nodes import Subject
from policies.outcomes import UndecidedError, WrongTypeError
from policies.properties import decoded, encoded
from policies.registry import AnyRule, rules
from policies.stance import Stance, make_stance, stack_configuration, tier_of
from policies.waivers import WaiversError
from standards import Tier

WAIVERS_VARIABLE: Final = "SLIPWAY_WAIVERS"
_LONGEST: Final = 500
"""Characters of a reported line: a message may quote an input, which may be megabytes long."""
_LARGEST_MESSAGE: Final = 400 * 2**20
"""Bytes of a request: a whole stack is one. The limit of Pulumi's own SDK."""


def serve(folder: Path) -> None:
    """Serve the pack in `folder` to the engine that started this process, until that ends it.

    The engine reads the port from the first line on stdout: print nothing before.
    """
    try:
        pack = Pack(folder, rules(), os.environ, datetime.now(UTC).date())
    except (RuleSettingsError, WaiversError) as error:
        sys.exit(str(error))
    server = grpc.server(
        ThreadPoolExecutor(max_workers=4),
        options=[("grpc.max_receive_message_length", _LARGEST_MESSAGE)],
    )
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(pack, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        server.wait_for_termination()


class Pack(analyzer_pb2_grpc.AnalyzerServicer):
    """The pack in `folder`, as the engine's analyzer protocol wants it.

    `environment` are the variables of the process: the stack's configuration, and the file of
    waivers that another project names.

    Raises:
        RuleSettingsError: the file of waivers that the environment names is not there.
        WaiversError: the file of waivers cannot be used.
    """

    def __init__(
        self, folder: Path, pack: Mapping[str, AnyRule], environment: Mapping[str, str], today: date
    ) -> None:
        self._waivers = _named_waivers(environment) or folder / "waivers.yaml"
        self._rules = pack
        self._today = today
        self._version = str(yaml.safe_load((folder / "PulumiPolicy.yaml").read_text())["version"])
        self._stack = stack_configuration(environment.get("PULUMI_CONFIG", ""))
        self._configuration: Mapping[str, protocol.PolicyConfig] = {}
        self._stance = self._taken()

    @property
    def _tier(self) -> Tier:
        """The tier that the stack's own configuration names."""
        return tier_of(self._stack)

    def _taken(self) -> Stance:
        return make_stance(
            self._rules,
            self._configuration,
            stack_tier=self._tier,
            waivers=self._waivers,
            today=self._today,
        )

    def GetAnalyzerInfo(  # noqa: N802 - the protocol's name, here and below
        self,
        request: empty_pb2.Empty,  # noqa: ARG002
        context: grpc.ServicerContext,  # noqa: ARG002
    ) -> protocol.AnalyzerInfo:
        """Describe every rule."""
        return described(self._rules.values(), self._tier, self._version)

    def GetPluginInfo(  # noqa: N802
        self,
        request: empty_pb2.Empty,  # noqa: ARG002
        context: grpc.ServicerContext,  # noqa: ARG002
    ) -> plugin_pb2.PluginInfo:
        """Say the version."""
        return plugin_pb2.PluginInfo(version=self._version)

    def ConfigureStack(  # noqa: N802
        self, request: protocol.AnalyzerStackConfigureRequest, context: grpc.ServicerContext
    ) -> protocol.AnalyzerStackConfigureResponse:
        """Take the stack's configuration, which may say its tier."""
        self._stack = dict(request.config)
        self._take(context)
        return protocol.AnalyzerStackConfigureResponse()

    def Configure(  # noqa: N802
        self, request: protocol.ConfigureAnalyzerRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Take the configuration of the pack; refuse one that is wrong."""
        self._configuration = dict(request.policyConfig)
        self._take(context)
        return empty_pb2.Empty()

    def Analyze(  # noqa: N802
        self,
        request: protocol.AnalyzeRequest,
        context: grpc.ServicerContext,  # noqa: ARG002
    ) -> protocol.AnalyzeResponse:
        """Judge one resource by the rules that need no other."""
        stance = self._stance
        resource = _resource(request)
        concerned = [rule for rule in stance.alone if resource.type in rule.types]
        judgement = stance.judge([resource], concerned)
        return self._response(judgement, stance, stance.alone)

    def AnalyzeStack(  # noqa: N802
        self,
        request: protocol.AnalyzeStackRequest,
        context: grpc.ServicerContext,  # noqa: ARG002
    ) -> protocol.AnalyzeResponse:
        """Judge all resources of the stack by the rules that relate them."""
        if not request.resources:
            return protocol.AnalyzeResponse()
        stance = self._stance
        judgement = stance.judge(_resources(request.resources), stance.relating)
        return self._response(judgement, stance, stance.relating)

    def Remediate(  # noqa: N802
        self,
        request: protocol.AnalyzeRequest,
        context: grpc.ServicerContext,  # noqa: ARG002
    ) -> protocol.RemediateResponse:
        """Give a resource the inputs that the rules want whose level is `remediate`."""
        stance = self._stance
        response = protocol.RemediateResponse()
        properties = request.properties
        for rule in stance.remedies:
            resource = _resource(request, properties)
            if resource.type not in rule.remedied or stance.is_waived(rule, resource):
                continue
            remediation = protocol.Remediation(
                policyName=rule.id,
                policyPackName=PACK,
                policyPackVersion=self._version,
                description=rule.title,
            )
            graph = Graph(_plan([resource, *_provider(request)]))
            settings = stance.settings[rule.id]
            try:
                inputs = rule.remedy_for(Subject(resource), settings, graph)
            except (UndecidedError, WrongTypeError) as error:
                remediation.diagnostic = _line(f"{resource.name}: not remedied: {error}")
                response.remediations.append(remediation)
                continue
            if inputs != resource.inputs:
                properties = encoded(properties, resource.inputs, inputs)
                remediation.properties.CopyFrom(properties)
                response.remediations.append(remediation)
        return response

    def Cancel(  # noqa: N802
        self,
        request: empty_pb2.Empty,  # noqa: ARG002
        context: grpc.ServicerContext,  # noqa: ARG002
    ) -> empty_pb2.Empty:
        """Let what is under way end; it takes no time."""
        return empty_pb2.Empty()

    def _take(self, context: grpc.ServicerContext) -> None:
        try:
            self._stance = self._taken()
        except (RuleSettingsError, WaiversError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    def _response(
        self, judgement: Judgement, stance: Stance, asked: Iterable[AnyRule]
    ) -> protocol.AnalyzeResponse:
        """What is wrong and not waived, what could not be decided, and which rules said nothing."""
        response = protocol.AnalyzeResponse()
        spoken = set(judgement.concerned)

        def report(rule: AnyRule, resource: Resource, text: str, level: Any) -> None:  # noqa: ANN401
            spoken.add(rule.id)
            response.diagnostics.add(
                policyName=rule.id,
                policyPackName=PACK,
                policyPackVersion=self._version,
                description=rule.title,
                message=f"{rule.title}\n{text}",
                enforcementLevel=level,
                urn=resource.urn,
                severity=severity(rule),
            )

        for finding in judgement.findings:
            if finding.waiver is None:
                text = _message(finding, stance)
                report(finding.rule, finding.resource, text, stance.effect(finding.rule))
        for error in judgement.errors:
            text = (
                f"{error.resource.name}: the rule failed, which is a defect of it: {error.message}"
            )
            report(error.rule, error.resource, _line(text), stance.effect(error.rule))
        for undecided in judgement.not_evaluated:
            text = f"not evaluated, which is no pass: {undecided.resource.name}: {undecided.reason}"
            report(undecided.rule, undecided.resource, _line(text), protocol.ADVISORY)
        for rule in asked:
            if rule.id not in spoken:
                response.not_applicable.add(policy_name=rule.id, reason="concerns nothing here")
        return response


def _named_waivers(environment: Mapping[str, str]) -> Path | None:
    """The file of waivers that another project names for its own stacks."""
    named = environment.get(WAIVERS_VARIABLE)
    if not named:
        return None
    try:
        return waivers_path(Path(named))
    except ValueError as error:
        raise RuleSettingsError(f"{WAIVERS_VARIABLE}: {error}") from error


def _message(finding: Finding, stance: Stance) -> str:
    """What is wrong where, and the waiver that no longer holds, if there was one."""
    path = f" ({finding.violation.path})" if finding.violation.path else ""
    message = _line(f"{finding.resource.name}: {finding.violation.message}{path}")
    for waiver in stance.waivers:
        if (waiver.rule, waiver.resource) == (finding.rule.id, finding.resource.urn):
            message += f"\nIts waiver ({waiver.place}) expired on {waiver.expires}."
    return message


def _line(text: str) -> str:
    """`text` as one line of what can be printed, shortened in its middle where it is long."""
    if len(text) > _LONGEST:
        half = _LONGEST // 2
        text = f"{text[:half]} … {text[-half:]}"
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )


def _plan(resources: Sequence[Resource]) -> Plan:
    return Plan(project="", stack="", resources=tuple(resources))


def _resources(entries: Iterable[protocol.AnalyzerResource]) -> list[Resource]:
    """The resources of the stack, and the providers that the engine only tells of beside them."""
    found = {entry.urn: _related(entry) for entry in entries}
    for entry in entries:
        if entry.HasField("provider") and entry.provider.urn not in found:
            (provider,) = _provider(entry)
            found[provider.urn] = provider
    return list(found.values())


def _provider(
    entry: protocol.AnalyzeRequest | protocol.AnalyzerResource,
) -> list[Resource]:
    """The provider that the engine tells beside a resource, if it does."""
    if not entry.HasField("provider"):
        return []
    provider = entry.provider
    return [
        Resource(
            urn=provider.urn,
            type=provider.type,
            name=provider.name,
            inputs=decoded(provider.properties),
        )
    ]


def _related(entry: protocol.AnalyzerResource) -> Resource:
    """A resource of a whole stack; its properties are outputs, which hold the inputs, too."""
    resource = _resource(entry)
    return replace(
        resource,
        outputs=resource.inputs,
        parent=entry.parent or None,
        dependencies=tuple(entry.dependencies),
        property_dependencies={
            key: tuple(others.urns) for key, others in entry.propertyDependencies.items()
        },
    )


def _resource(
    entry: protocol.AnalyzeRequest | protocol.AnalyzerResource,
    properties: struct_pb2.Struct | None = None,
) -> Resource:
    """The resource that the engine tells of, with `properties` in place of its own."""
    return Resource(
        urn=entry.urn,
        type=entry.type,
        name=entry.name,
        provider=entry.provider.urn if entry.HasField("provider") else None,
        inputs=decoded(entry.properties if properties is None else properties),
        options=Options(
            protect=entry.options.protect,
            ignore_changes=tuple(entry.options.ignoreChanges),
            aliases=tuple(entry.options.aliases),
        ),
    )
