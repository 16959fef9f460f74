"""One run of a notebook, seen from every side; most tests share it."""

from __future__ import annotations

import json
import os
import re
import sys
import xml.dom.minidom
from pathlib import Path

import nbformat
import pytest

from tests.helpers.project import Command, Project, Run, code, markdown

CELLS = [
    markdown("# Set-up"),
    code(
        "lr = 0.1  # the rate ü\n"
        "%matplotlib inline\n"
        "layers = [64, 32]\n"
        "name = 'größe'; other = \"x\"\n"
        "use_bias=True\n"
        "nothing = None\n"
        "offset =   -3",
        outputs=[{"output_type": "stream", "name": "stdout", "text": "old output\n"}],
        execution_count=17,
    ),
    code("#@title Train: the model\nfor step in range(3):\n    print(f'step: {step}')\n"
         "    print(f'loss: {lr / (step + 1)}')\n"
         "print('big: 1e+5')\nprint('worse: nan')\nprint('lr: 99')"),
    code("import sys\nprint('to stdout')\nprint('to stderr', file=sys.stderr)\n"
         "print('\\x1b[1;31macc: 0.5\\x1b[0m')\nprint('x' * 5000)"),
    code("from tqdm import tqdm\nfor _ in tqdm(range(2000), desc='fit', mininterval=0):\n    pass"),
    code("class Result:\n    def __repr__(self):\n        return 'result: 0.25'\nResult()"),
    code("display({'text/plain': 'shown: 0.75'}, raw=True)"),
    code("import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()\n"
         "plt.plot([2, 1]); plt.show()"),
    code("from IPython.display import SVG, Image, display\n"
         "svg = '<svg xmlns=\"http://www.w3.org/2000/svg\"/>'\n"
         "display(SVG(svg))\n"
         "gif = bytes.fromhex('47494638396101000100800000000000ffffff21f9040100000000'\n"
         "                    '2c00000000010001000002024401003b')\n"
         "display(Image(gif, format='gif'))\n"
         "import io; from PIL import Image as Picture\n"
         "f = io.BytesIO(); Picture.new('RGB', (2, 2)).save(f, 'JPEG')\n"
         "Image(f.getvalue(), format='jpeg')"),
    code("import os, beside\nprint('cwd', os.getcwd())\nbeside.value"),
    code("layers, name, use_bias, nothing, offset"),
    code("raise ValueError('meant')", tags=["raises-exception"]),
    code("never", tags=["skip-execution"]),
    code("   \n"),
    code("print('last')"),
]  # fmt: skip


@pytest.fixture(scope="module")
def done(shared: Project) -> Command:
    shared.notebook("nbs/train.ipynb", *CELLS)
    shared.file("nbs/beside.py", "value = 'beside the notebook'\n")
    flags = ["lr=0.5", "layers=8 4", "name=ÜBER 'q'", "use_bias=no", "offset=-7"]
    return shared.run("nbs/train.ipynb", *flags)


@pytest.fixture(scope="module")
def run(done: Command) -> Run:
    return done.run


@pytest.fixture(scope="module")
def executed(run: Run) -> dict:
    return run.notebook("nbs/train.ipynb")


def outputs_of(executed: dict, number: int) -> list[dict]:
    """The outputs of the cell with this execution count."""
    return next(c for c in executed["cells"] if c.get("execution_count") == number)["outputs"]


def test_the_run_is_completed(shared: Project, run: Run):
    assert run.attr("exit_status") == 0
    assert "completed" in shared.guild("runs").stdout


def test_a_value_replaces_its_own_characters_and_nothing_else(run: Run):
    assert run.sources("nbs/train.ipynb")[0] == (
        "lr = 0.5  # the rate ü\n"
        "%matplotlib inline\n"
        "layers = [8, 4]\n"
        'name = "ÜBER \'q\'"; other = "x"\n'
        "use_bias=False\n"
        "nothing = None\n"
        "offset =   -7"
    )


def test_all_other_cells_are_what_they_were(run: Run):
    assert run.sources("nbs/train.ipynb")[1:] == [c["source"] for c in CELLS[2:]]


def test_the_kernel_has_the_values_with_their_types(executed: dict):
    (result,) = outputs_of(executed, 10)
    text = "".join(result["data"]["text/plain"])
    assert text == "([8, 4], \"ÜBER 'q'\", False, None, -7)"


def test_the_flags_of_the_run_are_typed(run: Run):
    flags = run.flags
    assert flags["lr"] == 0.5
    assert flags["use_bias"] is False
    assert flags["nothing"] is None
    assert flags["offset"] == -7
    assert flags["other"] == "x"


def test_a_list_is_one_value_and_no_grid(run: Run):
    assert run.flags["layers"] == "8 4"


def test_compare_shows_flags_and_scalars(shared: Project, run: Run):
    table = shared.guild("compare", "--csv", "-").stdout
    header, row = table.splitlines()[:2]
    columns = dict(zip(header.split(","), row.split(",")))
    assert columns["lr"] == "0.5"
    assert columns["use_bias"] == "False"
    assert float(columns["loss"]) == pytest.approx(0.5 / 3)
    assert columns["step"] == "2"


@pytest.fixture(scope="module")
def scalars(shared: Project, run: Run) -> dict[str, str]:
    info = shared.guild("runs", "info", run.id).stdout
    lines = info[info.index("scalars:") :].splitlines()[1:]
    return dict(line.strip().split(": ", 1) for line in lines if line.startswith("  "))


def test_scalars_come_with_their_steps(scalars: dict[str, str]):
    assert re.match(r"0\.16666\d* \(step 2\)", scalars["loss"])


@pytest.mark.parametrize(
    ("name", "value"),
    [("big", "100000.0"), ("worse", "nan"), ("acc", "0.5"), ("result", "0.25"), ("shown", "0.75")],
)
def test_scalars_come_from_printed_results_and_displays(scalars, name, value):
    assert scalars[name].startswith(value)


def test_nothing_that_we_say_and_no_flag_is_a_scalar(scalars: dict[str, str]):
    assert set(scalars) == {"big", "worse", "acc", "loss", "result", "shown"}


def test_stdout_goes_to_stdout_and_stderr_to_stderr(done: Command):
    assert "to stdout\n" in done.stdout and "to stdout" not in done.stderr
    assert "to stderr\n" in done.stderr and "to stderr" not in done.stdout


def test_colour_codes_are_in_the_notebook_and_not_in_the_output(done, run, executed):
    assert "\x1b" not in run.output
    assert "acc: 0.5\n" in done.stdout
    assert "\x1b[1;31macc: 0.5\x1b[0m" in json.dumps(executed).encode().decode("unicode_escape")


def test_a_long_word_is_broken_in_the_output_and_whole_in_the_notebook(run, executed):
    assert max(len(word) for word in run.output.split()) < 1100
    assert "x" * 5000 in json.dumps(executed)


def test_of_a_progress_bar_the_last_state_is_a_line_of_its_own(run: Run):
    bars = [line for line in run.output.splitlines() if line.startswith("fit:")]
    assert 1 <= len(bars) < 10  # one in some seconds, where the machine is slow
    assert re.match(r"fit: 100%\|.*\| 2000/2000 \[", bars[-1])
    assert sum("100%" in bar for bar in bars) == 1


def test_each_cell_that_ran_has_one_progress_line_on_stderr(done: Command):
    lines = [line for line in done.stderr.splitlines() if re.match(r"\[\d+/\d+\] ", line)]
    assert [line.split()[0] for line in lines] == [f"[{n}/12]" for n in range(1, 13)]
    assert re.fullmatch(r"\[1/12\] the rate ü \(\d+\.\d s\)|\[1/12\] .*", lines[0])
    assert re.fullmatch(r"\[2/12\] Train: the model \(\d+\.\d s\)", lines[1])


def test_no_prompt_is_shown(done: Command):
    assert "Out[" not in done.stdout and "In [" not in done.stdout


IMAGES = ["train_7_0.png", "train_7_1.png", "train_8_0.svg", "train_8_1.gif", "train_8_2.jpg"]
SIGNATURES = {".png": b"\x89PNG", ".gif": b"GIF89a", ".jpg": b"\xff\xd8\xff", ".svg": b"<svg"}


@pytest.mark.parametrize("name", IMAGES)
def test_each_image_is_a_file_and_a_line(done: Command, run: Run, name: str):
    content = (run.dir / "nbs" / name).read_bytes()
    assert content.startswith(SIGNATURES[Path(name).suffix])
    assert done.stderr.count(f"nbs/{name}") == 1


def test_there_are_no_other_images(run: Run):
    found = {p.name for p in (run.dir / "nbs").iterdir() if p.suffix in SIGNATURES}
    assert found == set(IMAGES)


def test_an_image_has_no_object_line(done: Command):
    assert "<Figure" not in done.stdout and "<IPython" not in done.stdout


def test_the_executed_notebook_is_valid(run: Run):
    nbformat.validate(nbformat.read(run.dir / "nbs/train.ipynb", as_version=nbformat.NO_CONVERT))


def test_old_outputs_and_counts_are_gone(executed: dict):
    assert "old output" not in json.dumps(executed)
    counts = [c["execution_count"] for c in executed["cells"] if c["cell_type"] == "code"]
    assert counts == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, None, None, 12]


def test_a_cell_that_may_raise_keeps_its_error_and_the_run_goes_on(done, executed):
    (error,) = outputs_of(executed, 11)
    assert (error["output_type"], error["ename"]) == ("error", "ValueError")
    assert "last\n" in done.stdout


def test_a_skipped_cell_has_no_outputs(executed: dict):
    (cell,) = [c for c in executed["cells"] if "".join(c["source"]) == "never"]
    assert cell["outputs"] == []


def test_the_notebooks_folder_in_the_run_directory_is_the_working_directory(
    done: Command, run: Run
):
    assert f"cwd {run.dir / 'nbs'}\n" in done.stdout


def test_modules_beside_the_notebook_are_importable(executed: dict):
    result = outputs_of(executed, 9)[-1]
    assert "".join(result["data"]["text/plain"]) == "'beside the notebook'"


def test_the_source_is_kept_unchanged_where_the_manifest_says(shared: Project, run: Run):
    assert run.source("nbs/train.ipynb") == (shared.dir / "nbs/train.ipynb").read_bytes()
    mine = [line.split()[:2] for line in run.manifest if "/train.ipynb" in line.split()[1]]
    assert mine == [
        ["s", ".guild/sourcecode/nbs/train.ipynb"],
        ["d", "nbs/train.ipynb"],
        ["g", "./nbs/train.ipynb"],
    ]


def test_the_executed_notebook_is_listed_as_generated(shared: Project, run: Run):
    listed = shared.guild("ls", "-g", run.id).stdout.split()
    assert "nbs/train.ipynb" in listed and "nbs/train.html" in listed
    assert "nbs/beside.py" not in listed


def test_the_report_shows_code_and_outputs(run: Run):
    report = (run.dir / "nbs/train.html").read_text("utf-8")
    assert "result: 0.25" in report and "data:image/png;base64" in report
    assert "beside" in report
    assert "guild-failed-cell" not in report


def test_svg_files_are_well_formed(run: Run):
    xml.dom.minidom.parse(str(run.dir / "nbs/train_8_0.svg"))


def test_nothing_is_left_but_what_is_meant(run: Run):
    names = {p.name for p in (run.dir / "nbs").iterdir()} - {"__pycache__"}
    assert names == {"train.ipynb", "train.html", "beside.py", *IMAGES}


def test_the_language_of_the_kernel_is_noted(executed: dict):
    version = executed["metadata"]["language_info"]["version"]
    assert version == ".".join(map(str, sys.version_info[:3]))


def test_no_warning_is_printed(done: Command):
    assert "arning" not in done.stderr


def test_times_of_the_cells_are_noted(executed: dict):
    cell = next(c for c in executed["cells"] if c.get("execution_count") == 1)
    assert {"iopub.status.busy", "iopub.status.idle"} <= set(cell["metadata"]["execution"])


def test_a_relative_guild_home_is_as_good_as_any(project: Project):
    project.notebook("nb.ipynb", "print('here')")
    home = os.path.relpath(project.home, project.dir)
    run = project.run("nb.ipynb", GUILD_HOME=home).run
    assert (run.dir / "nb.html").exists()
    assert run.notebook("nb.ipynb")["metadata"]["guild"] == {"status": "completed"}
    assert run.source("nb.ipynb") == (project.dir / "nb.ipynb").read_bytes()
