"""The operations of AWS's API that make resources, and what their models say of a plan's inputs.

Terraform's names, which Pulumi's follow, are those of the API in other letters, nearly: a property
is held against the member that has its name, or alone ends in it, here or one structure deeper. A
property that no member answers for is left alone, and counted.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, TypeAlias, cast

import botocore.session  # pyright: ignore[reportMissingTypeStubs] - it has none

from plan import Resource, Unknown, Value
from plan.values import Secret

Shape: TypeAlias = Any

OPERATIONS: Final[Mapping[str, str]] = {
    "accessanalyzer/analyzer": "accessanalyzer CreateAnalyzer",
    "acm/certificate": "acm RequestCertificate",
    "amp/alertManagerDefinition": "amp CreateAlertManagerDefinition",
    "amp/ruleGroupNamespace": "amp CreateRuleGroupsNamespace",
    "amp/workspace": "amp CreateWorkspace",
    "appautoscaling/policy": "application-autoscaling PutScalingPolicy",
    "appautoscaling/target": "application-autoscaling RegisterScalableTarget",
    "backup/plan": "backup CreateBackupPlan",
    "backup/restoreTestingPlan": "backup CreateRestoreTestingPlan",
    "backup/restoreTestingSelection": "backup CreateRestoreTestingSelection",
    "backup/selection": "backup CreateBackupSelection",
    "backup/vault": "backup CreateBackupVault",
    "backup/vaultLockConfiguration": "backup PutBackupVaultLockConfiguration",
    "cfg/deliveryChannel": "config PutDeliveryChannel",
    "cfg/recorder": "config PutConfigurationRecorder",
    "cfg/rule": "config PutConfigRule",
    "chatbot/slackChannelConfiguration": "chatbot CreateSlackChannelConfiguration",
    "cloudcontrol/resource": "cloudcontrol CreateResource",
    "cloudfront/distribution": "cloudfront CreateDistribution",
    "cloudfront/function": "cloudfront CreateFunction",
    "cloudfront/keyValueStore": "cloudfront CreateKeyValueStore",
    "cloudfront/keyvaluestoreKey": "cloudfront-keyvaluestore PutKey",
    "cloudfront/originAccessControl": "cloudfront CreateOriginAccessControl",
    "cloudfront/responseHeadersPolicy": "cloudfront CreateResponseHeadersPolicy",
    "cloudtrail/trail": "cloudtrail CreateTrail",
    "cloudwatch/compositeAlarm": "cloudwatch PutCompositeAlarm",
    "cloudwatch/dashboard": "cloudwatch PutDashboard",
    "cloudwatch/eventRule": "events PutRule",
    "cloudwatch/eventTarget": "events PutTargets Targets",
    "cloudwatch/logAccountPolicy": "logs PutAccountPolicy",
    "cloudwatch/logAnomalyDetector": "logs CreateLogAnomalyDetector",
    "cloudwatch/logDelivery": "logs CreateDelivery",
    "cloudwatch/logDeliveryDestination": "logs PutDeliveryDestination",
    "cloudwatch/logDeliverySource": "logs PutDeliverySource",
    "cloudwatch/logGroup": "logs CreateLogGroup",
    "cloudwatch/logMetricFilter": "logs PutMetricFilter",
    "cloudwatch/logResourcePolicy": "logs PutResourcePolicy",
    "cloudwatch/logStream": "logs CreateLogStream",
    "cloudwatch/metricAlarm": "cloudwatch PutMetricAlarm",
    "cognito/identityPool": "cognito-identity CreateIdentityPool",
    "dynamodb/table": "dynamodb CreateTable",
    "ec2/flowLog": "ec2 CreateFlowLogs",
    "ec2/vpc": "ec2 CreateVpc",
    "ec2/vpcEndpoint": "ec2 CreateVpcEndpoint",
    "ecr/lifecyclePolicy": "ecr PutLifecyclePolicy",
    "ecr/registryScanningConfiguration": "ecr PutRegistryScanningConfiguration",
    "ecr/repository": "ecr CreateRepository",
    "ecs/cluster": "ecs CreateCluster",
    "ecs/service": "ecs CreateService",
    "ecs/taskDefinition": "ecs RegisterTaskDefinition",
    "eks/accessEntry": "eks CreateAccessEntry",
    "eks/accessPolicyAssociation": "eks AssociateAccessPolicy",
    "eks/addon": "eks CreateAddon",
    "eks/cluster": "eks CreateCluster",
    "eks/podIdentityAssociation": "eks CreatePodIdentityAssociation",
    "elasticache/parameterGroup": "elasticache CreateCacheParameterGroup",
    "elasticache/replicationGroup": "elasticache CreateReplicationGroup",
    "elasticache/user": "elasticache CreateUser",
    "elasticache/userGroup": "elasticache CreateUserGroup",
    "guardduty/detector": "guardduty CreateDetector",
    "guardduty/detectorFeature": "guardduty UpdateDetector Features",
    "iam/accountPasswordPolicy": "iam UpdateAccountPasswordPolicy",
    "iam/openIdConnectProvider": "iam CreateOpenIDConnectProvider",
    "iam/policy": "iam CreatePolicy",
    "iam/role": "iam CreateRole",
    "iam/rolePolicy": "iam PutRolePolicy",
    "iam/rolePolicyAttachment": "iam AttachRolePolicy",
    "inspector2/enabler": "inspector2 Enable",
    "kinesis/firehoseDeliveryStream": "firehose CreateDeliveryStream",
    "kms/alias": "kms CreateAlias",
    "kms/key": "kms CreateKey",
    "lb/listener": "elbv2 CreateListener",
    "lb/listenerRule": "elbv2 CreateRule",
    "lb/loadBalancer": "elbv2 CreateLoadBalancer",
    "lb/targetGroup": "elbv2 CreateTargetGroup",
    "rds/cluster": "rds CreateDBCluster",
    "rds/clusterInstance": "rds CreateDBInstance",
    "rds/clusterParameterGroup": "rds ModifyDBClusterParameterGroup",
    "rds/eventSubscription": "rds CreateEventSubscription",
    "rds/parameterGroup": "rds ModifyDBParameterGroup",
    "rds/proxy": "rds CreateDBProxy",
    "rds/proxyDefaultTargetGroup": "rds ModifyDBProxyTargetGroup",
    "rds/proxyEndpoint": "rds CreateDBProxyEndpoint",
    "route53/healthCheck": "route53 CreateHealthCheck",
    "route53/hostedZoneDnsSec": "route53 EnableHostedZoneDNSSEC",
    "route53/keySigningKey": "route53 CreateKeySigningKey",
    "route53/queryLog": "route53 CreateQueryLoggingConfig",
    "route53/resolverFirewallConfig": "route53resolver UpdateFirewallConfig",
    "route53/resolverFirewallDomainList": "route53resolver UpdateFirewallDomains",
    "route53/resolverFirewallRule": "route53resolver CreateFirewallRule",
    "route53/resolverFirewallRuleGroup": "route53resolver CreateFirewallRuleGroup",
    "route53/resolverFirewallRuleGroupAssociation": "route53resolver AssociateFirewallRuleGroup",
    "route53/zone": "route53 CreateHostedZone",
    "rum/appMonitor": "rum CreateAppMonitor",
    "s3/bucket": "s3 CreateBucket",
    "s3/bucketLifecycleConfiguration": "s3 PutBucketLifecycleConfiguration",
    "s3/bucketObjectLockConfiguration": "s3 PutObjectLockConfiguration",
    "s3/bucketOwnershipControls": "s3 PutBucketOwnershipControls",
    "s3/bucketPublicAccessBlock": "s3 PutPublicAccessBlock",
    "s3/bucketReplicationConfig": "s3 PutBucketReplication",
    "s3/bucketServerSideEncryptionConfiguration": "s3 PutBucketEncryption",
    "s3/bucketVersioning": "s3 PutBucketVersioning",
    "scheduler/schedule": "scheduler CreateSchedule",
    "secretsmanager/secret": "secretsmanager CreateSecret",
    "secretsmanager/secretPolicy": "secretsmanager PutResourcePolicy",
    "securityhub/account": "securityhub EnableSecurityHub",
    "signer/signingProfile": "signer PutSigningProfile",
    "sns/topicSubscription": "sns Subscribe",
    "ssm/parameter": "ssm PutParameter",
    "synthetics/canary": "synthetics CreateCanary",
    "vpc/securityGroupEgressRule": "ec2 AuthorizeSecurityGroupEgress",
    "vpc/securityGroupIngressRule": "ec2 AuthorizeSecurityGroupIngress",
    "wafv2/regexPatternSet": "wafv2 CreateRegexPatternSet",
    "wafv2/webAcl": "wafv2 CreateWebACL",
    "wafv2/webAclLoggingConfiguration": "wafv2 PutLoggingConfiguration",
}
"""The service and the operation that give a resource its properties, by its type."""

RENAMED: Final[Mapping[str, str]] = {
    "amp/alertManagerDefinition.definition": "data",
    "cloudfront/distribution.origins.originId": "Id",
    "cloudtrail/trail.insightSelectors": "InsightSelectors",
    "cloudwatch/logMetricFilter.metricTransformation.value": "metricValue",
    "cloudwatch/metricAlarm.metricQueries": "Metrics",
    "cloudwatch/metricAlarm.metricQueries.metric": "MetricStat",
    "cloudwatch/metricAlarm.name": "AlarmName",
    "dynamodb/table.attributes": "AttributeDefinitions",
    "dynamodb/table.attributes.name": "AttributeName",
    "dynamodb/table.attributes.type": "AttributeType",
    "dynamodb/table.serverSideEncryption": "SSESpecification",
    "ecr/lifecyclePolicy.policy": "lifecyclePolicyText",
    "ecr/lifecyclePolicy.repository": "repositoryName",
    "ecs/service.deploymentMaximumPercent": "maximumPercent",
    "ecs/service.deploymentMinimumHealthyPercent": "minimumHealthyPercent",
    "elasticache/replicationGroup.logDeliveryConfigurations.destination": "DestinationDetails",
    "iam/policy.policy": "PolicyDocument",
    "iam/rolePolicy.name": "PolicyName",
    "iam/rolePolicy.policy": "PolicyDocument",
    "kinesis/firehoseDeliveryStream.extendedS3Configuration": "ExtendedS3DestinationConfiguration",
    "kinesis/firehoseDeliveryStream.serverSideEncryption": (
        "DeliveryStreamEncryptionConfigurationInput"
    ),
    "kms/key.customerMasterKeySpec": "KeySpec",
    "lb/listener.defaultActions.fixedResponse": "FixedResponseConfig",
    "lb/listener.defaultActions.redirect": "RedirectConfig",
    "lb/listenerRule.actions.forward": "ForwardConfig",
    "lb/listenerRule.conditions.pathPattern": "PathPatternConfig",
    "lb/loadBalancer.loadBalancerType": "Type",
    "rds/clusterParameterGroup.parameters.value": "ParameterValue",
    "rds/parameterGroup.parameters.value": "ParameterValue",
    "secretsmanager/secretPolicy.policy": "ResourcePolicy",
    "secretsmanager/secretPolicy.secretArn": "SecretId",
    "wafv2/regexPatternSet.regularExpressions": "RegularExpressionList",
}
"""Members that are called otherwise than the properties that go to them."""


LENGTHS: Final[Mapping[str, int]] = {
    "cloudwatch/eventRule.name": 64,
    "ec2/securityGroup.name": 255,
    "elasticache/replicationGroup.replicationGroupId": 40,
    "elasticache/subnetGroup.name": 255,
    "elasticache/user.userId": 40,
    "elasticache/userGroup.userGroupId": 40,
    "lb/loadBalancer.name": 32,
    "lb/targetGroup.name": 32,
    "rds/cluster.clusterIdentifier": 63,
    "rds/cluster.finalSnapshotIdentifier": 255,
    "rds/clusterInstance.identifier": 63,
    "rds/clusterParameterGroup.name": 255,
    "rds/parameterGroup.name": 255,
    "rds/proxy.name": 63,
    "rds/subnetGroup.name": 255,
    "s3/bucket.bucket": 63,
    "sns/topic.name": 256,
    "sqs/queue.name": 80,
}
"""How long names may be where the model leaves it to the documentation of the API."""


@dataclass(frozen=True, slots=True)
class Held:
    """What came of holding resources against the models."""

    wrong: list[str] = field(default_factory=list[str])
    known: set[str] = field(default_factory=set[str])
    """Properties that a member of the API answers for, as `type.property.path`."""
    unknown: set[str] = field(default_factory=set[str])
    """Those that none does."""


def hold(resource: Resource, held: Held) -> None:
    """Add to `held` what the API's model says of the inputs of `resource`, if it has one."""
    kind = resource.type.removeprefix("aws:").rpartition(":")[0]
    operation = OPERATIONS.get(kind)
    for key, value in resource.inputs.items():
        limit = LENGTHS.get(f"{kind}.{key}")
        if limit and isinstance(value, str) and len(value) > limit:
            said = f"{value}: {len(value)} characters are more than {limit}"
            held.wrong.append(f"{resource.name} ({kind}) {key}: {said}")
    if operation is not None:
        _Walk(f"{resource.name} ({kind})", kind, held).structure(resource.inputs, _input(operation))


@dataclass(frozen=True, slots=True)
class _Walk:
    resource: str
    kind: str
    held: Held

    def structure(self, value: Mapping[str, Value], shape: Shape, path: str = "") -> None:
        for key, item in value.items():
            here = f"{path}.{key}" if path else key
            member = self._member(shape, key, item, here)
            if key in _OURS or isinstance(item, Unknown | Secret):
                continue
            if member is None:
                self.held.unknown.add(f"{self.kind}.{here}")
            else:
                self.value(item, member, here)

    def _member(self, shape: Shape, key: str, value: Value, path: str) -> Shape | None:
        """The member of `shape` that the property `key` goes to."""
        renamed = RENAMED.get(f"{self.kind}.{path}")
        wanted = list(_spelt(renamed or key, self.kind))
        is_text = isinstance(value, str) and value.startswith(("[", "{"))
        is_nested = isinstance(value, Mapping | list | tuple)
        for fits in (str.__eq__, str.endswith, str.startswith):
            for level in (shape, *_deeper(shape)):
                found = [
                    member
                    for name, member in level.members.items()
                    if any(fits(_plain(name), one) for one in wanted)
                    and (is_nested == (member.type_name in _NESTED) or is_text or renamed)
                ]
                if len(found) == 1:
                    return found[0]
        return None

    def value(self, value: Value, shape: Shape, path: str) -> None:
        if isinstance(value, Unknown | Secret) or value is None:
            return
        if isinstance(value, str) and shape.type_name in {"list", "structure"}:
            self._json(value, shape, path)
        elif isinstance(value, Mapping):
            self._mapping(value, shape, path)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            items = _items(shape)
            for item in value:
                self.value(item, items, path)
            self._bounds(len(value), shape, path)
        else:
            self.held.known.add(f"{self.kind}.{path}")
            self._scalar(value, shape, path)

    def _json(self, text: str, shape: Shape, path: str) -> None:
        if text.startswith(("[", "{")):
            self.value(cast("Value", json.loads(text)), shape, path)
        else:
            self.held.unknown.add(f"{self.kind}.{path}")

    def _mapping(self, value: Mapping[str, Value], shape: Shape, path: str) -> None:
        one = _items(shape) if shape.type_name == "list" else shape
        if {"Name", "Value"} == {*getattr(one, "members", ())}:
            for name, item in value.items():
                self.value(name, one.members["Name"], path)
                self.value(item, one.members["Value"], path)
        elif one.type_name == "structure":
            self.structure(value, one, path)
        elif one.type_name == "map":
            for key, item in value.items():
                self.value(key, one.key, path)
                self.value(item, one.value, path)
        else:
            self.held.unknown.add(f"{self.kind}.{path}")

    def _scalar(self, value: object, shape: Shape, path: str) -> None:
        kind = shape.type_name
        text = str(value)
        if kind == "string" and not isinstance(value, bool):  # else Terraform translates it
            enum = cast("list[str]", shape.enum)
            if enum and text not in enum:
                self._say(path, f"{text!r} is none of {', '.join(enum)}")
            self._bounds(len(text), shape, path)
            pattern = _compiled(shape.metadata.get("pattern"))
            if pattern is not None and not pattern.search(text):
                self._say(path, f"{text!r} does not match {pattern.pattern}")
        elif kind in {"integer", "long", "float", "double"}:
            try:
                self._bounds(float(text), shape, path)
            except ValueError:
                self._say(path, f"{text!r} is no number")
        elif kind == "boolean" and text.lower() not in {"true", "false"}:
            self._say(path, f"{text!r} is neither true nor false")

    def _bounds(self, amount: float, shape: Shape, path: str) -> None:
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if least is not None and amount < least:
            self._say(path, f"{amount:g} is below {least}")
        if most is not None and amount > most:
            self._say(path, f"{amount:g} is above {most}")

    def _say(self, path: str, sentence: str) -> None:
        self.held.wrong.append(f"{self.resource} {path}: {sentence}")


_OURS: Final = ("tags", "region", "forceDestroy")
"""What Terraform and Pulumi answer for, and no operation that makes a resource."""


_NESTED: Final = frozenset({"list", "map", "structure"})


@cache
def _input(operation: str) -> Shape:
    service, name, *path = operation.split()
    session = cast("Any", botocore.session.Session())
    shape = session.get_service_model(service).operation_model(name).input_shape
    for member in path:
        shape = _items(shape.members[member])
    return shape


def _items(shape: Shape) -> Shape:
    """The shape of an item in a list; CloudFront wraps lists in a structure."""
    if shape.type_name == "list":
        return shape.member
    if shape.type_name == "structure" and "Items" in shape.members:
        return _items(shape.members["Items"])
    return shape


def _deeper(shape: Shape) -> Iterator[Shape]:
    for member in shape.members.values():
        if member.type_name == "structure":
            yield member


def _spelt(key: str, kind: str) -> Iterator[str]:
    """How the API may write the name `key`, plain: in the singular or the plural, too."""
    plain = _plain(key)
    yield plain
    if key == "name":
        yield f"{_plain(kind.partition('/')[2])}name"
    yield f"{plain}s"
    if plain.endswith("s"):
        yield plain[:-1]
    if plain.endswith("ies"):
        yield f"{plain[:-3]}y"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@cache
def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    """`pattern`, `None` where it is of another dialect than Python's."""
    if pattern is None:
        return None
    try:
        return re.compile(rf"\A(?:{pattern})\Z")
    except re.error:
        return None
