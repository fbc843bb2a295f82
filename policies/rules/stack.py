"""Rules for all of a stack: tags, and what must not be deleted by mistake."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from plan.graph import Graph
from plan.model import PROVIDER_PREFIX, STACK_TYPE
from policies.databases import CLUSTER, CLUSTER_INSTANCE, INSTANCE
from policies.nodes import Subject
from policies.outcomes import NotApplicable, Outcome, all_of, every, fail, require
from policies.registry import Given, Inputs, rule
from policies.relations import tag
from policies.remediation import with_input
from policies.rules.cloudwatch import LOG_GROUP
from policies.rules.ecs import SERVICE
from policies.rules.kms import KEY
from policies.rules.lb import BALANCERS
from policies.rules.s3 import BUCKET, BUCKETS
from policies.rules.secretsmanager import SECRET
from policies.rules.vpc import VPC
from policies.settings import Settings, Severity
from standards import Tier

VAULT: Final = "aws:backup/vault:Vault"
TABLE: Final = "aws:dynamodb/table:Table"
FILE_SYSTEM: Final = "aws:efs/fileSystem:FileSystem"
STATEFUL: Final = (INSTANCE, CLUSTER, *BUCKETS, KEY, VAULT, TABLE, FILE_SYSTEM)
DATA_STORES: Final = (INSTANCE, CLUSTER, *BUCKETS, TABLE, FILE_SYSTEM)
BILLED: Final = (*STATEFUL, *BALANCERS, VPC, CLUSTER_INSTANCE, LOG_GROUP, SECRET, SERVICE)

TagName = Literal["Environment", "Owner", "Service", "ManagedBy", "DataClass"]

_TAGS: Final[tuple[TagName, ...]] = get_args(TagName)
_ALL_TAGS: Final = dict.fromkeys(_TAGS, "example")
_FITTING_CLASSES: Final = {
    Tier.DEVELOPMENT: ("synthetic",),
    Tier.INTEGRATION: ("synthetic",),
    Tier.STAGING: ("synthetic", "sanitised"),
    Tier.PRODUCTION: ("synthetic", "sanitised", "real"),
}
"""What data an environment may hold (ENV-02)."""
_PROVIDER: Final = f"{PROVIDER_PREFIX}aws"
_ENVIRONMENT: Final = "Environment"


@rule(
    types=STATEFUL,
    severity=Severity.MEDIUM,
    remediation="""
        Protect it; Pulumi then refuses to delete or replace it:

            aws.rds.Cluster("database", ..., opts=pulumi.ResourceOptions(protect=True))
        """,
    passing=[(Given(CLUSTER, "database", protect=True),), (Given(BUCKET, "data", protect=True),)],
    failing=[(Given(CLUSTER, "database"),), (Given(KEY, "data"),)],
)
def protect_stateful(resource: Subject, settings: Settings) -> Outcome:
    """What holds data or the key to it is protected in production.

    A renamed variable is enough to make a program delete and create; protection makes it stop.
    """
    if not settings.is_production:
        return NotApplicable("only production is protected")
    return require(resource.options.protect, "is not protected against deletion")


class RequiredTags(Settings):
    """What is known of every resource of a stack."""

    values: Mapping[TagName, str] = {}
    """What a remedy gives to a tag that is missing; it makes no tag up."""


def _tagged(resource: Subject, settings: RequiredTags, graph: Graph) -> Inputs:
    inputs = resource.resource.inputs
    for key in _TAGS:
        value = settings.values.get(key)
        if value and not (tag(resource, graph, key) or "").strip():
            inputs = with_input(inputs, ("tags", key), value)
    return inputs


@rule(
    types=BILLED,
    severity=Severity.LOW,
    remediation="""
        Let the provider give every resource its tags:

            aws.Provider("aws", default_tags={"tags": {
                "Environment": "production", "Owner": "platform", "Service": "payments",
                "ManagedBy": "pulumi", "DataClass": "real"}})
        """,
    passing=[
        (Given(CLUSTER, "database", {"tags": _ALL_TAGS}),),
        (
            Given(
                _PROVIDER,
                "aws",
                {"defaultTags": '{"tags": {"Environment": "staging", "Owner": "platform"}}'},
            ),
            Given(
                BUCKET,
                "data",
                {"tags": {"Service": "api", "ManagedBy": "pulumi", "DataClass": "synthetic"}},
                provider="aws",
            ),
        ),
    ],
    failing=[
        (Given(CLUSTER, "database", {"tags": {"Owner": "platform"}}),),
        (Given(BUCKET, "data", {"tags": {**_ALL_TAGS, "DataClass": " "}}),),
        (
            Given(_PROVIDER, "aws", {"defaultTags": {"tags": {"Owner": "platform"}}}),
            Given(BUCKET, "data", provider="aws"),
        ),
    ],
    settings=RequiredTags,
    remedy=_tagged,
)
def required_tags(resource: Subject, _: RequiredTags, graph: Graph) -> Outcome:
    """Each resource says whose it is, what for, and what data it holds.

    Its own tags count, and those that its provider gives to all.
    """

    def tagged(key: str) -> Outcome:
        value = tag(resource, graph, key)
        return require(value is not None and value.strip(), f"has no tag {key}", "tags")

    return every(_TAGS, tagged)


@rule(
    types=DATA_STORES,
    severity=Severity.MEDIUM,
    requirements=["ENV-02"],
    remediation="""
        Say what data the environment holds, in its file, and let the provider tag every resource:

            aws.Provider("aws", default_tags={"tags": {"DataClass": "sanitised"}})
        """,
    passing=[
        (Given(BUCKET, "uploads", {"tags": {"DataClass": "real"}}),),
        (
            Given(_PROVIDER, "aws", {"defaultTags": {"tags": {"DataClass": "synthetic"}}}),
            Given(CLUSTER, "database", provider="aws"),
        ),
    ],
    failing=[
        (Given(CLUSTER, "database"),),
        (Given(BUCKET, "uploads", {"tags": {"DataClass": "Real"}}),),
    ],
)
def data_class(store: Subject, settings: Settings, graph: Graph) -> Outcome:
    """Each data store carries a data class that fits its environment.

    Real data belongs in production alone: elsewhere more people, and less tested code, see it.
    """
    fitting = _FITTING_CLASSES[settings.tier]
    found = tag(store, graph, "DataClass")
    return require(
        found in fitting,
        f"data class {found or 'missing'} does not fit {settings.tier}: {', '.join(fitting)}",
        "tags.DataClass",
    )


def _provider(name: str, environment: str) -> Given:
    """A provider that tags what it makes with `environment`, for the examples."""
    return Given(_PROVIDER, name, {"defaultTags": {"tags": {"Environment": environment}}})


@rule(
    types=[STACK_TYPE],
    severity=Severity.MEDIUM,
    requirements=["ENV-01"],
    remediation="""
        Give each environment a stack of its own, and all providers of a stack its name:

            aws.Provider("aws", default_tags={"tags": {"Environment": pulumi.get_stack()}})
        """,
    passing=[
        (
            Given(STACK_TYPE, "shop"),
            _provider("aws", "staging"),
            _provider("second-region", "staging"),
            Given(BUCKET, "data", {"tags": {"Environment": "staging"}}),
        ),
        (
            Given(STACK_TYPE, "shop"),
            Given(_PROVIDER, "aws", {"defaultTags": '{"tags": {"Environment": "staging"}}'}),
        ),
    ],
    failing=[
        (Given(STACK_TYPE, "shop"), Given(_PROVIDER, "aws")),
        (Given(STACK_TYPE, "shop"), _provider("aws", " ")),
        (
            Given(STACK_TYPE, "shop"),
            _provider("aws", "staging"),
            _provider("other", "production"),
        ),
        (
            Given(STACK_TYPE, "shop"),
            _provider("aws", "staging"),
            Given(BUCKET, "data", {"tags": {"Environment": "production"}}),
        ),
    ],
    absence_is_safe=True,
)
def stack_one_environment(_: Subject, _settings: Settings, graph: Graph) -> Outcome:
    """A stack makes one environment, and says which.

    Where two share a stack, what is tried in one changes the other: no release can pass the first
    before it reaches the second. A stack without a provider of AWS is not concerned.
    """
    providers = [Subject(one) for one in graph.of_type(_PROVIDER)]
    if not providers:
        return NotApplicable("makes nothing in AWS")

    def given(provider: Subject) -> str:
        tags = provider.document("defaultTags").node("tags")
        return (tags.text(_ENVIRONMENT) or "").strip()

    def says(provider: Subject) -> Outcome:
        name = given(provider)
        if not name:
            return fail(f"provider {provider.name} does not say which environment it makes")
        return require(name == first, f"provider {provider.name} makes {name}, others {first}")

    def belongs(resource: Subject) -> Outcome:
        own = resource.node("tags").text(_ENVIRONMENT)
        return require(own in {None, first}, f"{resource.name} is of {own}, others of {first}")

    first = given(providers[0])
    resources = (one for one in graph.plan.resources if one.type.startswith("aws:"))
    tagged = [Subject(one) for one in resources if one.inputs.get("tags")]
    return all_of(every(providers, says), every(tagged, belongs))
