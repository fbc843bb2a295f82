"""Rules for the access lists of subnets."""

from collections.abc import Iterable
from itertools import product
from math import inf
from typing import Final, TypeAlias

from plan.graph import Graph
from plan.model import Urn
from policies.nodes import Node, Subject
from policies.outcomes import PASS, Fail, Outcome, every
from policies.registry import Controls, Given, Ref, rule
from policies.relations import targets
from policies.rules.security_groups import ADMINISTRATION
from policies.settings import Settings, Severity
from policies.traffic import any_of, entry_closed_to_the_world, every_port, ports

LIST: Final = "aws:ec2/networkAcl:NetworkAcl"
DEFAULT_LIST: Final = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
LIST_RULE: Final = "aws:ec2/networkAclRule:NetworkAclRule"
LISTS: Final = (LIST, DEFAULT_LIST)

_ADDRESSES: Final = ("cidrBlock", "ipv6CidrBlock")
_INTERNET: Final = {"cidrBlock": "0.0.0.0/0", "ipv6CidrBlock": "::/0"}


Refusals: TypeAlias = dict[tuple[str, int], float]
"""By address key and port of administration, the first entry that refuses it to everyone."""


def _incoming(subject: Subject) -> list[Node]:
    """The entries of `subject` for traffic that comes in."""
    if subject.type in LISTS:
        return subject.each("ingress")
    return [] if subject.flag("egress") else [subject]


def _admits(entry: Node) -> bool:
    """Whether the entry lets traffic through, rather than refusing it."""
    action = entry.text("action") or entry.text("ruleAction") or "allow"
    return action.lower() != "deny"


def _number(entry: Node) -> float:
    """Where the entry stands in its list; AWS goes by the first one that matches."""
    return entry.number("ruleNo") or entry.number("ruleNumber") or 0


def _entry(number: int, action: str, first: int, last: int, block: str) -> dict[str, object]:
    """An entry of a list, for the examples."""
    return {
        "ruleNo": number,
        "action": action,
        "protocol": "tcp",
        "fromPort": first,
        "toPort": last,
        "cidrBlock": block,
    }


def _separate(number: int, action: str, first: int, last: int, **more: object) -> dict[str, object]:
    """A separate rule for IPv6, for the examples."""
    return {
        "ruleNumber": number,
        "ruleAction": action,
        "protocol": "6",
        "fromPort": first,
        "toPort": last,
        "ipv6CidrBlock": "::/0",
        **more,
    }


@rule(
    types=[*LISTS, LIST_RULE],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("EC2.21",), cis=("5.2",), checkov=("CKV_AWS_231", "CKV_AWS_232")),
    remediation="""
        Refuse the ports before the range for answers, which holds one of them, is let in:

            aws.ec2.NetworkAclRule("no-rdp", network_acl_id=acl.id, rule_number=90,
                rule_action="deny", protocol="tcp", from_port=3389, to_port=3389,
                cidr_block="0.0.0.0/0")
        """,
    passing=[
        (Given(LIST, "private", {"ingress": [_entry(100, "allow", 0, 65535, "10.0.0.0/8")]}),),
        (
            Given(
                LIST,
                "public",
                {
                    "ingress": [
                        _entry(90, "deny", 3389, 3389, "0.0.0.0/0"),
                        _entry(100, "allow", 443, 443, "0.0.0.0/0"),
                        _entry(110, "allow", 1024, 65535, "0.0.0.0/0"),
                    ]
                },
            ),
        ),
        (
            Given(LIST, "public"),
            Given(
                LIST_RULE, "first", {"networkAclId": Ref("public"), **_separate(9, "deny", 22, 22)}
            ),
            Given(
                LIST_RULE, "then", {"networkAclId": Ref("public"), **_separate(10, "allow", 1, 99)}
            ),
        ),
        (Given(LIST_RULE, "out", _separate(1, "allow", 22, 22, egress=True)),),
    ],
    failing=[
        (
            Given(
                LIST,
                "public",
                {
                    "ingress": [
                        _entry(110, "allow", 1024, 65535, "0.0.0.0/0"),
                        _entry(120, "deny", 3389, 3389, "0.0.0.0/0"),
                    ]
                },
            ),
        ),
        (
            Given(
                LIST,
                "public",
                {
                    "ingress": [
                        _entry(90, "deny", 22, 22, "10.0.0.0/8"),
                        _entry(100, "allow", 22, 22, "0.0.0.0/0"),
                    ]
                },
            ),
        ),
        (Given(LIST_RULE, "ssh", _separate(1, "allow", 22, 22)),),
        (
            Given(
                DEFAULT_LIST,
                "open",
                {"ingress": [{"action": "ALLOW", "protocol": -1, "cidrBlock": "0.0.0.0/0"}]},
            ),
        ),
    ],
    absence_is_safe=True,
)
def nacl_no_world_admin(acl: Subject, _: Settings, graph: Graph) -> Outcome:
    """An access list lets nobody on the internet reach ports 22 and 3389.

    It still holds when a security group is opened by mistake. An entry that refuses a port to
    everyone counts where it stands before the one that lets it in.
    """
    entries = _incoming(acl)
    refusals = _refusals(entries) if acl.type in LISTS else _beside(acl, graph)

    def closed(entry: Node) -> Outcome:
        if not _admits(entry):
            return PASS
        outcome = entry_closed_to_the_world(entry, any_of(ADMINISTRATION), _ADDRESSES)
        if not isinstance(outcome, Fail):
            return outcome
        number, keys = _number(entry), [key for key in _ADDRESSES if entry.has(key)]
        left = {
            port
            for port in ADMINISTRATION
            if any(refusals.get((key, port), inf) >= number for key in keys)
        }
        return entry_closed_to_the_world(entry, any_of(left), _ADDRESSES)

    return every(entries, closed)


def _refusals(entries: Iterable[Node]) -> Refusals:
    """The refusals in one list; entries that are not known refuse nothing."""
    found: Refusals = {}

    def note(entry: Node) -> Outcome:
        if entry.flag("egress") or _admits(entry):
            return PASS
        for key, port in product(_ADDRESSES, ADMINISTRATION):
            if entry.text(key) == _INTERNET[key] and port in ports(entry):
                found[key, port] = min(found.get((key, port), inf), _number(entry))
        return PASS

    every(entries, note)
    return found


def _beside(acl: Subject, graph: Graph) -> Refusals:
    """The refusals in the list that the separate rule `acl` belongs to."""
    owners = targets(acl.resource, graph, "networkAclId", LISTS)
    return graph.once(_refusals_by_list).get(owners[0].resource.urn, {}) if owners else {}


def _refusals_by_list(graph: Graph) -> dict[Urn, Refusals]:
    """The refusals that are separate rules, by the list that they belong to."""
    return {
        owner.urn: _refusals(
            Subject(one) for one in graph.referrers(owner, LIST_RULE, key="networkAclId")
        )
        for owner in graph.of_type(*LISTS)
    }


@rule(
    types=[*LISTS, LIST_RULE],
    severity=Severity.MEDIUM,
    controls=Controls(cis=("5.2",), checkov=("CKV_AWS_352",)),
    remediation="""
        Let in the ports that are served, and those that answers come back to:

            aws.ec2.NetworkAclRule("https", network_acl_id=acl.id, rule_number=100,
                rule_action="allow", protocol="tcp", from_port=443, to_port=443,
                cidr_block="0.0.0.0/0")
        """,
    passing=[
        (Given(LIST, "public", {"ingress": [_entry(100, "allow", 1024, 65535, "0.0.0.0/0")]}),),
        (Given(LIST_RULE, "inside", {"protocol": "-1", "cidrBlock": "10.0.0.0/16"}),),
        (
            Given(
                LIST_RULE,
                "nothing",
                {"protocol": "-1", "ruleAction": "deny", "cidrBlock": "0.0.0.0/0"},
            ),
        ),
        (
            Given(
                LIST_RULE,
                "out",
                {"protocol": "-1", "ruleAction": "allow", "egress": True, "cidrBlock": "0.0.0.0/0"},
            ),
        ),
    ],
    failing=[
        (
            Given(
                LIST_RULE,
                "all",
                {"protocol": "-1", "ruleAction": "allow", "cidrBlock": "0.0.0.0/0"},
            ),
        ),
        (Given(LIST_RULE, "all", _separate(1, "allow", 0, 65535, egress=False)),),
        (
            Given(
                DEFAULT_LIST,
                "open",
                {"ingress": [{"action": "allow", "protocol": "all", "cidrBlock": "0.0.0.0/0"}]},
            ),
        ),
    ],
    absence_is_safe=True,
)
def nacl_no_all_ports(acl: Subject) -> Outcome:
    """An access list never lets the internet reach every port.

    Such an entry makes the list say nothing; everything then hangs on the security groups.
    """

    def closed(entry: Node) -> Outcome:
        if not _admits(entry):
            return PASS
        return entry_closed_to_the_world(entry, every_port, _ADDRESSES)

    return every(_incoming(acl), closed)
