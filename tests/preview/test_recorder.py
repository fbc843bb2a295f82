"""What a program declares is recorded as the engine would see it."""

from pathlib import Path

import pytest

from plan import SECRET, UNKNOWN, UNKNOWN_SECRET, Options
from preview.errors import ProgramError
from tests.preview.programs import STACK, line, named, plan_of


def test_a_urn_holds_the_chain_of_component_types(tmp_path: Path) -> None:
    """A resource two components deep carries both types; the stack's own type is left out."""
    plan = plan_of(
        tmp_path,
        """
        outer = Group("outer")
        inner = Group("inner", ResourceOptions(parent=outer))
        Thing("leaf", opts=ResourceOptions(parent=inner))
        Thing("top")
        """,
    )
    assert [(resource.urn, resource.parent) for resource in plan.resources] == [
        ("urn:pulumi:dev::shop::pulumi:providers:test::default", None),
        (STACK, None),
        ("urn:pulumi:dev::shop::my:index:Group::outer", STACK),
        ("urn:pulumi:dev::shop::test:index:Thing::top", STACK),
        (
            "urn:pulumi:dev::shop::my:index:Group$my:index:Group::inner",
            "urn:pulumi:dev::shop::my:index:Group::outer",
        ),
        (
            "urn:pulumi:dev::shop::my:index:Group$my:index:Group$test:index:Thing::leaf",
            "urn:pulumi:dev::shop::my:index:Group$my:index:Group::inner",
        ),
    ]


def test_siblings_are_sorted_and_parents_come_first(tmp_path: Path) -> None:
    """The order of a plan does not depend on the order of registration."""
    plan = plan_of(
        tmp_path,
        """
        group = Group("m")
        for name in "zka":
            Thing(name)
            Thing(name + "-below", opts=ResourceOptions(parent=group))
        """,
    )
    names = [resource.name for resource in plan.resources if resource.parent]
    assert names == ["a", "k", "m", "z", "a-below", "k-below", "z-below"]


def test_inputs_keep_their_wire_form(tmp_path: Path) -> None:
    """Text, numbers, flags, lists and objects arrive; a top-level None is not sent."""
    plan = plan_of(
        tmp_path,
        """
        Thing("a", {"text": "x", "whole": 3, "float": 2.0, "part": 0.5, "flag": True, "none": None,
                    "list": [1, "b", [None]], "object": {"k": {"n": None}}, "empty": {}, "no": []})
        """,
    )
    inputs = named(plan, "a").inputs
    assert inputs == {
        "text": "x",
        "whole": 3,
        "float": 2,
        "part": 0.5,
        "flag": True,
        "list": [1, "b", [None]],
        "object": {"k": {"n": None}},
        "empty": {},
        "no": [],
    }
    assert type(inputs["float"]) is int


def test_secrets_lose_their_text_and_unknowns_stay_unknown(tmp_path: Path) -> None:
    """A secret is a mark, an unknown too, and a value that is both says both."""
    plan = plan_of(
        tmp_path,
        """
        a = Thing("a", {"password": Output.secret("hunter2"), "nested": [{"p": Output.secret(1)}]})
        Thing("b", {
            "id": a.id,
            "text": Output.concat("arn:", a.value, "/x"),
            "secret": Output.secret(a.id),
            "many": {"ids": [a.id, "known"]},
            "known": a.urn,
        })
        """,
    )
    a, b = named(plan, "a"), named(plan, "b")
    assert a.inputs == {"password": SECRET, "nested": [{"p": SECRET}]}
    assert a.secrets == ("password", "nested[0].p")
    assert b.inputs == {
        "id": UNKNOWN,
        "text": UNKNOWN,
        "secret": UNKNOWN_SECRET,
        "many": {"ids": [UNKNOWN, "known"]},
        "known": a.urn,
    }
    assert "hunter2" not in repr(plan)


def test_property_dependencies_say_where_a_value_came_from(tmp_path: Path) -> None:
    """Each input lists the resources it was computed from; depends_on adds to the whole only."""
    plan = plan_of(
        tmp_path,
        """
        a, b, c = Thing("a"), Thing("b"), Thing("c")
        Thing("d", {"one": a.id, "two": Output.all(a.id, b.value).apply(str), "none": "x"},
              ResourceOptions(depends_on=[c]))
        """,
    )
    a, b, c = (named(plan, name).urn for name in "abc")
    d = named(plan, "d")
    assert d.property_dependencies == {"one": (a,), "two": (a, b)}
    assert d.dependencies == (a, b, c)


def test_depending_on_a_component_is_depending_on_its_children(tmp_path: Path) -> None:
    """As under the engine, the children of a component stand for it."""
    plan = plan_of(
        tmp_path,
        """
        group = Group("group")
        Thing("child", opts=ResourceOptions(parent=group))
        Thing("last", opts=ResourceOptions(depends_on=[group]))
        """,
    )
    assert named(plan, "child").urn in named(plan, "last").dependencies


def test_options_are_recorded(tmp_path: Path) -> None:
    """Every option that changes what the engine does is in the plan."""
    plan = plan_of(
        tmp_path,
        """
        a = Thing("a")
        Thing("b", {"some_key": 1}, ResourceOptions(
            protect=True, ignore_changes=["tags"], replace_on_changes=["name"],
            delete_before_replace=False, retain_on_delete=True, deleted_with=a,
            additional_secret_outputs=["value"], version="1.2.3", import_="id-1",
            custom_timeouts=pulumi.CustomTimeouts(create="30m", delete="1h"),
            plugin_download_url="https://plugins.example.com",
        ))
        Thing("c", {"from": Output.from_input("x")}, ResourceOptions(delete_before_replace=True))
        """,
    )
    assert named(plan, "b").options == Options(
        protect=True,
        ignore_changes=("tags",),
        replace_on_changes=("name",),
        delete_before_replace=False,
        retain_on_delete=True,
        additional_secret_outputs=("value",),
        custom_timeouts={"create": "30m", "delete": "1h"},
        deleted_with=named(plan, "a").urn,
        import_id="id-1",
        version="1.2.3",
        plugin_download_url="https://plugins.example.com",
    )
    assert named(plan, "c").options == Options(delete_before_replace=True)


def test_children_inherit_what_the_engine_hands_down(tmp_path: Path) -> None:
    """Protection, retention and deletedWith come from the parent unless a child says otherwise."""
    plan = plan_of(
        tmp_path,
        """
        a = Thing("a")
        group = Group("group", ResourceOptions(
            protect=True, retain_on_delete=True, deleted_with=a))
        Thing("heir", opts=ResourceOptions(parent=group))
        Thing("own", opts=ResourceOptions(parent=group, protect=False, retain_on_delete=False))
        """,
    )
    heir, own = named(plan, "heir").options, named(plan, "own").options
    assert (heir.protect, heir.retain_on_delete, heir.deleted_with) == (
        True,
        True,
        named(plan, "a").urn,
    )
    assert (own.protect, own.retain_on_delete) == (False, False)


def test_aliases_become_urns(tmp_path: Path) -> None:
    """An alias by name, type, parent, project or stack is written as the URN it stands for."""
    plan = plan_of(
        tmp_path,
        """
        from pulumi import Alias
        group = Group("group")
        Thing("a", opts=ResourceOptions(parent=group, aliases=[
            Alias(name="old"), Alias(type_="test:index:Old"), Alias(parent=None),
            Alias(parent=None, project="before", stack="prod"), "urn:pulumi:x::y::z::w",
            Alias(name="old"),
        ]))
        """,
    )
    assert named(plan, "a").options.aliases == (
        "urn:pulumi:dev::shop::my:index:Group$test:index:Thing::old",
        "urn:pulumi:dev::shop::my:index:Group$test:index:Old::a",
        "urn:pulumi:dev::shop::test:index:Thing::a",
        "urn:pulumi:prod::before::test:index:Thing::a",
        "urn:pulumi:x::y::z::w",
    )


def test_a_default_provider_is_made_from_the_config_once(tmp_path: Path) -> None:
    """Resources without a provider share one per version, configured by the package's settings."""
    plan = plan_of(
        tmp_path,
        """
        Thing("a", opts=ResourceOptions(version="1.2.3-beta.1"))
        Thing("b", opts=ResourceOptions(version="1.2.3-beta.1"))
        """,
        {"test:region": "here", "test:token": "hunter2", "shop:x": "1"},
        secret_keys=frozenset({"test:token"}),
    )
    provider = named(plan, "default_1_2_3_beta_1")
    assert provider.type == "pulumi:providers:test"
    assert provider.inputs == {"region": "here", "token": SECRET, "version": "1.2.3-beta.1"}
    assert {named(plan, name).provider for name in "ab"} == {provider.urn}
    assert provider.provider is None


def test_an_explicit_provider_serves_when_default_ones_are_disabled(tmp_path: Path) -> None:
    """A provider handed to a component reaches its children; no default one is made."""
    plan = plan_of(
        tmp_path,
        """
        cloud = Cloud("cloud", {"region": "here"}, ResourceOptions(version="2.0.0"))
        group = Group("group", ResourceOptions(providers=[cloud]))
        Thing("a", opts=ResourceOptions(parent=group))
        """,
        {"pulumi:disable-default-providers": '["*"]'},
    )
    cloud = named(plan, "cloud")
    assert cloud.inputs == {"region": "here", "version": "2.0.0"}
    assert named(plan, "a").provider == cloud.urn
    assert named(plan, "group").is_component
    assert {resource.name for resource in plan.resources} == {"shop-dev", "cloud", "group", "a"}


@pytest.mark.parametrize("denied", ['["*"]', '["other", " test "]'])
def test_a_disabled_default_provider_is_refused(tmp_path: Path, denied: str) -> None:
    """The message is the engine's, the line is the resource's."""
    text = 'Thing("a")'
    with pytest.raises(ProgramError, match="must use an explicit provider") as caught:
        plan_of(tmp_path, text, {"pulumi:disable-default-providers": denied})
    assert str(caught.value) == (
        f"__main__.py:{line(text, text)}: Default provider for 'test' disabled. "
        "'test:index:Thing' must use an explicit provider."
    )


def test_a_duplicate_urn_is_refused(tmp_path: Path) -> None:
    """The message names the line of the first, the error stands at the second."""
    text = """
        Thing("same")  # first
        Thing("same")  # second
    """
    with pytest.raises(ProgramError, match="Duplicate resource URN") as caught:
        plan_of(tmp_path, text)
    first, second = line(text, "# first"), line(text, "# second")
    assert caught.value.message == (
        "Duplicate resource URN 'urn:pulumi:dev::shop::test:index:Thing::same', "
        f"as at __main__.py:{first}; try giving it a unique name"
    )
    assert str(caught.value.source) == f"__main__.py:{second}"


def test_outputs_of_components_and_stack_are_kept(tmp_path: Path) -> None:
    """What a component registers and the program exports is known where it can be."""
    plan = plan_of(
        tmp_path,
        """
        group = Group("group")
        thing = Thing("a", opts=ResourceOptions(parent=group))
        group.register_outputs({"id": thing.id, "name": "n"})
        pulumi.export("id", thing.id)
        pulumi.export("password", Output.secret("hunter2"))
        """,
    )
    assert named(plan, "group").outputs == {"id": UNKNOWN, "name": "n"}
    assert named(plan, "shop-dev").outputs == {"id": UNKNOWN, "password": SECRET}
    assert named(plan, "a").outputs is None


def test_a_resource_passed_whole_is_its_id_or_its_urn(tmp_path: Path) -> None:
    """As a policy pack sees it: a custom resource's id, unknown here, a component's URN."""
    plan = plan_of(
        tmp_path,
        """
        group, a = Group("group"), Thing("a")
        b = Thing("b", opts=ResourceOptions(import_="b-1"))
        Thing("c", {"group": group, "a": a, "b": b})
        """,
    )
    assert named(plan, "c").inputs == {
        "group": named(plan, "group").urn,
        "a": UNKNOWN,
        "b": "b-1",
    }


def test_assets_keep_their_path(tmp_path: Path) -> None:
    """An archive is a marked object that says where its content is."""
    plan = plan_of(tmp_path, 'Thing("a", {"code": pulumi.FileArchive("./app")})')
    code = named(plan, "a").inputs["code"]
    assert isinstance(code, dict)
    assert code["path"] == "./app"


def test_transforms_change_what_is_recorded(tmp_path: Path) -> None:
    """A resource's own transform runs first, then its parent's, then the stack's."""
    plan = plan_of(
        tmp_path,
        """
        def add(word, protect=None):
            def transform(args):
                if not args.custom:
                    return None
                props = {**args.props, "words": [*args.props.get("words", []), word]}
                opts = args.opts
                if protect is not None:
                    opts = ResourceOptions.merge(opts, ResourceOptions(protect=protect))
                return pulumi.ResourceTransformResult(props, opts)
            return transform

        pulumi.runtime.register_resource_transform(add("stack", protect=True))
        source = Thing("source")
        group = Group("group", ResourceOptions(transforms=[add("parent")]))
        Thing("a", {"from": source.id, "secret": Output.secret("x")}, ResourceOptions(
            parent=group, transforms=[add("own")]))
        Thing("b", {"from": source.id})
        """,
    )
    a, b = named(plan, "a"), named(plan, "b")
    assert a.inputs == {"from": UNKNOWN, "secret": SECRET, "words": ["own", "parent", "stack"]}
    assert a.options.protect
    assert b.inputs == {"from": UNKNOWN, "words": ["stack"]}
    assert b.property_dependencies == {"from": (named(plan, "source").urn,)}


def test_a_transform_that_changes_nothing_loses_nothing(tmp_path: Path) -> None:
    """Dependencies travel through a transform and back."""
    plan = plan_of(
        tmp_path,
        """
        source = Thing("source")
        Thing("a", {"from": source.id, "secret": Output.secret(source.id.apply(str)),
                    "list": [source.value], "plain": 1, "known": source.urn},
              ResourceOptions(transforms=[lambda args: None]))
        """,
    )
    source, a = named(plan, "source").urn, named(plan, "a")
    assert a.inputs == {
        "from": UNKNOWN,
        "secret": UNKNOWN_SECRET,
        "list": [UNKNOWN],
        "plain": 1,
        "known": source,
    }
    keys = ("from", "known", "list", "secret")
    assert a.property_dependencies == dict.fromkeys(keys, (source,))


def test_a_read_resource_is_no_part_of_the_plan(tmp_path: Path) -> None:
    """What exists already is not declared; its outputs are unknown, and the plan says so."""
    plan = plan_of(
        tmp_path,
        """
        vpc = Thing("vpc", opts=ResourceOptions(id="vpc-1"))
        Thing("a", {"id": vpc.id, "value": vpc.value})
        """,
    )
    assert named(plan, "a").inputs == {"id": "vpc-1", "value": UNKNOWN}
    assert "vpc" not in {resource.name for resource in plan.resources}
    assert plan.warnings == (
        "test:index:Thing 'vpc-1' is not read offline: its outputs are unknown",
    )


def test_outputs_of_another_stack_are_unknown(tmp_path: Path) -> None:
    """A stack reference is not followed."""
    plan = plan_of(
        tmp_path,
        """
        other = pulumi.StackReference("org/shop/base")
        Thing("a", {"vpc": other.get_output("vpc"), "must": other.require_output("subnet")})
        """,
    )
    assert named(plan, "a").inputs == {"vpc": UNKNOWN, "must": UNKNOWN}
    assert [text for text in plan.warnings if "org/shop/base" in text]


def test_hooks_and_packages_are_accepted(tmp_path: Path) -> None:
    """Lifecycle hooks never run in a preview, and a parameterised package has its own name."""
    plan = plan_of(
        tmp_path,
        """
        from pulumi.runtime.settings import register_package

        def never(args):
            raise RuntimeError("a hook ran")

        hook = pulumi.ResourceHook("hook", never)
        failed = pulumi.ErrorHook("failed", never)
        Thing("a", opts=ResourceOptions(hooks=pulumi.ResourceHookBinding(
            after_create=[hook], on_error=[failed])))

        async def package():
            return await register_package("base", "1.0.0", "", "extra", "3.0.0", "")

        class Extra(CustomResource):
            def __init__(self, name):
                super().__init__("extra:index:Extra", name, {}, package_ref=package())

        Extra("b")
        pulumi.runtime.settings.require_pulumi_version(">=3.0.0")
        """,
    )
    assert named(plan, "a").name == "a"
    provider = named(plan, "b").provider
    assert provider == "urn:pulumi:dev::shop::pulumi:providers:base::default_1_0_0"


def test_a_resource_can_be_looked_up_by_its_urn(tmp_path: Path) -> None:
    """A program that rehydrates a resource gets what it registered."""
    plan = plan_of(
        tmp_path,
        """
        class Found(CustomResource):
            value: Output[str]
            def __init__(self, urn):
                super().__init__("test:index:Thing", "a", {"value": None}, ResourceOptions(urn=urn))

        a = Thing("a", {"value": "known"})
        Thing("b", {"copy": a.urn.apply(lambda urn: Found(urn).value)})
        """,
    )
    assert named(plan, "b").inputs == {"copy": "known"}
