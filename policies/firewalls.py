"""Web application firewalls: where their rules stand, and what each of them does.

Rules are inputs of the web ACL, its JSON, resources of their own beside it, or in a rule group.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from plan.graph import Graph
from plan.values import Value
from policies.nodes import Node, Subject
from policies.relations import companions

WEB_ACL: Final = "aws:wafv2/webAcl:WebAcl"
RULE_GROUP: Final = "aws:wafv2/ruleGroup:RuleGroup"
ACL_RULE: Final = "aws:wafv2/webAclRule:WebAclRule"
GROUP_ASSOCIATION: Final = "aws:wafv2/webAclRuleGroupAssociation:WebAclRuleGroupAssociation"

STOPS: Final = frozenset({"block", "captcha", "challenge"})
"""The actions that keep a client out."""

_ATTACHED: Final = (ACL_RULE, GROUP_ASSOCIATION)
_JSON: Final = {WEB_ACL: "ruleJson", RULE_GROUP: "rulesJson"}


def either(node: Node, key: str) -> str:
    """`key` as `node` spells it: as Pulumi does, or as AWS's JSON does."""
    capital = key[:1].upper() + key[1:]
    return capital if node.has(capital) else key


def own_rules(subject: Subject) -> list[Node]:
    """The rules in the inputs of a web ACL or a rule group, as objects or as JSON."""
    return [*subject.each("rules"), *subject.documents(_JSON[subject.type])]


def all_rules(acl: Subject, graph: Graph) -> Sequence[Node]:
    """The rules of a web ACL, those that are resources of their own included."""
    own = own_rules(acl)
    beside = graph.referrers(acl.resource, *_ATTACHED, key="webAclArn")
    if own or beside:
        return [*own, *(Subject(one) for one in beside)]
    return companions(acl.resource, graph, _ATTACHED, "webAclArn")


def statement_of(rule_: Node, kind: str) -> Node | None:
    """The statement of `kind` that the rule consists of, if it does."""
    statement = rule_.node(either(rule_, "statement"))
    key = either(statement, kind)
    return statement.node(key) if statement.has(key) else None


def actions_of(node: Node, key: str) -> set[str]:
    """What is done under `key`, in lower case: it is an object of one key, or its text."""
    found = node.nodes(either(node, key))
    return {
        name.lower()
        for one in found
        for name in (one.names() if one.is_object else [one.as_text()])
    }


def managed_group(rule: Node) -> Node | None:
    """The group of rules that AWS keeps, if `rule` uses one."""
    if rule.has("managedRuleGroup"):
        return rule.node("managedRuleGroup")
    return statement_of(rule, "managedRuleGroupStatement")


def inside(value: Value, kind: str) -> Iterator[Value]:
    """What stands under the key `kind` anywhere in `value`, spelled either way."""
    open_ = [value]
    while open_:
        here = open_.pop()
        if isinstance(here, Mapping):
            for key, item in here.items():
                if key[:1].lower() + key[1:] == kind:
                    yield item
                open_.append(item)
        elif isinstance(here, Sequence) and not isinstance(here, str):
            open_ += here
