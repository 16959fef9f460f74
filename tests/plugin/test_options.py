"""The options of an operation, in both spellings."""

from __future__ import annotations

import pytest

from guild_notebook import options
from guild_notebook.errors import OptionError
from guild_notebook.options.scalars import ScalarsSetting


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
        ({"nb-until": "Train"}, {"until": "Train"}),
        ({"nb-until": 3}, {"until": "3"}),
        ({"nb-report": "html-no-input"}, {"report": {"html-no-input": {}}}),
        ({"nb-report": ["html", "markdown"]}, {"report": {"html": {}, "markdown": {}}}),
        ({"nb-report": False}, {"report": {}}),
        ({"nb-report": "none"}, {"report": {}}),
        (
            {"nb-report": {"html": {"code": False, "contents": "no", "outputs": "folded"}}},
            {"report": {"html": {"code": "none", "contents": False, "outputs": "folded"}}},
        ),
        (
            {"nb-report": [{"html": {"outputs": "folded"}}, "sanitized", {"none": None}]},
            {"report": {"html": {"outputs": "folded"}, "sanitized": {}}},
        ),
        (
            {"nb-report": ["html", {"html": {"code": "none"}}, {"html": {"contents": False}}]},
            {"report": {"html": {"code": "none", "contents": False}}},
        ),
        ({"nb-report": [False]}, {"report": {}}),
        ({"nb-report": {False: None}}, {"report": {}}),
        (
            {"nb-report": {"nbconvert:html": {"template": "classic"}, "html-no-input": None}},
            {"report": {"nbconvert:html": {"template": "classic"}, "html-no-input": {}}},
        ),
        ({"nb-images": False}, {"images": False}),
        ({"nb-fork": True}, {"fork": "yes"}),
        ({"nb-fork": False}, {"fork": "no"}),
        ({"nb-fork": "verify"}, {"fork": "verify"}),
        ({"nb-scalars": False}, {"scalars": ScalarsSetting("none")}),
        ({"nb-scalars": "results"}, {"scalars": ScalarsSetting("", True)}),
        (
            {"nb-scalars": '[text, "loss[-1]", f1=report["a,b"]]'},  # not a list of YAML
            {"scalars": ScalarsSetting("text", False, (("", "loss[-1]"), ("f1", 'report["a,b"]')))},
        ),
        (
            {"nb-scalars": "[a, b][0]"},
            {"scalars": ScalarsSetting("", False, (("", "[a, b][0]"),))},
        ),
        (
            {"nb-scalars": ["text", "acc", {"f1": 'report["f1"]'}, 'recall=report["a, b"]']},
            {
                "scalars": ScalarsSetting(
                    "text",
                    values=(("", "acc"), ("f1", 'report["f1"]'), ("recall", 'report["a, b"]')),
                )
            },
        ),
        (
            {"nb-scalars": "max(a, b), x == y, f(k=1), val/acc=[1, 2][0], none"},
            {
                "scalars": ScalarsSetting(
                    "none",
                    values=(
                        *(("", "max(a, b)"), ("", "x == y"), ("", "f(k=1)")),
                        ("val/acc", "[1, 2][0]"),
                    ),
                )
            },
        ),
        ({"description": "none of ours", 5: "nor this"}, {}),
    ],
)
def test_attributes_of_guild_yml_are_read(attributes, settings):
    assert options.from_attributes(attributes, "operation 'a'") == settings


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (["--html-no-input"], {"report": {"html-no-input": {}}}),
        (["--report", "html,markdown"], {"report": {"html": {}, "markdown": {}}}),
        (["--report=none"], {"report": {}}),
        (
            ["--report", "{html: {network: yes, header: no}, pdf}"],
            {"report": {"html": {"network": True, "header": False}, "pdf": {}}},
        ),
        (
            ["nb-report=[html: {outputs: folded}, sanitized]"],
            {"report": {"html": {"outputs": "folded"}, "sanitized": {}}},
        ),
        (["nb-report=[html, pdf]"], {"report": {"html": {}, "pdf": {}}}),
        (['--report={"html":{"code":"folded"}}'], {"report": {"html": {"code": "folded"}}}),
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
        *(
            (options.from_attributes, {"nb-keep-kernel-for": given}, "takes a number of seconds")
            for given in ("1h", 0, float("inf"), "1e300")
        ),
        *(
            (options.from_attributes, {"nb-scalars": given}, "takes lines, text, none, results or")
            for given in (True, None, "yes", 5, [], {"acc": None}, {"acc": ["a"]}, ["a", "*"])
        ),
        (options.from_arguments, ["nb-scalars=a=x,b,a=y"], "takes each name once, not 'a=x,b,a=y'"),
        (options.from_attributes, {"nb-kernel": 5}, "takes a name"),
        (options.from_arguments, ["--html-no-inputs"], "did you mean '--html-no-input'?"),
        (options.from_arguments, ["--kernel"], "'--kernel' needs a value (NAME)"),
        (options.from_arguments, ["stray"], "unexpected argument 'stray'"),
        *(
            (options.from_attributes, {"nb-report": given}, f"'nb-report': {said}")
            for given, said in (
                ({"html": {"cod": "folded"}}, "html has no option 'cod' - did you mean 'code'?"),
                ({"html": {1: 2}}, "html has no option '1' - there are code, outputs, contents"),
                ({"html": {"code": "open"}}, "'code' of html takes shown, folded or none, not "),
                ({"sanitized": {"network": True}}, "sanitized has no option 'network' - there "),
                ({"html-no-input": {"code": "shown"}}, "html-no-input has no option 'code' - "),
                (
                    {"html": {"template": "lab"}},
                    "html has no option 'template' - nbconvert's page, nbconvert:html, has it",
                ),
                ({"htm": {"code": "none"}}, "htm has no option 'code' - did you mean 'html'?"),
                ({"pdf": {"code": "none"}}, "pdf has no option 'code' - html, sanitized have it"),
                ({"pdf": {"zzz": "none"}}, "pdf has no option 'zzz' - there are template"),
                ({"html": "folded"}, "html takes options, like {code: shown}, not 'folded'"),
                ("{html: {code: folded}", "cannot be read: expected ',' or '}', but got "),
            )
        ),
        (options.from_arguments, ["--report", "[html,"], "cannot be read: expected "),
        *(
            (
                options.from_attributes,
                {"nb-jobs": value},
                f"a whole number from 1 to 9999, not '{value}'",
            )
            for value in ("0", "-1", "two", "1.5", True)
        ),
        *(
            (options.from_attributes, {"nb-memory-limit": value}, "'nb-memory-limit' takes a ")
            for value in ("4", "none", "-1 GB", "lots", "4 parsecs")
        ),
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
        "until": "Train",
        "report": {"html": {"code": "none", "contents": False}, "slides": {}},
        "images": False,
        "exec": False,
        "check": True,
        "color": True,
        "fork": "verify",
        "trials": "full",
        "jobs": 3,
        "keep-kernel": "error",
        "keep-kernel-for": 60.0,
        "memory-limit": 5_000_000_000,
        "fail-on-command": True,
        "cell-scalars": True,
        "scalars": ScalarsSetting("text", True, (("", "acc"), ("f1", 'report["a,b"]'))),
    }
    assert set(changed) == set(options.defaults())
    arguments = options.to_arguments(changed)
    assert options.from_arguments(arguments, "") == changed


def test_defaults_need_no_arguments():
    assert options.to_arguments(options.defaults()) == []
