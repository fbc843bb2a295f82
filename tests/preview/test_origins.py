"""A plan says which line declares a resource and which figures stand in its inputs."""

from pathlib import Path

import pytest

from plan import Cited
from preview.errors import ProgramError
from preview.origins import project_file
from tests.preview.programs import line, named, plan_of

FIGURE = 'figure("SCALE-01", "cpu_above_percent").percent'


def cited(path: str) -> Cited:
    """SCALE-01's figure at `path`."""
    return Cited(path, "SCALE-01", "cpu_above_percent")


def test_the_line_is_the_one_to_edit(tmp_path: Path) -> None:
    """A resource's line is where it is constructed, a component's where it is used."""
    text = """
        class Pair(ComponentResource):
            def __init__(self, name):
                super().__init__("my:index:Pair", name)
                Thing(f"{name}-inner", opts=ResourceOptions(parent=self))  # inner

        Pair("pair")  # outer
        import helper
        helper.make(Thing)
        Output.from_input("late").apply(lambda name: Thing(name))  # late
    """
    plan = plan_of(tmp_path, text, helper="def make(kind):\n    kind('made')")
    assert {
        resource.name: str(resource.source) for resource in plan.resources if resource.source
    } == {
        "pair": f"__main__.py:{line(text, '# outer')}",
        "pair-inner": f"__main__.py:{line(text, '# inner')}",
        "made": "helper.py:2",
        "late": f"__main__.py:{line(text, '# late')}",
    }


def test_libraries_are_no_part_of_the_project(tmp_path: Path) -> None:
    """A virtual environment inside the project is not the project's own code."""
    folder = tmp_path / "p"
    assert project_file(str(folder / "stacks" / "a.py"), folder) == "stacks/a.py"
    assert project_file(str(folder / ".venv/lib/site-packages/b.py"), folder) is None
    assert project_file(str(tmp_path / "c.py"), folder) is None
    assert project_file("<string>", folder) is None


def test_a_figure_is_found_at_every_depth(tmp_path: Path) -> None:
    """In plain properties, lists and objects, under the name that the engine sees."""
    plan = plan_of(
        tmp_path,
        f"""
        from standards import figure
        cpu = {FIGURE}
        class Alarm(CustomResource):
            def __init__(self, name, props):
                super().__init__("test:index:Alarm", name, props)
            def translate_input_property(self, prop):
                return {{"at_most": "atMost", "some_list": "someList"}}.get(prop, prop)

        Alarm("a", {{"at_most": cpu, "some_list": [1, {{"in_map": cpu}}], "plain": float(cpu)}})
        """,
    )
    assert set(named(plan, "a").figures) == {cited("atMost"), cited("someList[1].in_map")}
    assert named(plan, "a").inputs["atMost"] == named(plan, "a").inputs["plain"]


def test_a_figure_is_found_in_the_inputs_of_an_sdk(tmp_path: Path) -> None:
    """Nested input types translate their names; both of the SDK's ways to write them work."""
    plan = plan_of(
        tmp_path,
        f"""
        import pulumi_aws as aws
        from standards import figure
        cpu = {FIGURE}
        aws.cloudwatch.MetricAlarm("alarm", comparison_operator="GreaterThanThreshold",
            evaluation_periods=1, threshold=cpu)
        target = aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
            target_value=cpu)
        shared = dict(policy_type="TargetTrackingScaling", resource_id="r",
                      scalable_dimension="d", service_namespace="ecs")
        aws.appautoscaling.Policy("typed",
            target_tracking_scaling_policy_configuration=target, **shared)
        aws.appautoscaling.Policy("dict",
            target_tracking_scaling_policy_configuration={{"target_value": cpu}}, **shared)
        """,
    )
    assert named(plan, "alarm").figures == (cited("threshold"),)
    nested = cited("targetTrackingScalingPolicyConfiguration.targetValue")
    assert named(plan, "typed").figures == (nested,)
    assert named(plan, "dict").figures == (nested,)


def test_a_figure_is_found_in_a_text_that_was_written_from_it(tmp_path: Path) -> None:
    """Rules and dashboards are one text each; one that was changed on its way cites nothing."""
    plan = plan_of(
        tmp_path,
        f"""
        from standards import Text, figure
        cpu = {FIGURE}
        rules = Text.of(f"cpu > {{cpu:g}}", [cpu])
        CustomResource("test:index:Rules", "kept", {{"data": rules, "plain": str(rules)}})
        CustomResource("test:index:Rules", "changed", {{"data": rules + "0"}})
        """,
    )
    assert named(plan, "kept").figures == (cited("data"),)
    assert named(plan, "changed").figures == ()


def test_a_figure_that_did_not_arrive_is_not_cited(tmp_path: Path) -> None:
    """A transform that replaces a number, or drops its place, takes the citation with it."""
    plan = plan_of(
        tmp_path,
        f"""
        from standards import figure
        def change(args):
            return pulumi.ResourceTransformResult({{"a": 1, "b": [], "d": "text"}}, args.opts)
        cpu = {FIGURE}
        Thing("a", {{"a": cpu, "b": [cpu], "c": cpu, "d": {{"e": cpu}}}},
              ResourceOptions(transforms=[change]))
        """,
    )
    assert named(plan, "a").figures == ()


def test_a_list_that_holds_itself_ends_in_the_sdk_s_error(tmp_path: Path) -> None:
    """The walk for figures is bounded; what the SDK thinks of the list is the program's error."""
    text = """
        endless = []
        endless.append(endless)
        Thing("a", {"endless": endless})
    """
    with pytest.raises(ProgramError, match="recursion"):
        plan_of(tmp_path, text)
