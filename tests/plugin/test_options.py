"""The options of an operation, in both spellings."""

from __future__ import annotations

import pytest

from guild_notebook import options
from guild_notebook.errors import OptionError


@pytest.mark.parametrize(
    ("attributes", "settings"),
    [
        ({"nb-kernel": "ir"}, {"kernel": "ir"}),
        ({"nb-startup-timeout": 5}, {"startup-timeout": 5.0}),
        ({"nb-output-limit": "2 MB"}, {"output-limit": 2_000_000}),
        ({"nb-output-limit": 500}, {"output-limit": 500}),
        ({"nb-allow-errors": True}, {"allow-errors": True}),
        ({"nb-allow-errors": "no"}, {"allow-errors": False}),
        ({"nb-skip-tags": "slow, plot"}, {"skip-tags": ("slow", "plot")}),
        ({"nb-skip-tags": ["slow", "plot"]}, {"skip-tags": ("slow", "plot")}),
        ({"nb-report": "html-no-input"}, {"report": ("html-no-input",)}),
        ({"nb-report": ["html", "markdown"]}, {"report": ("html", "markdown")}),
        ({"nb-report": False}, {"report": ()}),
        ({"nb-report": "none"}, {"report": ()}),
        ({"nb-images": False}, {"images": False}),
        ({"description": "none of ours", 5: "nor this"}, {}),
    ],
)
def test_attributes_of_guild_yml_are_read(attributes, settings):
    assert options.from_attributes(attributes, "operation 'a'") == settings


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (["--html-no-input"], {"report": ("html-no-input",)}),
        (["--report", "html,markdown"], {"report": ("html", "markdown")}),
        (["--report=none"], {"report": ()}),
        (["--no-images"], {"images": False}),
        (["--images", "no"], {"images": False}),
        (["--allow-errors", "--kernel", "ir"], {"allow-errors": True, "kernel": "ir"}),
        (["--no-exec"], {"exec": False}),
        ([], {}),
    ],
)
def test_options_after_the_notebooks_name_are_read(arguments, settings):
    assert options.from_arguments(arguments, "operation 'a'") == settings


@pytest.mark.parametrize(
    ("read", "given", "said"),
    [
        (options.from_attributes, {"nb-kernl": "ir"}, "'nb-kernl' - did you mean 'nb-kernel'?"),
        (options.from_attributes, {"nb-zzzz": 1}, "there are nb-kernel, "),
        (options.from_attributes, {"nb-startup-timeout": "soon"}, "a number of seconds above 0"),
        (options.from_attributes, {"nb-startup-timeout": -1}, "a number of seconds above 0"),
        (options.from_attributes, {"nb-images": "maybe"}, "takes yes or no, not 'maybe'"),
        (options.from_attributes, {"nb-kernel": 5}, "takes a name"),
        (options.from_arguments, ["--html-no-inputs"], "did you mean '--html-no-input'?"),
        (options.from_arguments, ["--kernel"], "'--kernel' needs a value (NAME)"),
        (options.from_arguments, ["stray"], "unexpected argument 'stray'"),
    ],
)
def test_a_wrong_option_is_said_in_one_line_with_the_nearest(read, given, said):
    with pytest.raises(OptionError) as error:
        read(given, "operation 'a'")
    assert said in str(error.value)
    assert str(error.value).startswith("operation 'a': ")
    assert "\n" not in str(error.value)


def test_settings_survive_the_way_through_the_command_line():
    changed = {
        "kernel": "my kernel",
        "cwd": "project",
        "cell-timeout": 1.5,
        "timeout": 3600.0,
        "startup-timeout": 7.5,
        "output-limit": 5000,
        "allow-errors": True,
        "skip-tags": ("a", "b"),
        "report": (),
        "images": False,
        "exec": False,
        "color": True,
        "trials": "full",
        "scalars": "text",
    }
    assert set(changed) == set(options.defaults())
    arguments = options.to_arguments(changed)
    assert options.from_arguments(arguments, "") == changed


def test_defaults_need_no_arguments():
    assert options.to_arguments(options.defaults()) == []
