"""The one function that wires the components into a foundation."""

from pulumi import ResourceOptions, export

from environments import Foundation
from stacks.foundation.account import Account, AccountArguments
from stacks.foundation.audit import Audit, AuditArguments
from stacks.foundation.configuration import Configuration, ConfigurationArguments
from stacks.foundation.detection import Detection, DetectionArguments
from stacks.foundation.keys import Keys, KeysArguments
from stacks.foundation.people import People, PeopleArguments
from stacks.foundation.pipeline import Pipeline, PipelineArguments
from stacks.foundation.registry import Registry, RegistryArguments
from stacks.foundation.releases import Releases, ReleasesArguments
from stacks.foundation.state import State, StateArguments
from stacks.providers import make_backup_provider, make_provider
from stacks.topics import Topics, TopicsArguments


def declare_foundation(foundation: Foundation) -> None:
    """Declare everything that the environments of an account share."""
    inside = ResourceOptions(providers={"aws": make_provider(foundation)})
    backup = make_backup_provider(foundation) if foundation.is_stateful_protected else None
    pipeline = Pipeline("pipeline", PipelineArguments(foundation=foundation), inside)
    people = People("people", PeopleArguments(foundation=foundation, pipeline=pipeline), inside)
    Releases("releases", ReleasesArguments(foundation=foundation, pipeline=pipeline), inside)
    keys = Keys(
        "keys",
        KeysArguments(
            foundation=foundation,
            roles=[*pipeline.roles, *people.roles],
            backup_provider=backup,
        ),
        inside,
    )
    state = State(
        "state",
        StateArguments(
            foundation=foundation,
            key_arn=keys.objects_arn,
            copy_key_arn=keys.copies_arn,
            copy_provider=backup,
        ),
        inside,
    )
    Registry(
        "registry",
        RegistryArguments(
            foundation=foundation,
            key_arn=keys.images_arn,
            boundary_arn=pipeline.boundaries["account"].arn,
        ),
        inside,
    )
    topics = Topics(
        "topics", TopicsArguments(environment=foundation, key_arn=keys.topics_arn), inside
    )
    Audit(
        "audit",
        AuditArguments(
            foundation=foundation,
            key_arn=keys.audit_arn,
            topics=topics,
            access_logs=state.access_logs,
        ),
        inside,
    )
    Configuration(
        "configuration",
        ConfigurationArguments(
            foundation=foundation,
            key_arn=keys.audit_arn,
            topics=topics,
            access_logs=state.access_logs,
        ),
        inside,
    )
    if foundation.must("SEC-14"):
        Detection("detection", DetectionArguments(foundation=foundation, topics=topics), inside)
    Account("account", AccountArguments(foundation=foundation), inside)
    export("backend", foundation.backend)
