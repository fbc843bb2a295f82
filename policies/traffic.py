"""What a security group lets in: addresses, protocols and ports, in each form that AWS has."""

from collections.abc import Callable, Collection, Sequence
from ipaddress import ip_network
from typing import Final

from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    NotEvaluated,
    Outcome,
    UnknownValueError,
    WrongTypeError,
    every,
    fail,
)

SECURITY_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP: Final = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
GROUP_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS_RULE: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
INGRESS_TYPES: Final = (SECURITY_GROUP, DEFAULT_GROUP, GROUP_RULE, INGRESS_RULE)
EGRESS_TYPES: Final = (SECURITY_GROUP, DEFAULT_GROUP, GROUP_RULE, EGRESS_RULE)

IPV6_ADDRESSES: Final = ("ipv6CidrBlocks", "cidrIpv6")
ADDRESSES: Final = ("cidrBlocks", "cidrIpv4", *IPV6_ADDRESSES)
_EVERY_PROTOCOL: Final = {"-1", "all"}
_WITHOUT_PORTS: Final = {"icmp", "icmpv6", "1", "58"}
_EVERY_PORT: Final = range(65536)

# A block wider than the widest private one (10.0.0.0/8, fc00::/7) reaches the internet.
_WIDEST_PRIVATE: Final = {4: 8, 6: 7}


def ingress(subject: Subject) -> list[Node]:
    """Every entry of `subject` that lets traffic in; one that is not known is one unknown entry."""
    if subject.type in {SECURITY_GROUP, DEFAULT_GROUP}:
        return subject.each("ingress")
    if subject.type == GROUP_RULE and (subject.text("type") or "").lower() == "egress":
        return []
    return [subject]


def egress(subject: Subject) -> list[Node]:
    """Every entry of `subject` that lets traffic out; an unknown one is one unknown entry."""
    if subject.type in {SECURITY_GROUP, DEFAULT_GROUP}:
        return subject.each("egress")
    if subject.type == GROUP_RULE and (subject.text("type") or "").lower() != "egress":
        return []
    return [subject]


def sources(entry: Node, keys: Sequence[str] = ADDRESSES) -> list[Node]:
    """The address blocks that `entry` lets in, or out to: those under `keys`."""
    return [source for key in keys for source in entry.each(key)]


def is_worldwide(source: Node) -> bool:
    """Whether the address block `source` holds the internet, or a good part of it."""
    block = source.as_text()
    try:
        network = ip_network(block.strip(), strict=False)
    except ValueError:
        raise WrongTypeError(source.path, "an address block", block) from None
    return network.prefixlen < _WIDEST_PRIVATE[network.version]


def ports(entry: Node) -> range:
    """The ports that `entry` opens; none for ICMP, which has types instead."""
    protocol = entry.text("protocol") or entry.text("ipProtocol") or "-1"
    if protocol.lower() in _EVERY_PROTOCOL:
        return _EVERY_PORT
    if protocol.lower() in _WITHOUT_PORTS:
        return range(0)
    first, last = entry.number("fromPort"), entry.number("toPort")
    if first is None or last is None or not 0 <= first <= last:
        return _EVERY_PORT
    return range(int(first), int(last) + 1)


def closed_to_the_world(subject: Subject, refused: Callable[[range], str]) -> Outcome:
    """Fail for each entry that lets the internet reach a refused port.

    `refused` names what is wrong about a range of open ports, and nothing where it is fine.
    """
    return every(ingress(subject), lambda entry: entry_closed_to_the_world(entry, refused))


def entry_closed_to_the_world(
    entry: Node, refused: Callable[[range], str], keys: Sequence[str] = ADDRESSES
) -> Outcome:
    """Fail for each address block under `keys` that holds the internet, on a refused port."""
    return every(sources(entry, keys), lambda source: _closed(entry, source, refused))


def any_of(numbers: Collection[int]) -> Callable[[range], str]:
    """Refuse each of the ports `numbers`."""

    def refused(opened: range) -> str:
        found = [str(number) for number in sorted(numbers) if number in opened]
        return f"port{'s' if len(found) > 1 else ''} {', '.join(found)}" if found else ""

    return refused


def all_but(allowed: Collection[int]) -> Callable[[range], str]:
    """Refuse each port that is not in `allowed`."""

    def refused(opened: range) -> str:
        if all(port in allowed for port in opened[: len(allowed) + 1]):
            return ""
        return f"ports {opened[0]} to {opened[-1]}" if len(opened) > 1 else f"port {opened[0]}"

    return refused


def every_port(opened: range) -> str:
    """Refuse all ports at once."""
    return "every port" if len(opened) == len(_EVERY_PORT) else ""


def _closed(entry: Node, source: Node, refused: Callable[[range], str]) -> Outcome:
    """Settled as soon as either the address or the ports are known to be harmless."""
    what: str | None
    worldwide: bool | None
    reason = ""
    try:
        what = refused(ports(entry))
    except UnknownValueError as unknown:
        what, reason = None, str(unknown)
    try:
        worldwide = is_worldwide(source)
    except UnknownValueError as unknown:
        worldwide, reason = None, str(unknown)
    if what == "" or worldwide is False:
        return PASS
    if what is None or worldwide is None:
        return NotEvaluated(reason)
    return fail(f"{what} open to {source.as_text()}", source.here)
