"""The notebooks are what the episodes say, their code does what the episodes say, and every exercise can be solved."""

import re
import subprocess
import sys

import build
import nbformat
import pytest

DRAW = 'from PIL import Image\nImage.new("L", (8, 8))'

EPISODE = f"""---
title: "Hide the name"
teaching: 5
exercises: 5
---

:::::: questions

- Who is it?

::::::

Some text, see [the next one](metadata.md#names), [a term](../learners/reference.md) and [a table](data/table.csv).

## A section

```bash
## no heading, and ::: no div
```

```python
name = "Ada"
print("at 0x7f00aa11bb22")
name
```

```output
at 0x111122223333
'Ada'
```

A sentence.

![Static.](fig/static.png){{alt="A 'head' with ears < 3 & hair"}}

::: callout

### Beware

```python
this is shown, not run
```

:::

::: instructor

Wait for questions.

:::

:::::::: challenge

### Take the `name` away

Do it.

```python
mine = name
```

Then check.

```python
print("Not yet: the name is there." if mine else "✔ The name is gone.")
```

::: hint

Empty is `""`.

:::

:::::: solution

### Name <gone>

```python
mine = ""
print("done")
```

```output
done
```

Gone.

:::
:::

::: challenge

Without a starter.

::: solution

```python
print("mine")
{DRAW}
```

![A dot.](fig/dot.png){{alt='One grey dot'}}

:::

:::

::: challenge

Think.

::: solution

No code.

:::

:::

```python
{DRAW}
```

![A figure.](fig/drawn.png){{alt='One black dot, "as" drawn'}}

The end.

::: challenge

### Quiz: first

Which?

1. This.
2. That.

:::: solution

1. ✔ Yes.
2. No.

::::

:::

::: challenge

### Quiz: second

What?

1. This.
2. That.

:::: solution

1. No.
2. ✔ Yes.

::::

:::

After the quiz.
"""

NOTE, CHALLENGE = build.BOX.format("#1a73e8"), build.BOX.format("#2e8b57")


@pytest.fixture
def lesson(tmp_path):
    """Return a function that writes an episode to a lesson of its own and returns the episode's path."""
    for folder in ("episodes", "notebooks", "tests", "data/planted"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "config.yaml").write_text("title: Try\nepisodes:\n- try.md\n", encoding="utf-8")
    (tmp_path / "tests" / "sanitize.cfg").write_text(
        "[address]\nregex: 0x[0-9a-f]+\nreplace: 0xADDRESS\n", encoding="utf-8"
    )

    def write(text):
        path = tmp_path / "episodes" / "try.md"
        path.write_text(text if text.startswith("---") else f"---\ntitle: Try\n---\n{text}", encoding="utf-8")
        return path

    return write


def sources(path, variant):
    """Return the cells but for the one that every notebook begins with, behind its title."""
    made = build.cells(path, variant)
    assert (made[1].tag, made[1].source) == ("set-up", build.SET_UP)
    return [cell.source for cell in made if cell is not made[1]]


def fence(text, language="python"):
    return f"\n```{language}\n{text}\n```\n"


# --- What becomes of an episode ---


def test_learner_variant(lesson):
    made = build.cells(lesson(EPISODE), "learner")
    assert [(cell.code is not None, cell.tag, cell.source.split("\n")[0]) for cell in made] == [
        (False, "", "# Hide the name"),
        (True, "set-up", build.SET_UP.split("\n")[0]),
        (False, "", NOTE),
        (False, "", "Some text, see [the next one](metadata.ipynb), [a term](../learners/reference.md) and "
         "[a table](../episodes/data/table.csv)."),
        (False, "", "## A section"),
        (True, "", 'name = "Ada"'),
        (False, "", "A sentence."),
        (False, "", '<img src="../episodes/fig/static.png" alt="A &#x27;head&#x27; with ears &lt; 3 &amp; hair">'),
        (False, "", NOTE),
        (False, "", CHALLENGE),
        (True, "exercise", "mine = name"),
        (False, "", "Then check."),
        (True, "check", 'print("Not yet: the name is there." if mine else "✔ The name is gone.")'),
        (False, "", "<details>"),
        (False, "", "<details>"),
        (False, "", CHALLENGE),
        (True, "exercise", "# Your answer"),
        (False, "", "<details>"),
        (False, "", CHALLENGE),
        (False, "", "<details>"),
        (True, "", "from PIL import Image"),
        (False, "", "*A figure.*"),
        (False, "", "The end."),
        (True, "quiz", "from safeshare import quiz"),
        (False, "", "After the quiz."),
    ]  # fmt: skip
    texts = [cell.source for cell in made if cell.tag != "set-up"]
    assert "```bash\n## no heading, and ::: no div\n```" in texts[3], "a fence in another language stays as it is"
    assert "**Note: Beware**" in texts[7] and "```python\nthis is shown, not run\n```" in texts[7]
    assert "**Challenge: Take the `name` away**\n\nDo it." in texts[8] and "Then check." not in texts[8]
    assert "<summary>Hint</summary>" in texts[12]
    assert "<summary>Solution: Name &lt;gone&gt;</summary>" in texts[13] and 'mine = ""' in texts[13]
    assert "```text\ndone\n```" in texts[13], "what the solution prints is shown with it"
    assert '<img src="../episodes/fig/dot.png" alt="One grey dot">' in texts[16]
    assert texts[20].endswith('The picture in words: One black dot, "as" drawn')
    assert not any("Wait for questions" in text for text in texts), "notes for the instructor stay out"


def test_live_variant_has_headings_challenges_and_empty_cells(lesson):
    assert [source.split("\n")[0] for source in sources(lesson(EPISODE), "live")] == [
        "# Hide the name",
        "## A section",
        "",
        CHALLENGE,
        "mine = name",
        'print("Not yet: the name is there." if mine else "✔ The name is gone.")',
        CHALLENGE,
        "# Your answer",
        CHALLENGE,
        "",
        "from safeshare import quiz",
    ]


def test_solved_variant_has_the_solution_in_place_of_the_starter(lesson):
    made = sources(lesson(EPISODE), "solved")
    at = made.index('mine = ""\nprint("done")')
    assert "mine = name" not in made and "# Your answer" not in made
    assert made[at - 1] == "### Name <gone>" and made[at + 1 : at + 3] == ["Gone.", "Then check."]
    assert made[at + 3].startswith("print") and "✔" in made[at + 3], "the check comes after the solution"
    assert not any("Solution: Name" in source for source in made), "what runs is not folded away as well"
    assert any("No code." in source for source in made), "a solution in words is still to be read"


def test_other_quotes_and_attributes_of_images(lesson):
    path = lesson('Text.\n\n![](fig/a.png){width="50%" alt="It\'s" .wide}\n\nSee ![](fig/b.png){alt=\'two\'} here.')
    assert sources(path, "learner")[1:] == [
        "Text.",
        '<img src="../episodes/fig/a.png" alt="It&#x27;s">',
        'See <img src="../episodes/fig/b.png" alt="two"> here.',
    ]


def test_sentence_between_code_and_image_makes_it_a_static_image(lesson):
    path = lesson(fence("x = 1") + "\nLike this:\n\n![Screen.](fig/screen.png){alt='a screen'}\n")
    code = build.cells(path, "learner")[2].code
    assert code.figure is None
    assert sources(path, "learner")[-1] == '<img src="../episodes/fig/screen.png" alt="a screen">\n\n*Screen.*'


def test_same_episode_gives_the_same_bytes(lesson):
    path = lesson(EPISODE)
    first, second = (nbformat.writes(build.notebook("try", build.cells(path, "learner"))) for _ in range(2))
    assert first == second
    assert '"id": "try-000"' in first


@pytest.mark.parametrize(
    "text", ["```text\n```python\n```", "````text\n```\n```output\n````", "1. One\n\n   ```python\n   x\n   ```"]
)
def test_fence_inside_something_is_text(lesson, text):
    assert sources(lesson(text), "learner")[1:] == [text]


def test_inner_div_is_closed_first_whatever_the_number_of_colons(lesson):
    inner = build.read(lesson("::: challenge\n\n:::::::: hint\n\nDeep.\n\n:::\n\nOuter.\n\n::::\n\nOutside.\n"))[1]
    assert [child.name if isinstance(child, build.Div) else child.text.strip() for child in inner.children] == [
        "challenge",
        "Outside.",
    ]
    assert [type(child).__name__ for child in inner.children[0].children] == ["Div", "Text"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A\n\n::: hint\n\nB\n", "line 6: this div is never closed"),
        ("A\n\n:::\n", "line 6: this ::: closes a div, but none is open"),
        ("```python\nx = 1\n", "line 4: this code fence is never closed"),
        (fence("x", "output"), "line 5: an output fence must come right after its python fence"),
        (fence("x") + "\nA\n" + fence("x", "output"), "line 11: an output fence must come right after"),
        (
            fence("x") + "\n![](fig/x.png){alt='x'}\n" + fence("x", "output"),
            "line 11: an output fence must come right after",
        ),
        (f"::: challenge\n{fence('1') * 3}\n:::\n", "line 14: a challenge has only starter code and a check"),
        ("---\nno title", "line 1: the front matter is missing"),
    ],
)
def test_what_does_not_fit_is_named_by_episode_and_line(lesson, capsys, text, message):
    path = lesson(text)
    assert build.main([], path.parents[1]) == 1
    assert f"episodes/try.md: {message}" in capsys.readouterr().err
    assert not list(path.parents[1].glob("notebooks/*"))


def test_missing_episode_is_an_error(lesson, tmp_path, capsys):
    lesson("").unlink()
    assert build.main(["--check"], tmp_path) == 1
    assert capsys.readouterr().err.startswith("episodes/try.md: the episode is missing")


# --- Running ---


def test_build_runs_writes_figures_and_can_be_repeated(lesson, tmp_path):
    path = lesson(EPISODE)
    assert build.main(["--check"], tmp_path) == 1, "a notebook that was never made is not in step"
    assert build.main([], tmp_path) == 0
    stored = tmp_path / "notebooks" / "try.ipynb"
    first = stored.read_bytes()
    assert b"\r" not in first, "Git would see every line changed on another system"
    made = nbformat.reads(first.decode(), as_version=4)
    nbformat.validate(made)
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4, 5, 6, 7]
    assert code[0].outputs[0].text.startswith("✔ Everything is there.")
    assert code[3].outputs[0].text == "Not yet: the name is there.\n"
    assert code[6].outputs[0].data["text/html"].count("<details>") == 2, "both questions, for viewers without widgets"
    assert made.metadata.language_info == {"name": "python"}
    assert (path.parent / "fig" / "drawn.png").read_bytes().startswith(b"\x89PNG")
    assert (path.parent / "fig" / "dot.png").exists(), "the solution's figure is there for the web page"

    assert build.main(["--check"], tmp_path) == 0
    assert build.main([], tmp_path) == 0
    assert stored.read_bytes() == first

    assert build.main(["--solved", str(tmp_path / "solved")], tmp_path) == 0
    solved = nbformat.read(tmp_path / "solved" / "try.ipynb", as_version=4)
    assert any("✔ The name is gone." in output.get("text", "") for c in solved.cells for output in c.get("outputs", []))
    assert build.main(["--live", str(tmp_path / "live")], tmp_path) == 0
    assert nbformat.read(tmp_path / "live" / "try.ipynb", as_version=4).cells[3].source == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda cells: cells[0].update(source="# Another title"),
        lambda cells: cells[5].update(id="another"),
        lambda cells: cells[10].metadata.update(tags=[]),
        lambda cells: cells.pop(),
        lambda cells: cells.append(nbformat.v4.new_markdown_cell("more", id="more")),
    ],
)
def test_check_sees_every_change(lesson, tmp_path, capsys, change):
    made = build.notebook("try", build.cells(lesson(EPISODE), "learner"))
    build.write(made, tmp_path / "notebooks", "try")
    assert build.main(["--check"], tmp_path) == 0
    change(made.cells)
    build.write(made, tmp_path / "notebooks", "try")
    assert build.main(["--check"], tmp_path) == 1
    assert "run: python notebooks/build.py try" in capsys.readouterr().err


def test_what_a_cell_does_is_compared_with_the_episode(lesson, tmp_path, capsys):
    def exercise(check):
        solution = f"::: solution\n{fence('mine = 1')}\n:::\n"
        return f"\n::: challenge\n{fence('mine = 0')}{fence(check)}\n{solution}\n:::\n"

    lesson(
        fence("print('two')")  # line 5
        + fence("three", "output")
        + fence(DRAW)  # line 13
        + fence("x = 1")  # line 18
        + "\n![](fig/none.png){alt='nothing is drawn here'}\n"
        + fence("import sys; print('careful', file=sys.stderr)")  # line 24
        + fence("print('a  ')")  # blanks at the end of a line are nobody's concern
        + fence("a", "output")
        + exercise("pass")  # line 42
    )
    assert build.main([], tmp_path) == 1
    message = capsys.readouterr().err
    for part in (
        "episodes/try.md: line 5: this code does not print",
        "-three\n+two",
        "line 13: this code draws 1 pictures",
        "line 18: this code draws 0 pictures",
        "line 24: a warning or progress bar",
        "line 42: in the learner variant this check must print a line that starts with 'Not yet: '",
    ):
        assert part in message
    assert len(re.findall(r"line \d+: ", message)) == 5, message
    assert not list(tmp_path.glob("notebooks/*")), "nothing is written when something is wrong"

    lesson(exercise("print('Not yet: never')"))
    assert build.main([], tmp_path) == 1
    message = capsys.readouterr().err
    assert "in the solved variant this check must print a line that starts with '✔ '" in message
    assert "with the solution in place this still says:\nNot yet: never" in message


def test_failing_cell_is_named_by_episode_line_and_error(lesson, tmp_path, capsys):
    lesson("Text.\n" + fence("1 / 0"))
    assert build.main([], tmp_path) == 1
    assert (
        capsys.readouterr().err == "episodes/try.md: line 6: this code fails with ZeroDivisionError: division by zero\n"
    )


def test_code_runs_in_notebooks(lesson):
    build.run(
        lesson(fence("import os\nprint(os.path.basename(os.getcwd()))") + fence("notebooks", "output")), "learner"
    )


def test_outputs_hold_nothing_that_changes_from_run_to_run(lesson):
    slowly = "import time\nfor word in ('one', 'two'):\n    print(word, flush=True)\n    time.sleep(0.5)"
    widget = "import ipywidgets\nipywidgets.IntText(5)"
    result, _, _ = build.run(lesson(fence(slowly) + fence(widget) + fence("IntText(value=5)", "output")), "learner")
    assert [output.text for output in result.cells[2].outputs] == ["one\ntwo\n"]
    assert result.cells[3].outputs[0].data == {"text/plain": "IntText(value=5)"}, "the widget's id is new each time"
    assert "widgets" not in result.metadata
    assert [cell.metadata for cell in result.cells[2:]] == [{}, {}], "no times of execution"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the most memory that a process has had")
def test_memory_is_the_most_that_the_notebook_had(lesson):
    megabytes = build.run(lesson(fence("x = b'x' * 400_000_000\ndel x")), "learner")[2]
    assert 400 < megabytes < 800


def test_notebook_on_a_python_without_the_package_says_what_to_do():
    code = re.sub(r"^    [!%].*", "    pass", build.SET_UP, flags=re.MULTILINE)  # what only IPython understands
    hidden = "import sys\nsys.modules['safeshare'] = None\n" + code
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Not ready: safeshare is missing; open the lesson") and done.stdout.count("\n") == 1


# --- The real lesson ---


def test_every_notebook_has_an_episode():
    assert sorted(p.stem for p in build.ROOT.glob("notebooks/*.ipynb")) == sorted(build.listed(build.ROOT))


def test_figures_have_names_of_their_own():
    names = [
        cell.code.figure.source
        for name in build.listed(build.ROOT)
        for cell in build.cells(build.ROOT / "episodes" / f"{name}.md", "solved")
        if cell.code and cell.code.figure
    ]
    assert len(names) == len(set(names))


def test_stored_notebook_is_in_step(episode):
    build.check(episode)


def test_stored_notebook_is_run_and_tells_no_path(episode):
    stored = build.ROOT / "notebooks" / f"{episode.stem}.ipynb"
    code = [cell for cell in nbformat.read(stored, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "nbval compares no cell without"
    assert not [output for cell in code for output in cell.outputs if output.output_type == "error"]
    text = stored.read_text(encoding="utf-8")
    assert str(build.ROOT) not in text and "/site-packages/" not in text and "/home/" not in text


def test_unsolved_exercise_is_not_accepted(episode):
    stored = nbformat.read(build.ROOT / "notebooks" / f"{episode.stem}.ipynb", as_version=4)
    for cell in stored.cells:
        if "check" in cell.metadata.get("tags", []):
            assert "Not yet: " in build.printed(cell), cell.source
