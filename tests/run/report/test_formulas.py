"""Formulas are MathML where MathJax would typeset them, and TeX where they cannot be read."""

from __future__ import annotations

import re
import sys
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup

from guild_notebook.run.report.formulas import Formulas
from guild_notebook.run.report.html_sanitizer import sanitize, sanitize_page
from guild_notebook.run.report.markdown import MarkdownRenderer
from tests.helpers.growth import check_growth

READ = {
    "a fraction": r"\frac{1}{2}",
    "letters and signs": r"\alpha + \beta \le \Omega \times \infty \partial \nabla \hbar \ell",
    "indexes": r"x_{i,j}^{2n} + x'_1 + f''(x) + a^\top",
    "sums": r"\sum_{i=1}^n x_i = \prod_{k \in K} \int_0^\infty e^{-x^2}\,dx",
    "a limit": r"\lim_{n \to \infty} \max_{\theta} \log p(x \mid \theta)",
    "roots": r"\sqrt{x} + \sqrt[3]{y}",
    "a matrix": r"\begin{bmatrix} a & b \\ c & d \end{bmatrix}",
    "small matrices": r"\begin{pmatrix} 1 \\ 2 \end{pmatrix} \begin{vmatrix} a \end{vmatrix}",
    "align": r"\begin{align} a &= b + c \\ &= d \end{align}",
    "align*": r"\begin{align*} a &= b \\ c &= d \end{align*}",
    "aligned": r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
    "an equation": r"\begin{equation} E = mc^2 \label{eq:e} \end{equation}",
    "cases": r"f(x) = \begin{cases} 1 & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}",
    "an array": r"\left[\begin{array}{c|c} 1 & 2 \\ \hline 3 & 4 \end{array}\right]",
    "text": r"\text{a word} + \mathrm{d}x + \mathbf{w} + \mathit{a} + \textbf{b}",
    "alphabets": r"\mathbb{R}^n \mathcal{L} \mathfrak{g} \mathsf{T} \boldsymbol{\theta}",
    "an expectation": r"\mathbb{E}_{x \sim p(x)}\left[ \log D(x) \right]",
    "delimiters": r"\left( \frac{a}{b} \right) \left\| x \right\| \left\{ y \right. \bigl(z\bigr)",
    "accents": r"\hat{y} \bar{x} \tilde{z} \vec{v} \dot{x} \overline{ab} \underbrace{a+b}_{c}",
    "an operator": r"\operatorname{softmax}(z)_i + \operatorname*{arg\,max}_x f(x)",
    "a number": r"a = b \tag{1}",
    "a star": r"\theta^* = \underset{\theta}{\arg\min}\; \|y - X\theta\|_2^2",
    "colour": r"\color{red}{x} + \textcolor{blue}{y}",
    "signs of text": r"100\% \& \$5 \# a\_b \{x\}",
    "dots": r"x_1, \dots, x_n \cdots \vdots \ddots \ldots",
    "arrows": r"A \Rightarrow B \iff C \mapsto D \xrightarrow{f} E \longrightarrow F",
    "styles": r"\displaystyle \frac{1}{1+e^{-x}} \quad \binom{n}{k} \dfrac12 \tfrac{a}{b}",
    "substack": r"\sum_{\substack{i<n \\ j<m}} a_{ij}",
    "a stack": r"a \overset{!}{=} b \stackrel{d}{\to} c \not= d \neq e \lVert x \rVert",
}

UNREAD = [r"\SI{5}{\metre}", r"\unknowncommand{x}", r"\frac{1", r"\begin{foo} x \end{foo}", "a}b"]


needs_math_core = pytest.mark.skipif(
    sys.version_info < (3, 10), reason="the library for Python 3.9 reads less"
)


def text_of(mathml: str) -> str:
    return "".join(ElementTree.fromstring(re.sub("&[a-zA-Z]+;", "", mathml)).itertext())


@needs_math_core
@pytest.mark.parametrize("kind", READ)
def test_formulas_of_notebooks_are_mathml(kind: str):
    made = Formulas().html(READ[kind], is_block=True)
    assert made.startswith("<math") and made.endswith("</math>")
    assert 'display="block"' in made.partition(">")[0]
    assert "\\" not in text_of(made) and "&amp;amp" not in made
    assert sanitize_page(made).count("<m") == made.count("<m")  # all of it is allowed


@pytest.mark.parametrize("tex", [*UNREAD, "{" * 9000 + "x", "x" * 1_000_000])
def test_what_cannot_be_read_stays_as_it_is_written(tex: str):
    made = Formulas().html(tex)
    assert re.fullmatch(
        r'<code class="formula" title="(not|too long)[^"]*">.*</code>', made, re.DOTALL
    )
    assert tex in made


@pytest.mark.parametrize(
    ("definitions", "tex", "same"),
    [
        (r"\newcommand{\R}{\mathbb{R}}", r"x \in \R^n", r"x \in {\mathbb{R}}^n"),
        (r"\newcommand\R{\mathbb{R}}", r"\R", r"{\mathbb{R}}"),
        (r"\newcommand{\norm}[1]{\|#1\|}", r"\norm{x} \norm y", r"{\|x\|} {\|y\|}"),
        (r"\newcommand{\pair}[2][a]{#1,#2}", r"\pair{b}\pair[c]{d}", "{a,b}{c,d}"),
        (r"\def\half{\frac12} \def\f#1{f(#1)}", r"\f{\half}", r"{f({\frac12})}"),
        (r"\DeclareMathOperator{\rank}{rank}", r"\rank A", r"{\operatorname{rank}} A"),
        (r"\newcommand{\a}{x}\renewcommand{\a}{y}", r"\a", "{y}"),
    ],
)  # fmt: skip
def test_macros_are_known_after_the_formula_that_defines_them(
    definitions: str, tex: str, same: str
):
    formulas = Formulas()
    assert formulas.html(definitions) == ""
    assert formulas.html(tex) == Formulas().html(same)
    assert formulas.html(definitions + tex) == Formulas().html(same)


@pytest.mark.parametrize(
    "definitions", [r"\def\a{\a\a}", r"\def\a{\b\b}\def\b{\a\a}", r"\def\a#1{\a{#1#1}}"]
)
def test_a_macro_without_an_end_is_left_as_it_is(definitions: str):
    assert Formulas().html(definitions + r"\a{x}").startswith("<code")


X, BLOCK = "<math", '<math display="block"'


@pytest.mark.parametrize(
    ("piece", "kinds"),
    [
        ("no formula", []),
        ("$x$ and $$y$$", ["inline", "block"]),
        (r"\(x\) and \[y\]", ["inline", "block"]),
        (r"\begin{align}a &amp;= b\end{align}", ["block"]),
        ("<td>$x &lt; y$</td><td>$z$</td>", ["inline", "inline"]),
        ("<td>$5</td><td>$6</td>", []),
        (r"costs \$5 and \$6", []),
        ("<pre>$x$</pre><code>$y$</code><script>'$z$'</script><style>$a$</style>", []),
        ("<textarea>$x$</textarea> $y$", ["inline"]),
        ('<table class="dataframe tex2jax_ignore"><tr><td>$x$</td></tr></table>$y$', ["inline"]),
        ('<div class="mathjax_ignore"><div>a</div>$x$</div>', []),
        ('<p title="$x$">$y$</p>', ["inline"]),
        ("<p title='a>$x$'>b</p>", []),
        ("<!-- $x$ --> $y$", ["inline"]),
        ("<math><mi>$x$</mi></math>", []),
    ],
)
def test_formulas_of_html_are_those_that_mathjax_finds(piece: str, kinds: list[str]):
    made = Formulas().in_html(piece)
    found = re.findall(r'<math(?: display="(\w+)")?[^>]*>(?!<mi>\$)', made)
    assert [kind or "inline" for kind in found] == kinds
    outside = re.sub("<math.*?</math>", "", made, flags=re.DOTALL)
    for text in re.findall("title=.([^'\"]*)", piece):
        assert text in outside


def test_text_around_formulas_is_as_it_was():
    made = Formulas().in_html("<p>a &amp; $x$ b\n&lt; \\$5 <b>c</b> $</p>")
    assert re.sub("<math.*</math>", "M", made) == "<p>a &amp; M b\n&lt; $5 <b>c</b> $</p>"
    made = Formulas().in_text("a & $x<y$ <b>\n$$\nz\n$$")
    assert re.sub("<math.*?</math>", "M", made) == "a &amp; M &lt;b&gt;\nM"


def test_a_formula_is_in_a_sanitized_page_and_no_script_of_it():
    made = Formulas().in_html(sanitize("<p>$x^2$ and $\\href{javascript:alert(1)}{y}$</p>"))
    page = sanitize_page(made)
    assert "<msup>" in page and not re.search("<[^>]*javascript", page)


KINDS = {
    "formulas": "$x$ ",
    "dollars": "$",
    "double dollars": "$$ ",
    "open brackets": r"\[ ",
    "open environments": r"\begin{a} ",
    "escaped": r"\$ ",
    "tags": "<b>$",
    "open tags": "<b $",
    "open elements": "<pre>$x$",
    "comments": "<!-- $",
    "quotes": "<b '$\"",
}


@pytest.mark.parametrize("kind", KINDS)
def test_time_is_linear_in_the_html(kind: str):
    check_growth(lambda text: Formulas().in_html(text), lambda n: KINDS[kind] * n, 1000)


@pytest.mark.parametrize("kind", [r"\frac", "x_", "{a}", r"\left(", "^", r"\sqrt[", "&", r"\\ "])
def test_a_formula_takes_no_time_to_speak_of(kind: str):
    check_growth(lambda tex: Formulas().html(tex), lambda n: kind * n, 100)


@pytest.mark.parametrize(
    ("tex", "shown"),
    [
        (r"\begin{cases}1&\text{if $x>0$}\end{cases}", "if x>0"),
        (r"\text{learning_rate}", "learning_rate"),
        (r"\text{50%, a & b, #1, a\_b}", "50%, a & b, #1, a_b"),
        (r"\texttt{a_b}", "a_b"),
        (r"\mbox{a $b$ c}", "a b c"),
        (r"\newcommand{\norm}[1]{\left\lVert#1\right\rVert}\norm{x}", "x"),
        (r"\newcommand{\two}[2]{#2#1}\two{a}{b}", "ba"),
        (r"\left<x\right>", "⟨x⟩"),
        (r"\smash{x}\strut", "x"),
    ],
)
def test_texts_macros_and_brackets_that_mathjax_reads_are_typeset(tex: str, shown: str):
    made = Formulas().html(tex)
    assert made.startswith("<math")
    text = BeautifulSoup(made, "html.parser").text.replace("\xa0", " ")
    assert shown.replace(" ", "") in text.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("it costs $5 and $6", 0),
        ("US$1,000 or **$2,000**, and $x$", 1),
        ("it is $5, then $x$ is 3", 1),
        ("$10k-$20k", 0),
        ("$100$ or $200$, $1$st, $3x $ and $x$5", 5),
    ],
)
def test_amounts_of_money_are_no_formulas(text: str, count: int):
    page = MarkdownRenderer().html(text)
    for made in (Formulas().in_html(page), Formulas().in_text(text)):
        assert made.count("<math") == count
    assert "**" not in page
