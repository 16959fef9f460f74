"""Every row of the Colab form grammar as public notebooks use it, each with a cell of its own.

A row says what its cells' flags are (by name, attribute by attribute), which annotations are
passed over and why, which warnings are given, and what the first cell becomes with new values;
an edit that must be refused has the text of the error in place of the cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    construct: str
    cells: list[str]
    flags: dict[str, dict[str, Any]] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    edits: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    language: str = "python"


class Refused(str):
    """The text of an error."""


def field_row(construct: str, cell: str, **attributes: Any) -> Row:
    name = attributes.pop("name", "x")
    edits = attributes.pop("edits", [])
    warnings = attributes.pop("warnings", [])
    return Row(construct, [cell], {name: attributes}, warnings=warnings, edits=edits)


def no_field(construct: str, cell: str, reason: str, language: str = "python") -> Row:
    return Row(construct, [cell], skipped=[reason], language=language)


ROWS = [
    # how the marker is written
    field_row("#@param", 'x = "a" #@param {type:"string"}', type="string", default="a"),
    field_row(
        "# @param", 'x = "a" # @param {type:"string"}', type="string",
        edits=[({"x": "b"}, 'x = "b" # @param {type:"string"}')],
    ),
    field_row("@param{ with no gap", 'x = 1  #@param{type:"integer"}', type="integer"),
    field_row(
        "two gaps", 'x   =  1   #  @param   { type : "integer" }\t', type="integer",
        edits=[({"x": 2}, 'x   =  2   #  @param   { type : "integer" }\t')],
    ),
    no_field("#@ param", "x = 1 #@ param", "a blank between @ and param"),
    # types
    field_row("bare @param, a number", "x = 1.5 #@param", type="number", default=1.5),
    field_row("bare @param, a text", "x = 'a' #@param", type="string"),
    field_row("bare @param, a boolean", "x = True #@param", type="boolean", kind="checkbox"),
    field_row("options with no type", "x = 1 #@param {min: 0}", type="number", min=0),
    field_row(
        "bare @param, an expression", "x = f() #@param", type="raw", computed=True,
        default_source="f()", edits=[({"x": "g(1)"}, "x = g(1) #@param")],
    ),
    field_row(
        'type:"string"', "x = 'it\\'s' #@param {type:\"string\"}", default="it's",
        edits=[
            ({"x": "it's"}, "x = 'it\\'s' #@param {type:\"string\"}"),
            ({"x": "a\"b\\\n"}, "x = 'a\"b\\\\\\n' #@param {type:\"string\"}"),
            ({"x": "1"}, "x = '1' #@param {type:\"string\"}"),
        ],
    ),
    field_row(
        'type:"number", an int', 'x = 4 #@param {type:"number"}', default=4,
        edits=[
            ({"x": 8}, 'x = 8 #@param {type:"number"}'),
            ({"x": 8.0}, 'x = 8 #@param {type:"number"}'),
            ({"x": 2.5}, 'x = 2.5 #@param {type:"number"}'),
            ({"x": "a"}, Refused("flag x in the 1st cell (x = 4) takes a number, not \"a\"")),
            ({"x": True}, Refused("takes a number, not True")),
        ],
    ),
    field_row(
        'type:"number", a float', 'x = 0.5 #@param {type:"number"}', default=0.5,
        edits=[({"x": 1e-05}, 'x = 1e-05 #@param {type:"number"}')],
    ),
    field_row(
        'type:"integer"', 'x = 4 #@param {type:"integer"}', type="integer",
        edits=[
            ({"x": 5}, 'x = 5 #@param {type:"integer"}'),
            ({"x": 2.5}, Refused("takes a whole number, not 2.5")),
        ],
    ),
    field_row(
        'type:"boolean"', 'x = False #@param {type:"boolean"}', type="boolean",
        edits=[
            *(({"x": v}, 'x = True #@param {type:"boolean"}') for v in (True, 1, "yes", "TRUE")),
            *(({"x": v}, 'x = False #@param {type:"boolean"}') for v in (False, 0, "no", "0")),
            ({"x": "maybe"}, Refused('takes yes or no (true, false, 1, 0), not')),
            ({"x": 2}, Refused("takes yes or no")),
        ],
    ),
    field_row(
        'type:"date"', "x = '2020-01-31' #@param {type:\"date\"}", type="date", kind="date",
        edits=[
            ({"x": "2021-02-28"}, "x = '2021-02-28' #@param {type:\"date\"}"),
            ({"x": "2021-02-30"}, Refused("takes a date (YYYY-MM-DD), not")),
            ({"x": "20210228"}, Refused("takes a date")),
        ],
    ),
    field_row(
        'type:"slider", whole', 'x = 5 #@param {type:"slider", min:0, max:10, step:2}',
        type="slider", kind="slider", min=0, max=10, step=2,
        edits=[
            ({"x": 3}, 'x = 3 #@param {type:"slider", min:0, max:10, step:2}'),
            ({"x": 11}, Refused("takes a number from 0 to 10, not 11")),
            ({"x": 2.5}, Refused("takes a whole number from 0 to 10, not 2.5")),
        ],
    ),
    field_row(
        'type:"slider", an int with a fractional step',
        'x = 5 #@param {type:"slider", min:0, max:10, step:0.1}', default=5, step=0.1,
        edits=[
            ({"x": 5}, 'x = 5 #@param {type:"slider", min:0, max:10, step:0.1}'),
            ({"x": 2.5}, 'x = 2.5 #@param {type:"slider", min:0, max:10, step:0.1}'),
            ({"x": 3}, 'x = 3.0 #@param {type:"slider", min:0, max:10, step:0.1}'),
            ({"x": 0.05}, 'x = 0.05 #@param {type:"slider", min:0, max:10, step:0.1}'),
        ],
    ),
    field_row(
        'type:"slider", a missing bound', 'x = 5 #@param {type:"slider", min:1}', min=1, max=None,
        edits=[
            ({"x": 10**6}, 'x = 1000000 #@param {type:"slider", min:1}'),
            ({"x": 0}, Refused("takes a number of at least 1, not 0")),
        ],
    ),
    # choices
    field_row(
        "a list, no type", 'x = "a" #@param ["a", "b, c", \'d\']', kind="dropdown", type="string",
        choices=("a", "b, c", "d"),
        edits=[
            ({"x": "b, c"}, 'x = "b, c" #@param ["a", "b, c", \'d\']'),
            ({"x": "e"}, Refused('takes one of "a", "b, c", "d", not "e"')),
        ],
    ),
    field_row(
        "choices take the type of the default", 'x = "1" #@param [0, 1, 2]',
        choices=("0", "1", "2"), type="string", edits=[({"x": "2"}, 'x = "2" #@param [0, 1, 2]')],
    ),
    field_row("text choices of a number", 'x = 1 #@param ["1", "2"]', choices=(1, 2)),
    field_row(
        'a list and type:"raw"', 'x = 1e-5 #@param ["1e-5", "2e-6", "None", "f.g"] {type:"raw"}',
        kind="dropdown", type="raw", choices=(1e-05, 2e-06, None, "f.g"),
        edits=[
            ({"x": 2e-06}, 'x = 2e-6 #@param ["1e-5", "2e-6", "None", "f.g"] {type:"raw"}'),
            ({"x": "f.g"}, 'x = f.g #@param ["1e-5", "2e-6", "None", "f.g"] {type:"raw"}'),
            ({"x": "None"}, 'x = None #@param ["1e-5", "2e-6", "None", "f.g"] {type:"raw"}'),
            ({"x": 1e-05}, 'x = 1e-5 #@param ["1e-5", "2e-6", "None", "f.g"] {type:"raw"}'),
            ({"x": "g"}, Refused("takes one of 1e-05, 2e-06, None")),
        ],
    ),
    field_row(
        "a raw dropdown of plain words", 'x = "adam" #@param ["adam", "sgd"] {type:"raw"}',
        type="string", choices=("adam", "sgd"), warnings=["plain words"],
        edits=[({"x": "sgd"}, 'x = "sgd" #@param ["adam", "sgd"] {type:"raw"}')],
    ),
    field_row(
        'type:"raw"', 'x = [1, 2] #@param {type:"raw"}', type="raw", default=[1, 2],
        edits=[
            ({"x": "np.array([1])"}, 'x = np.array([1]) #@param {type:"raw"}'),
            ({"x": "[1, 2]"}, 'x = [1, 2] #@param {type:"raw"}'),
            ({"x": '"#fff"'}, 'x = "#fff" #@param {type:"raw"}'),
            ({"x": "1 # no"}, 'x = (1 # no\n) #@param {type:"raw"}'),
            ({"x": "1; import os"}, Refused("takes one Python expression, not")),
            ({"x": "1) + (2"}, Refused("takes one Python expression")),
        ],
    ),
    field_row(
        "allow-input: true", 'x = "a" #@param ["a"] {allow-input: true}', allow_other=True,
        choices=("a",), edits=[({"x": "z"}, 'x = "z" #@param ["a"] {allow-input: true}')],
    ),
    field_row("allow-input: false", 'x = "a" #@param ["a"] {"allow-input": false}',
              allow_other=False),
    field_row(
        "a default that is not among the choices", 'x = "z" #@param ["a", "b"]', default="z",
        choices=("a", "b"), warnings=['default "z" is none of its choices'],
        edits=[({"x": "z"}, 'x = "z" #@param ["a", "b"]')],
    ),
    field_row(
        "a default outside of its bounds", 'x = 300 #@param {type:"slider", min:8, max:128}',
        default=300, min=8, max=128, warnings=["default 300 is outside of its bounds, 8 to 128"],
        edits=[({"x": 300}, 'x = 300 #@param {type:"slider", min:8, max:128}')],
    ),
    field_row(
        "a default below the only bound", 'x = -0.5 #@param {type:"number", min:0}',
        default=-0.5, min=0, warnings=["default -0.5 is outside of its bounds, at least 0"],
    ),
    field_row(
        "a default above the only bound", 'x = 11 #@param {type:"integer", max:10}',
        default=11, max=10, warnings=["default 11 is outside of its bounds, at most 10"],
    ),
    # odd annotations
    field_row(
        "{…} […]", 'x = "a" #@param {type:"string"} ["a", "b"]', choices=("a", "b"), type="string"
    ),
    field_row("{…} {…}", 'x = 1 #@param {type:"integer"} {min: 0}', type="integer", min=0),
    field_row(
        "{…} text […]", 'x = 1 #@param {type:"integer"} one of [1, 2]', type="integer",
        description="one of", choices=(1, 2),
    ),
    field_row(
        "[…] text {…}", 'x = "b" #@param ["b", "c"] or your own {allow-input: true}',
        choices=("b", "c"), allow_other=True, description="or your own",
    ),
    field_row(
        "[…], {…}", 'x = 1 #@param [1, 2], {type:"raw"}', type="raw", choices=(1, 2),
        description="",
    ),
    field_row(
        "options without braces", 'x = "1" #@param type:"integer"', type="integer", default="1",
        warnings=["its options have no braces", "its options have no closing brace"],
    ),
    field_row("@param: {…}", 'x = "a" #@param: {type:"string"}', type="string", description=""),
    field_row(
        "{…} text with brackets", 'x = 1 #@param {type:"integer"} see [the paper] {1}',
        type="integer", description="see [the paper] {1}", choices=None,
    ),
    field_row(
        "text after the options", 'x = 1 #@param {type:"integer"} # in pixels', type="integer",
        description="in pixels",
    ),
    field_row(
        "a comment before the marker", 'x = "us"  # why  # @param {type:"string"}', type="string",
        description="why", edits=[({"x": "de"}, 'x = "de"  # why  # @param {type:"string"}')],
    ),
    field_row(
        "no closing brace", 'x = 1 #@param {type:"slider", min:0, max:3', type="slider", max=3,
        warnings=["no closing brace"],
    ),
    field_row(
        "a missing comma", 'x = 1 #@param {type:"slider" min:0, max:3}', type="slider", min=0,
        warnings=["lack a comma"],
    ),
    field_row(
        "escaped quotes", 'x = 1 #@param {type:\\"slider\\", min:0}', type="slider", min=0,
        warnings=["quotes are escaped"],
    ),
    field_row("no closing bracket", 'x = "a" #@param ["a", "b"', choices=("a", "b"),
              warnings=["no closing bracket"]),
    field_row("a quote is not closed", 'x = 1 #@param {type:"integer, min:0}', type="integer",
              min=0, warnings=["not closed"]),
    field_row(
        "placeholder", 'x = "" #@param {type:"string", placeholder:"a name"}', default="",
        description="e.g. a name",
    ),
    field_row("isTemplate", 'x = 1 #@param {type:"integer", isTemplate: true}', type="integer"),
    *(
        field_row(f'type:"{name}"', f'x = {value} #@param {{type:"{name}"}}', type=type_)
        for name, value, type_ in (
            ("int", 1, "integer"), ("float", 1, "number"), ("bool", True, "boolean"),
            ("str", "'a'", "string"), ("String", "'a'", "string"),
        )
    ),
    field_row("@param int", "x = 1 #@param int", type="integer"),
    field_row(
        "unknown types", 'x = 1 #@param {type:"money"}', type="number",
        warnings=["type money is unknown"],
    ),
    field_row(
        "unknown keys", 'x = 1 #@param {type:"integer", widget:"big"}', type="integer",
        warnings=["option widget is unknown"],
    ),
    field_row("keys with mixed quotes", "x = 1 #@param {type:'slider', \"min\":0, 'max':9,}",
              type="slider", min=0, max=9),
    field_row(
        "min and max on a number", 'x = 1 #@param {type:"integer", min:0, max:9}', min=0, max=9,
        edits=[({"x": 10}, Refused("takes a number from 0 to 9, not 10"))],
    ),
    # titles and descriptions
    field_row(
        "@title", '#@title My form {run:"auto", display-mode:"form"}\nx = 1 #@param',
        group="My form",
    ),
    field_row("@markdown above", "#@markdown ---\n#@markdown The rate\n#@markdown of it\n"
              "x = 1 #@param", description="The rate of it"),
    Row(
        "@markdown, a bullet below",
        ["x = 1 #@param\n#@markdown - the first\ny = 2 #@param\n#@markdown - the second"],
        {"x": {"description": "the first"}, "y": {"description": "the second"}},
    ),
    field_row("a plain comment above", "# The rate\nx = 1 #@param", description="The rate"),
    # targets
    field_row("x: int = 3", "x: int = 3 #@param", type="integer",
              edits=[({"x": 4}, "x: int = 4 #@param")]),
    field_row("cfg.lr = 1", "cfg.lr = 1 #@param", name="cfg.lr",
              edits=[({"cfg.lr": 2}, "cfg.lr = 2 #@param")]),
    field_row('os.environ["K"]', 'os.environ["K"] = "" #@param', name='os.environ["K"]',
              warnings=["looks like a secret"],
              edits=[({'os.environ["K"]': "k"}, 'os.environ["K"] = "k" #@param')]),
    field_row("a = b = v", "x = b = 1 #@param", edits=[({"x": 2}, "x = b = 2 #@param")]),
    no_field("x, y = 1, 2", "x, y = 1, 2 #@param", "several names"),
    no_field("x += 1", "x += 1 #@param", "augmented"),
    no_field("x == 1", "x == 1 #@param", "comparison"),
    no_field("a walrus", "(x := 1) #@param", "assignment expression"),
    Row("a = 1; b = 2", ["a = 1; b = 2 #@param"], {"b": {"default": 2}}),
    *(
        field_row(f"inside {' '.join(head.split())}", cell.format("1"),
                  edits=[({"x": 2}, cell.format("2"))])
        for head, cell in (
            (head, f"{head}\n  x = {{}} #@param\n{tail}")
            for head, tail in (
                ("if a:", ""), ("if a:\n  pass\nelse:", ""), ("try:", "finally:\n  pass"),
                ("for i in a:", ""), ("with a:", ""), ("def f():", ""), ("class A:", ""),
                ("if a: pass\nwhile b:", ""),
            )
        )
    ),
    field_row("a wrapped statement, the comment on the last line",
              "x = (\n  1\n) #@param", edits=[({"x": 2}, "x = (\n  2\n) #@param")]),
    field_row("a wrapped statement, the comment on an inner line",
              'x = f("a", #@param\n  1)', computed=True, default_source='f("a", #@param\n  1)'),
    no_field("a keyword argument", "f(1,\n  x=2, #@param\n)", "a call"),
    no_field("a keyword argument of an assigned call", "y = f(1,\n  x=2, #@param\n)", "keyword"),
    no_field("a parameter default", "def f(a,\n  x=1, #@param\n): pass", "parameter's default"),
    no_field("commented-out", '# x = 1 #@param {type:"integer"}', "commented-out"),
    no_field("%env", "%env X=1 #@param", "IPython"),
    no_field("!cmd", "!ls #@param", "IPython"),
    no_field("x = !ls", "x = !ls #@param", "IPython"),
    *(
        no_field(f"%%{magic}", f"%%{magic}\nx = 1 #@param", "another language")
        for magic in ("bash", "writefile a.py", "html", "R")
    ),
    no_field("an R kernel", "x <- 1 #@param", "another language", language="R"),
    no_field("a Swift kernel", "let x = 1 //#@param", "another language", language="swift"),
    no_field('R\'s X <- "v"', 'X <- "v" #@param', "comparison"),
    no_field('R\'s X < -"v"', 'X < -"v" #@param', "comparison"),
    # defaults
    *(
        field_row(f"a computed default: {source}", f'x = {source} #@param {{type:"string"}}',
                  computed=True, default=None, default_source=source, type="string",
                  edits=[({"x": "b"}, "x = 'b' #@param {type:\"string\"}"),
                         ({"x": None}, f'x = {source} #@param {{type:"string"}}')])
        for source in ("f'{a}'", "'a' + 'b'", "f('a')", "name", "'%s' % a")
    ),
    field_row("None for an integer", 'x = None #@param {type:"integer"}', type="integer",
              default=None, computed=False,
              edits=[({"x": None}, 'x = None #@param {type:"integer"}'),
                     ({"x": 3}, 'x = 3 #@param {type:"integer"}'),
                     ({"x": "a"}, Refused("takes a whole number"))]),
    field_row("a number for a string", 'x = 5 #@param {type:"string"}', type="string", default=5,
              edits=[({"x": "6"}, "x = '6' #@param {type:\"string\"}")]),
    field_row("a tuple by accident", 'x = 5, #@param {type:"integer"}', type="integer",
              default=(5,), warnings=["default (5,) is not what its type takes, a whole number"],
              edits=[({"x": 6}, 'x = 6 #@param {type:"integer"}')]),
    *(
        field_row(f"a default that is not of the type {declared}",
                  f'x = {default} #@param {{type:"{declared}"}}', type=declared,
                  warnings=[f"default {shown} is not what its type takes, {takes}"])
        for declared, default, shown, takes in (
            ("date", "'soon'", '"soon"', "a date (YYYY-MM-DD)"),
            ("integer", "0.5", "0.5", "a whole number"),
            ("slider", "'a'", '"a"', "a whole number"),
            ("boolean", "5", "5", "yes or no (true, false, 1, 0)"),
        )
    ),
    # names
    field_row("a name that begins a clause elsewhere", "if a: pass\ncase = 1 #@param", name="case",
              edits=[({"case": 2}, "if a: pass\ncase = 2 #@param")]),
    Row(
        "the same name, places that agree",
        ['x = 1 #@param {type:"integer"}', 'x = 1 #@param {type:"integer"}'],
        {"x": {"mixed": False}},
        warnings=[
            "flag x is declared 2 times, in the 1st cell (x = 1) and the 2nd cell (x = 1): "
            "it sets all of them"
        ],
        edits=[({"x": 2}, 'x = 2 #@param {type:"integer"}')],
    ),
    Row(
        "the same name in branches of one if",
        ["if a:\n  x = 1 #@param\nelif b:\n  x = 2 #@param\nelse:\n  x = 3 #@param"],
        {"x": {"default": 1, "mixed": True}},
        warnings=["flag x is declared 3 times, in the 1st cell (if a:): it sets all of them"],
        edits=[
            ({"x": 5}, "if a:\n  x = 5 #@param\nelif b:\n  x = 5 #@param\nelse:\n  x = 5 #@param"),
            ({"x": None},
             "if a:\n  x = 1 #@param\nelif b:\n  x = 2 #@param\nelse:\n  x = 3 #@param"),
        ],
    ),
    Row(
        "the same name, places that differ, with titles",
        ["#@title First form\nx = 1 #@param", "#@title Second\nx = 2 #@param"],
        {"x": {"mixed": True}, "x@first-form": {"default": 1}, "x@second": {"default": 2}},
        warnings=["x@first-form, x@second set one each"],
        edits=[
            ({"x": 5}, "#@title First form\nx = 5 #@param"),
            ({"x": None, "x@first-form": 6}, "#@title First form\nx = 6 #@param"),
            ({"x": 5, "x@first-form": 6}, "#@title First form\nx = 6 #@param"),
            ({"x": None, "x@first-form": 1}, "#@title First form\nx = 1 #@param"),
        ],
    ),
    Row(
        "the same name, places that differ, by order",
        ["x = 1 #@param\nx = 2 #@param\n"],
        {"x": {"mixed": True}, "x@1": {"default": 1}, "x@2": {"default": 2}},
        warnings=["each differently"],
        edits=[({"x@2": 7}, "x = 1 #@param\nx = 7 #@param\n")],
    ),
    Row(
        "the same name assigned again without annotation",
        ["x = 1 #@param\nx = 2\nx = int(x)"],
        {"x": {"default": 1}},
        edits=[({"x": 5}, "x = 5 #@param\nx = 2\nx = int(x)")],
    ),
    Row(
        "a name that ends another name",
        ["BigVolume = 1 #@param\nVolume = 2 #@param"],
        {"BigVolume": {"default": 1}, "Volume": {"default": 2}},
        edits=[({"Volume": 3}, "BigVolume = 1 #@param\nVolume = 3 #@param")],
    ),
    *(
        field_row(f"fill-me-in default {text}", f'x = "{text}" #@param {{type:"string"}}',
                  warnings=["is to be filled in"])
        for text in ("[your-project]", "<your key>", "YOUR_API_KEY", "gs://your-bucket/x")
    ),
    *(
        field_row(f"a secret's name: {name}", f'{name} = "" #@param {{type:"string"}}', name=name,
                  warnings=["looks like a secret"])
        for name in ("hf_token", "clientSecret", "password", "API_KEY")
    ),
    Row("a name that is not a secret's", ['monkey = "" #@param\nkeys_n = 1 #@param'],
        {"monkey": {"type": "string"}, "keys_n": {"type": "number"}}),
    # cells
    field_row("a cell with IPython syntax", "!pip install a\n%matplotlib inline\nx = 1 #@param\nf?",
              edits=[({"x": 2}, "!pip install a\n%matplotlib inline\nx = 2 #@param\nf?")]),
    field_row("a cell that never parses", "x = 1 #@param\nprint 'two'\nfor\n",
              edits=[({"x": 2}, "x = 2 #@param\nprint 'two'\nfor\n")]),
    Row("fields in more than one cell", ["a = 1 #@param", "b = 2 #@param"],
        {"a": {"default": 1}, "b": {"default": 2}}),
]  # fmt: skip
