"""What every destination promises, whatever the tool."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import destinations
from destinations.destination import Destination
from destinations.errors import MissingSecret, variable

FOUND = destinations.find()[0]
FOLDER = Path(destinations.__file__).parent
every_destination = pytest.mark.parametrize("destination", FOUND.values(), ids=FOUND)


def source(destination: Destination) -> str:
    return (FOLDER / f"{destination.name}.py").read_text()


@every_destination
def test_the_file_says_what_it_is_with_the_vendors_link(destination: Destination) -> None:
    documentation = importlib.import_module(f"destinations.{destination.name}").__doc__ or ""
    assert re.search(r"https://\S+", documentation)
    assert len(source(destination).splitlines()) <= 300


@every_destination
def test_objects_take_rows_in_batches_and_say_what_they_are(destination: Destination) -> None:
    for name, made in destination.objects.items():
        assert (made.name, made.destination) == (name, destination.name)
        assert made.batch_size > 0
        assert made.description
        for function in filter(None, (made.send, made.remove)):
            assert list(inspect.signature(function).parameters) == ["api", "rows"]
        for function, given in (
            (made.unite, ["api", "merges"]),
            (made.read_back, ["api", "keys"]),
            (made.specify, ["api"]),
            (made.close, ["api"]),
        ):
            assert function is None or list(inspect.signature(function).parameters) == given


@every_destination
def test_the_connector_has_no_try(destination: Destination) -> None:
    tree = ast.parse(source(destination))
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Try)]


@every_destination
def test_the_connector_reads_no_environment(destination: Destination) -> None:
    assert not re.search(r"\benviron\b|\bgetenv\b", source(destination))


@every_destination
def test_each_missing_secret_is_told_by_its_variable(destination: Destination) -> None:
    whole = dict.fromkeys(destination.secrets, "value")
    destination.check(whole)
    for secret in destination.secrets:
        rest = {name: value for name, value in whole.items() if name != secret}
        with pytest.raises(MissingSecret) as missing:
            destination.check(rest)
        said = str(missing.value)
        assert f"needs {variable(destination.name, secret)}." in said
        assert all(variable(destination.name, name) in said for name in rest)


@every_destination
def test_an_address_is_given_or_asked_for(destination: Destination) -> None:
    asked = {"base_url", "url"} & set(destination.secrets)
    assert (destination.base_url is None) == bool(asked)
    assert (destination.base_url or "https://").startswith("https://")


def test_it_is_known_which_tools_keep_one_of_what_is_appended_twice() -> None:
    """Where a tool would keep both, what may have arrived is held until somebody decides."""
    appends = {
        f"{destination.name}.{name}": made.is_deduplicated
        for destination in FOUND.values()
        for name, made in destination.objects.items()
        if "append" in made.modes
    }
    forms = ("parquet", "ndjson", "csv", "ndjson.gz", "csv.gz")
    assert appends == {
        "customerio.events": True,
        "mixpanel.events": True,
        "postgres.*": True,
        "webhook.*": True,
        **{f"files.*.{form}": False for form in forms},
    }
