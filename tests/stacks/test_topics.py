"""Who is told: pages, text messages and chat for what is critical; no key in sight."""

import json
from collections.abc import Callable

import pytest

from environments import Environment
from plan import Plan, Unknown
from plan.graph import Graph
from plan.values import Secret
from tests.stacks.reading import of_type, only

CALLED = ["staging", "production"]


@pytest.mark.parametrize("name", CALLED)
def test_what_is_critical_pages_and_sends_text_messages(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], name: str
) -> None:
    """The topic of what is critical has them, and no other topic has."""
    plan = plan_of(name)
    graph = Graph(plan)
    protocols = {
        topic.name: {
            str(one.inputs["protocol"]) for one in graph.referrers(topic.resource, key="topic")
        }
        for topic in of_type(plan, "sns/topic")
    }
    assert protocols["critical"] == {"email", "https", "sms"}
    assert protocols["warning"] == {"email"}
    assert protocols["heartbeat"] == set()
    sent = {
        one.text("endpoint")
        for one in of_type(plan, "sns/topicSubscription")
        if one.text("protocol") == "sms"
    }
    assert sent == set(record_of(name).alerts.sms)


@pytest.mark.parametrize("name", CALLED)
def test_the_address_that_pages_is_a_secret(plan_of: Callable[[str], Plan], name: str) -> None:
    """It holds the integration key: neither a plan nor a report shows it."""
    paging = only(plan_of(name), "sns/topicSubscription", "paging").resource
    assert isinstance(paging.inputs["endpoint"], Secret | Unknown)
    assert "endpoint" in paging.secrets


@pytest.mark.parametrize("name", CALLED)
def test_alerts_of_prometheus_page_once(plan_of: Callable[[str], Plan], name: str) -> None:
    """Its Alertmanager pages by itself: the subscription leaves out what it publishes."""
    paging = only(plan_of(name), "sns/topicSubscription", "paging")
    assert json.loads(paging.text("filterPolicy") or "") == {"source": [{"exists": False}]}


@pytest.mark.parametrize("name", CALLED)
def test_alertmanager_alone_reads_the_paging_secret(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], name: str
) -> None:
    """For this account, and that one secret."""
    policy = only(plan_of(name), "secretsmanager/secretPolicy", "paging")
    (statement,) = policy.document("policy").nodes("Statement")
    assert statement.node("Principal").text("Service") == "aps.amazonaws.com"
    record = record_of(name)
    assert statement.text("Resource") == record.alerts.paging_secret
    source = statement.node("Condition").node("StringEquals").text("aws:SourceAccount")
    assert source == record.aws.account


@pytest.mark.parametrize("name", CALLED)
def test_each_channel_hears_of_its_severity(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], name: str
) -> None:
    """Alerts, monitoring and deployments: a channel each, by a role that can change nothing."""
    plan, chat = plan_of(name), record_of(name).alerts.chat
    assert chat is not None
    expected = {
        "critical": chat.alerts,
        "warning": chat.monitoring,
        "info": chat.deployments,
    }
    channels = of_type(plan, "chatbot/slackChannelConfiguration")
    assert {one.name: one.text("slackChannelId") for one in channels} == expected
    for one in channels:
        (heard,) = one.resource.property_dependencies["snsTopicArns"]
        assert heard.rpartition("::")[2] == one.name
    (statement,) = only(plan, "iam/rolePolicy", "chat").document("policy").nodes("Statement")
    verbs = {action.partition(":")[2][:4] for action in statement.texts("Action")}
    assert verbs <= {"Desc", "GetM", "List"}
