"""Rules for image repositories."""

from functools import lru_cache
from typing import Final

from plan.graph import Graph
from policies.audience import admits_somebody
from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    NotEvaluated,
    Outcome,
    Pass,
    all_of,
    every,
    fail,
    met,
    require,
    some,
)
from policies.patterns import fits
from policies.registry import Controls, Given, Ref, rule
from policies.relations import companions
from policies.settings import Settings, Severity
from policies.statements import statements

REPOSITORY: Final = "aws:ecr/repository:Repository"
REGISTRY_SCANNING: Final = "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration"
LIFECYCLE: Final = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
REPOSITORY_POLICY: Final = "aws:ecr/repositoryPolicy:RepositoryPolicy"
REGISTRY_POLICY: Final = "aws:ecr/registryPolicy:RegistryPolicy"

CLOUD_CONTROL: Final = "aws:cloudcontrol/resource:Resource"

_SIGNING: Final = "AWS::ECR::SigningConfiguration"
_SCANS: Final = {"SCAN_ON_PUSH", "CONTINUOUS_SCAN"}


def _scanning(kind: str, frequency: str, pattern: str) -> Given:
    """A registry's scanning configuration of one rule, for the examples."""
    return Given(
        REGISTRY_SCANNING,
        "registry",
        {
            "scanType": kind,
            "rules": [
                {
                    "scanFrequency": frequency,
                    "repositoryFilters": [{"filter": pattern, "filterType": "WILDCARD"}],
                }
            ],
        },
    )


@rule(
    types=[REPOSITORY],
    severity=Severity.HIGH,
    requirements=["ART-09"],
    controls=Controls(fsbp=("ECR.1",), checkov=("CKV_AWS_163",)),
    remediation="""
        Scan each image as it is pushed, in one repository or in all of the registry:

            aws.ecr.Repository("api", image_scanning_configuration={"scan_on_push": True}, ...)
            aws.ecr.RegistryScanningConfiguration("registry", scan_type="ENHANCED", rules=[{
                "scan_frequency": "CONTINUOUS_SCAN",
                "repository_filters": [{"filter": "*", "filter_type": "WILDCARD"}]}])
        """,
    passing=[
        (Given(REPOSITORY, "api", {"imageScanningConfiguration": {"scanOnPush": True}}),),
        (Given(REPOSITORY, "api"), _scanning("ENHANCED", "CONTINUOUS_SCAN", "*")),
        (
            Given(REPOSITORY, "api", {"name": "payments/api"}),
            _scanning("BASIC", "SCAN_ON_PUSH", "payments/*"),
        ),
    ],
    failing=[
        (Given(REPOSITORY, "api", {"imageScanningConfiguration": {"scanOnPush": False}}),),
        (Given(REPOSITORY, "api"), _scanning("BASIC", "MANUAL", "*")),
        (
            Given(REPOSITORY, "api", {"name": "payments/api"}),
            _scanning("ENHANCED", "SCAN_ON_PUSH", "billing"),
        ),
    ],
)
def ecr_scan_on_push(repository: Subject, _: Settings, graph: Graph) -> Outcome:
    """Images are scanned when they are pushed.

    A known vulnerability is then found before the image runs, by its repository's setting or by a
    scanning rule of the registry that matches its name.
    """

    def matches(pattern: str) -> Outcome:
        if pattern == "*":
            return PASS
        name = repository.text("name") or ""
        found = fits(name, pattern) if "*" in pattern else pattern in name
        return met(found)

    def scans(place: str) -> Outcome:
        if place == "registry":
            patterns, undecided = _scanned(graph)
            outcome = some(patterns, matches)
            return undecided if undecided and not isinstance(outcome, Pass) else outcome
        own = repository.node("imageScanningConfiguration")
        return met(own.flag("scanOnPush"))

    return some(
        ["repository", "registry"], scans, "its images are not scanned when they are pushed"
    )


@lru_cache(maxsize=8)
def _scanned(graph: Graph) -> tuple[list[str], NotEvaluated | None]:
    """The filters of repositories that the registry scans, and what of them is not known.

    Asked once a stack.
    """
    patterns: dict[str, None] = {}

    def collect(filter_: Node) -> Outcome:
        if pattern := filter_.text("filter"):
            patterns[pattern] = None
        return PASS

    def collect_all(rule_: Node) -> Outcome:
        if rule_.text("scanFrequency") not in _SCANS:
            return PASS
        return every(rule_.each("repositoryFilters"), collect)

    configurations = [Subject(one) for one in graph.of_type(REGISTRY_SCANNING)]
    outcome = every(configurations, lambda one: every(one.each("rules"), collect_all))
    return list(patterns), outcome if isinstance(outcome, NotEvaluated) else None


class MutableTags(Settings):
    """Which tags of a repository may move, as the filters of an exclusion."""

    mutable_tags: tuple[str, ...] = ()


@rule(
    types=[REPOSITORY],
    severity=Severity.MEDIUM,
    requirements=["ART-02"],
    controls=Controls(fsbp=("ECR.2",), checkov=("CKV_AWS_51",)),
    settings=MutableTags,
    remediation="""
        Refuse to overwrite a tag:

            aws.ecr.Repository("api", image_tag_mutability="IMMUTABLE", ...)
        """,
    passing=[(Given(REPOSITORY, "api", {"imageTagMutability": "IMMUTABLE"}),)],
    failing=[
        (Given(REPOSITORY, "api", {"imageTagMutability": "MUTABLE"}),),
        (Given(REPOSITORY, "api", {"name": "api"}),),
        (
            Given(
                REPOSITORY,
                "api",
                {
                    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
                    "imageTagMutabilityExclusionFilters": [
                        {"filter": "v*", "filterType": "WILDCARD"}
                    ],
                },
            ),
        ),
    ],
)
def ecr_immutable_tags(repository: Subject, settings: MutableTags) -> Outcome:
    """Tags of images never move.

    What was tested is then what runs, and what a rollback returns to.
    """

    def may_move(exclusion: Node) -> Outcome:
        pattern = exclusion.text("filter")
        return require(
            pattern in settings.mutable_tags, f"tags {pattern} can be moved", exclusion.here
        )

    mutability = repository.text("imageTagMutability")
    if mutability == "IMMUTABLE_WITH_EXCLUSION":
        return every(repository.each("imageTagMutabilityExclusionFilters"), may_move)
    return require(mutability == "IMMUTABLE", "its tags can be moved", "imageTagMutability")


_PROFILE: Final = "arn:aws:signer:eu-central-1:123456789012:/signing-profiles/images"


def _signing(rules: str, kind: str = _SIGNING) -> Given:
    """The signing configuration of a registry, for the examples."""
    return Given(
        CLOUD_CONTROL, "signing", {"typeName": kind, "desiredState": f'{{"Rules": [{rules}]}}'}
    )


@rule(
    types=[REPOSITORY],
    severity=Severity.MEDIUM,
    requirements=["ART-08"],
    remediation="""
        Let the registry sign each image as it is pushed:

            profile = aws.signer.SigningProfile("images", name="images",
                                                platform_id="Notation-OCI-SHA384-ECDSA")
            aws.cloudcontrol.Resource("signing", type_name="AWS::ECR::SigningConfiguration",
                desired_state=json.dumps({"Rules": [{"SigningProfileArn":
                    f"arn:aws:signer:{region}:{account}:/signing-profiles/images"}]}))
        """,
    passing=[
        (Given(REPOSITORY, "api"), _signing(f'{{"SigningProfileArn": "{_PROFILE}"}}')),
        (
            Given(REPOSITORY, "api", {"name": "payments/api"}),
            _signing(
                f'{{"SigningProfileArn": "{_PROFILE}", "RepositoryFilters":'
                ' [{"Filter": "payments/*", "FilterType": "WILDCARD_MATCH"}]}'
            ),
        ),
    ],
    failing=[
        (Given(REPOSITORY, "api"),),
        (Given(REPOSITORY, "api"), _signing("")),
        (Given(REPOSITORY, "api"), _signing('{"RepositoryFilters": []}')),
        (
            Given(REPOSITORY, "api"),
            _signing(f'{{"SigningProfileArn": "{_PROFILE}"}}', "AWS::ECR::RegistryPolicy"),
        ),
        (
            Given(REPOSITORY, "api", {"name": "payments/api"}),
            _signing(
                f'{{"SigningProfileArn": "{_PROFILE}", "RepositoryFilters":'
                ' [{"Filter": "billing/*", "FilterType": "WILDCARD_MATCH"}]}'
            ),
        ),
    ],
)
def ecr_signed_images(repository: Subject, _: Settings, graph: Graph) -> Outcome:
    """Images are signed when they are pushed.

    A deployment can then refuse what the pipeline did not build, whoever put it into the registry.
    """

    def matches(filter_: Node) -> Outcome:
        return met(fits(repository.text("name") or "", filter_.text("Filter") or ""))

    def signs(rule_: Node) -> Outcome:
        filters = rule_.each("RepositoryFilters")
        return all_of(
            met(rule_.has_text("SigningProfileArn")),
            some(filters, matches) if filters else PASS,
        )

    def configures(one: Subject) -> Outcome:
        if one.text("typeName") != _SIGNING:
            return met(condition=False)
        return some(one.document("desiredState").each("Rules"), signs)

    return some(
        [Subject(one) for one in graph.of_type(CLOUD_CONTROL)],
        configures,
        "nothing signs its images when they are pushed",
    )


_EXPIRES: Final = (
    '{"rules": [{"rulePriority": 1, "action": {"type": "expire"}, "selection":'
    ' {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days",'
    ' "countNumber": 14}}]}'
)


@rule(
    types=[REPOSITORY],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("ECR.3",)),
    remediation="""
        Say what goes when; keep what a rollback may need:

            aws.ecr.LifecyclePolicy("api", repository=repository.name, policy=json.dumps({
                "rules": [{"rulePriority": 1, "action": {"type": "expire"}, "selection": {
                    "tagStatus": "untagged", "countType": "sinceImagePushed",
                    "countUnit": "days", "countNumber": 14}}]}))
        """,
    passing=[
        (
            Given(REPOSITORY, "api"),
            Given(LIFECYCLE, "old", {"repository": Ref("api"), "policy": _EXPIRES}),
        ),
        (
            Given(REPOSITORY, "api", {"name": "payments/api"}),
            Given(LIFECYCLE, "old", {"repository": "payments/api", "policy": _EXPIRES}),
        ),
    ],
    failing=[
        (Given(REPOSITORY, "api", {"name": "payments/api"}),),
        (
            Given(REPOSITORY, "api"),
            Given(LIFECYCLE, "none", {"repository": Ref("api"), "policy": '{"rules": []}'}),
        ),
        (
            Given(REPOSITORY, "api"),
            Given(REPOSITORY, "worker"),
            Given(LIFECYCLE, "old", {"repository": Ref("worker"), "policy": _EXPIRES}),
        ),
    ],
)
def ecr_lifecycle(repository: Subject, _: Settings, graph: Graph) -> Outcome:
    """A repository has a lifecycle policy.

    Old images cost money, and somebody deploys one of them by mistake in the end.
    """

    def expires(rule_: Node) -> Outcome:
        return met(rule_.node("action").names())

    policies = companions(repository.resource, graph, [LIFECYCLE], "repository")
    if not policies:
        return fail("no lifecycle policy says which of its images go when")
    return some(
        [one for policy in policies for one in policy.document("policy").each("rules")],
        expires,
        "its lifecycle policy has no rules",
    )


@rule(
    types=[REPOSITORY],
    severity=Severity.LOW,
    controls=Controls(fsbp=("ECR.5",), checkov=("CKV_AWS_136",)),
    remediation="""
        Name a key of your own; an existing repository is replaced by it:

            aws.ecr.Repository("api", encryption_configurations=[{
                "encryption_type": "KMS", "kms_key": key.arn}], ...)
        """,
    passing=[
        (
            Given("aws:kms/key:Key", "images"),
            Given(
                REPOSITORY,
                "api",
                {"encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": Ref("images")}]},
            ),
        ),
        (
            Given(
                REPOSITORY,
                "api",
                {
                    "encryptionConfigurations": [
                        {
                            "encryptionType": "KMS_DSSE",
                            "kmsKey": "arn:aws:kms:eu-central-1:123456789012:key/images",
                        }
                    ]
                },
            ),
        ),
    ],
    failing=[
        (Given(REPOSITORY, "api", {"encryptionConfigurations": [{"encryptionType": "AES256"}]}),),
        (Given(REPOSITORY, "api", {"encryptionConfigurations": [{"encryptionType": "KMS"}]}),),
    ],
)
def ecr_kms(repository: Subject) -> Outcome:
    """A repository encrypts with a key of your own.

    Its policy then says who may read the images, and its log who did.
    """
    return some(
        repository.each("encryptionConfigurations"),
        lambda one: met(
            one.text("encryptionType") in {"KMS", "KMS_DSSE"} and one.has_text("kmsKey")
        ),
        "does not encrypt with a key of your own",
    )


def _policy(principal: str, condition: str = "") -> dict[str, object]:
    """A repository's policy that lets `principal` pull, for the examples."""
    return {
        "policy": '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",'
        f' "Action": "ecr:BatchGetImage", "Principal": {principal}{condition}}}]}}'
    }


@rule(
    types=[REPOSITORY_POLICY, REGISTRY_POLICY],
    severity=Severity.CRITICAL,
    requirements=["ART-05"],
    controls=Controls(checkov=("CKV_AWS_32",)),
    remediation="""
        Name who may pull:

            "Principal": {"AWS": "arn:aws:iam::123456789012:role/deploy"}
        """,
    passing=[
        (
            Given(
                REPOSITORY_POLICY,
                "pull",
                _policy('{"AWS": "arn:aws:iam::123456789012:role/deploy"}'),
            ),
        ),
        (
            Given(
                REPOSITORY_POLICY,
                "pull",
                _policy(
                    '"*"', ', "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3"}}'
                ),
            ),
        ),
    ],
    failing=[
        (Given(REPOSITORY_POLICY, "public", _policy('"*"')),),
        (Given(REGISTRY_POLICY, "public", _policy('{"AWS": ["*"]}')),),
        (
            Given(
                REPOSITORY_POLICY,
                "public",
                _policy('"*"', ', "Condition": {"Bool": {"aws:SecureTransport": "true"}}'),
            ),
        ),
        (
            Given(
                REPOSITORY_POLICY,
                "others",
                {
                    "policy": '{"Statement": {"Effect": "Allow", "Action": "ecr:*",'
                    ' "NotPrincipal": {"AWS": "123456789012"}}}'
                },
            ),
        ),
    ],
    absence_is_safe=True,
)
def ecr_not_public(policy: Subject) -> Outcome:
    """The policy of a repository names who may use it.

    Anybody could otherwise pull your programs, or push what you deploy next.
    """
    return every(statements(policy.document("policy"), "Allow"), admits_somebody)
