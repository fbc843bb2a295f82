"""Plans of every shape, for property tests."""

from hypothesis import strategies as st

from plan import (
    SECRET,
    UNKNOWN,
    UNKNOWN_SECRET,
    Cited,
    Options,
    Plan,
    Resource,
    Source,
    Value,
)

texts = st.text(min_size=1, max_size=12)
keys = st.text(max_size=8) | st.sampled_from(["tags", "a.b", "[0]", '"', "\\", "0", "é", "x y", ""])
urns = texts.map("urn:pulumi:stack::project::{}".format)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from([UNKNOWN, UNKNOWN_SECRET, SECRET, "[secret]"])
)
values: st.SearchStrategy[Value] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
properties = st.dictionaries(keys, values, max_size=4)
tuples = st.lists(texts, max_size=3).map(tuple)
options = st.builds(
    Options,
    protect=st.booleans(),
    ignore_changes=tuples,
    replace_on_changes=tuples,
    delete_before_replace=st.none() | st.booleans(),
    retain_on_delete=st.booleans(),
    aliases=tuples,
    additional_secret_outputs=tuples,
    custom_timeouts=st.dictionaries(texts, texts, max_size=3),
    deleted_with=st.none() | urns,
    import_id=st.none() | texts,
    version=st.none() | texts,
    plugin_download_url=st.none() | texts,
)
resources = st.builds(
    Resource,
    urn=urns,
    type=texts,
    name=texts,
    parent=st.none() | urns,
    provider=st.none() | texts,
    inputs=properties,
    outputs=st.none() | properties,
    options=options,
    dependencies=tuples,
    property_dependencies=st.dictionaries(keys, tuples, max_size=3),
    source=st.none() | st.builds(Source, texts, st.integers(1, 10**6)),
    figures=st.lists(st.builds(Cited, texts, texts, texts), max_size=2).map(tuple),
)
plans = st.builds(
    Plan,
    project=texts,
    stack=texts,
    resources=st.lists(resources, max_size=4, unique_by=lambda found: found.urn).map(tuple),
    complete=st.booleans(),
    warnings=tuples,
)
