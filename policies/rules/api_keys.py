"""Rules for API keys: where they are kept, how they expire, and what is written of their use."""

from typing import Final

from plan.graph import Graph
from plan.model import STACK_TYPE
from policies.nodes import Subject
from policies.outcomes import NotApplicable, Outcome, all_of, every, fail, require, some
from policies.registry import Given, rule
from policies.relations import tag
from policies.rules.cloudwatch import LOG_GROUP
from policies.rules.dynamodb import TABLE
from policies.rules.ecs import SERVICE
from policies.settings import Settings, Severity

_PURPOSE: Final = "api-keys"
_STACK: Final = Given(STACK_TYPE, "production")
_API: Final = Given(SERVICE, "api")
_EXPIRING: Final = {"enabled": True, "attributeName": "expiresAt"}


def _table(**inputs: object) -> Given:
    return Given(TABLE, "keys", {"tags": {"Purpose": _PURPOSE}, **inputs})


_ENCRYPTED: Final = {"enabled": True, "kmsKeyArn": "arn:aws:kms:eu-central-1:1:key/1"}
_STORE: Final = _table(ttl=_EXPIRING, serverSideEncryption=_ENCRYPTED)


def _stores(graph: Graph) -> list[Subject]:
    tables = map(Subject, graph.of_type(TABLE))
    return [one for one in tables if tag(one, graph, "Purpose") == _PURPOSE]


@rule(
    types=[STACK_TYPE],
    severity=Severity.MEDIUM,
    requirements=["KEY-03"],
    remediation="""
        Keep digests of the keys with the moment at which each ends:

            aws.dynamodb.Table("api-keys", tags={"Purpose": "api-keys"}, hash_key="digest",
                ttl={"enabled": True, "attribute_name": "expiresAt"},
                server_side_encryption={"enabled": True, "kms_key_arn": key.arn}, ...)
        """,
    passing=[
        (_STACK, _API, _STORE),
        (_STACK, _API, Given(TABLE, "jobs"), _STORE),
    ],
    failing=[
        (_STACK, _API),
        (_STACK, _API, Given(TABLE, "keys", {"ttl": _EXPIRING})),
        (_STACK, _API, _table(serverSideEncryption=_ENCRYPTED)),
        (_STACK, _API, _table(ttl={"enabled": False}, serverSideEncryption=_ENCRYPTED)),
        (_STACK, _API, _table(ttl=_EXPIRING)),
    ],
    absence_is_safe=True,
)
def api_key_store(_: Subject, __: Settings, graph: Graph) -> Outcome:
    """API keys lie in a store that knows when each of them ends.

    A key that nobody remembers opens the door for ever. A stack with services keeps a table tagged
    `Purpose: api-keys`, encrypted with a key of its own, where an item carries the moment of its
    end. DynamoDB deletes some time after that moment, so that who reads a key compares it, too.
    """
    if not graph.of_type(SERVICE):
        return NotApplicable("runs no service")
    stores = _stores(graph)
    if not stores:
        return fail(f"has no table tagged Purpose: {_PURPOSE}")

    def expires(table: Subject) -> Outcome:
        ttl = table.node("ttl")
        return require(
            ttl.flag("enabled") and ttl.has_text("attributeName"),
            f"the keys in {table.name} have no end",
        )

    def encrypted(table: Subject) -> Outcome:
        encryption = table.node("serverSideEncryption")
        return require(
            encryption.flag("enabled") and encryption.has_text("kmsKeyArn"),
            f"{table.name} is not encrypted with a key of its own",
        )

    return every(stores, lambda table: all_of(lambda: expires(table), lambda: encrypted(table)))


def _log(**inputs: object) -> Given:
    return Given(LOG_GROUP, "log", inputs)


@rule(
    types=[STACK_TYPE],
    severity=Severity.MEDIUM,
    requirements=["KEY-04"],
    remediation="""
        Keep an audit log of its own for them, called after what it holds:

            aws.cloudwatch.LogGroup("api-keys", name="/slipway/production/api-keys",
                                    tags={"LogClass": "audit"}, retention_in_days=365)
        """,
    passing=[
        (_STACK, _API, _STORE, _log(name="/production/api-keys", tags={"LogClass": "audit"})),
    ],
    failing=[
        (_STACK, _API, _STORE),
        (_STACK, _API, _STORE, _log(name="/production/api-keys")),
        (_STACK, _API, _STORE, _log(name="/production/api", tags={"LogClass": "audit"})),
    ],
    absence_is_safe=True,
)
def api_key_log(_: Subject, __: Settings, graph: Graph) -> Outcome:
    """What is done with API keys is written to an audit log of its own.

    Who had a key, and what it was used for, is what is asked first after a leak. A stack that keeps
    API keys has a log group for them, by its name, that is kept as audit logs are.
    """
    if not _stores(graph):
        return NotApplicable("keeps no API keys")

    def holds_use(group: Subject) -> Outcome:
        is_named = "api-key" in (group.text("name") or "").replace("_", "-").lower()
        return require(is_named and tag(group, graph, "LogClass") == "audit", "")

    groups = [Subject(one) for one in graph.of_type(LOG_GROUP)]
    return some(groups, holds_use, "has no audit log for what is done with API keys")
