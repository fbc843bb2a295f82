"""What instances may look up: a name that DNS does not tell is a way out that nobody finds."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pulumi import ComponentResource, Input, ResourceOptions
from pulumi_aws import route53

from environments import Environment
from stacks.naming import Names

_PRIORITY: Final = 200  # of the group: AWS keeps what is below 100 to itself
_ALLOW, _BLOCK = 10, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverArguments:
    """What the firewall of a network's resolver is made from."""

    environment: Environment
    vpc_id: Input[str]


class Resolver(ComponentResource):
    """A firewall on what the network's resolver answers: what is not on the list has no address.

    Makes the list of names and the one of all others, the rules that allow the first and block the
    second, and what puts them before the resolver and keeps them there. It costs 0.60 US dollars
    for each million lookups. A client that knows an address needs no name: this stops programs
    that were made to call somewhere else, not somebody who is already inside.
    """

    def __init__(
        self, name: str, arguments: ResolverArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:resolver:Resolver", name, opts=options)
        self._names = Names(arguments.environment)
        self._inside = ResourceOptions(parent=self)
        group = route53.ResolverFirewallRuleGroup(
            "egress", name=self._names.of("egress"), opts=self._inside
        )
        allowed = allowed_domains(arguments.environment)
        for kind, domains, priority in (("allowed", allowed, _ALLOW), ("others", ["*"], _BLOCK)):
            self._rule(kind, domains, group.id, priority)
        route53.ResolverFirewallConfig(
            "egress",
            resource_id=arguments.vpc_id,
            firewall_fail_open="DISABLED",
            opts=self._inside,
        )
        route53.ResolverFirewallRuleGroupAssociation(
            "egress",
            name=self._names.of("egress"),
            vpc_id=arguments.vpc_id,
            firewall_rule_group_id=group.id,
            priority=_PRIORITY,
            mutation_protection="ENABLED"
            if arguments.environment.is_stateful_protected
            else "DISABLED",
            opts=self._inside,
        )
        self.register_outputs({})

    def _rule(self, kind: str, domains: list[str], group_id: Input[str], priority: int) -> None:
        listed = route53.ResolverFirewallDomainList(
            kind, name=self._names.of(kind), domains=domains, opts=self._inside
        )
        is_block = priority == _BLOCK
        route53.ResolverFirewallRule(
            kind,
            name=kind,
            action="BLOCK" if is_block else "ALLOW",
            block_response="NODATA" if is_block else None,
            firewall_domain_list_id=listed.id,
            # An allowed name may lead to another one, as those of AWS do.
            firewall_domain_redirection_action="TRUST_REDIRECTION_DOMAIN",
            firewall_rule_group_id=group_id,
            priority=priority,
            opts=self._inside,
        )


def allowed_domains(environment: Environment) -> list[str]:
    """What may be looked up: AWS, the network itself, the environment, its chain, and what else."""
    zone = environment.edge.zone
    nodes = {urlsplit(url).hostname or "" for url in environment.solana.rpc_urls}
    return sorted(
        {
            "*.amazonaws.com",
            "*.api.aws",
            "*.compute.internal",
            "*.ec2.internal",
            "*.in-addr.arpa",
            zone,
            f"*.{zone}",
            *nodes,
            *environment.network.allowed_domains,
        }
    )
