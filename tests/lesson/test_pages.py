"""The pages fit together: objectives and exercises, questions and key points, minutes and schedules, notes and code.

Each rule is a function from pages to the problems that they have, a sentence for each.
"""

import re
from collections.abc import Iterator, Sequence

import build
import matplotlib
import matplotlib.pyplot as plt
import pytest
import yaml
from test_workbench import Page, pages

import write_reference
from safeshare import quiz


def real(name: str) -> Page:
    return Page(build.ROOT / name)


def episodes() -> list[Page]:
    return [real(f"episodes/{name}.md") for name in build.listed(build.ROOT)]


def with_div(page: Page) -> Iterator[tuple[int, str, list[str]]]:
    """Yield line, text and the names of the open divs of each line that is no fence of a div."""
    divs, open_divs = dict(page.divs()), []
    for number, line in page.prose:
        if number not in divs:
            yield number, line, open_divs
        elif divs[number]:
            open_divs = [*open_divs, divs[number]]
        else:
            open_divs = open_divs[:-1]


def items(page: Page, div: str) -> list[str]:
    """Return the items of the list in a div."""
    return [line[2:] for _, line, inside in with_div(page) if inside == [div] and line.startswith("- ")]


def exercises(page: Page) -> dict[str, int]:
    """Return the minutes of each exercise by its title; -1 where they are missing."""
    found = {}
    for _, line, inside in with_div(page):
        if inside in (["challenge"], ["discussion"]) and line.startswith("#"):
            title = re.fullmatch(r"#+ (.*?)(?: \((\d+) minutes\))?( ★)?", line)
            if not title[1].startswith("Quiz: "):  # for those who study alone, in their own time
                found[title[1] + (title[3] or "")] = int(title[2] or -1)
    return found


# --- Objectives are practised, questions are answered, minutes add up ---


def tables(page: Page) -> dict[str, list[list[str]]]:
    """Return the rows of the tables in each section, without their first line, by the section's heading."""
    found: dict[str, list[list[str]]] = {}
    heading, before = "", ""
    for _, line in page.prose:
        if line.startswith("#"):
            heading = line.lstrip("# ")
        if line.startswith("|") and before.startswith("|") and not set(line) <= set("|-: "):
            found.setdefault(heading, []).append([cell.strip() for cell in line.strip("| ").split(" | ")])
        before = line
    return found


def aims_are_met(pages: Sequence[Page], met: Page) -> Iterator[str]:
    """Each objective has an exercise and each question a key point in the tables of the page ``met``."""
    for page in pages:
        rows = dict(tables(met).get(page.front["title"], []))
        wanted = [*items(page, "objectives"), *items(page, "questions")]
        titles = [title.removesuffix(" ★") for title in exercises(page)]
        for aim in wanted:
            if aim not in rows:
                yield f"{page.path.name}: say in {met.path.name} what meets: {aim}"
        for aim in set(rows) - set(wanted):
            yield f"{met.path.name}: {page.path.name} has no objective or question: {aim}"
        for aim, by in rows.items():
            numbers = [str(number) for number in range(1, len(items(page, "keypoints")) + 1)]
            there = numbers if aim in items(page, "questions") else titles
            for name in by.split("; "):
                if name not in there:
                    yield f"{met.path.name}: {page.path.name} has nothing named {name!r}"


def minutes_add_up(page: Page) -> Iterator[str]:
    minutes = exercises(page)
    for title in (title for title, number in minutes.items() if number < 0):
        yield f"say how long the exercise {title!r} takes: (5 minutes)"
    if page.front.get("exercises") != sum(minutes.values()):
        yield f"the exercises take {sum(minutes.values())} minutes, and the front matter says {page.front['exercises']}"
    path = re.search(r"(\d+) to practise", "\n".join(line for _, line in page.prose))
    short = sum(number for title, number in minutes.items() if title.endswith("★"))
    if path and int(path[1]) != short:
        yield f"the exercises with a ★ take {short} minutes, and the 40-minute path says {path[1]}"


def sums_are_right(page: Page) -> Iterator[str]:
    """The last row of each table of minutes is the sum of the others."""
    rows = [re.match(r"\| (\d+) \| (.*)", line) for _, line in page.prose]
    total = 0
    for row in filter(None, rows):
        if not re.match("in all|on the .* day", row[2]):
            total += int(row[1])
        elif total != int(row[1]):
            yield f"the minutes add up to {total}, not {row[1]}"
            total = 0
        else:
            total = 0
    if total:
        yield "a table of minutes has no sum"


# --- The real pages ---


def test_aims_are_met():
    assert not list(aims_are_met(episodes(), real("instructors/objectives.md")))


def test_sums_are_right():
    assert not list(sums_are_right(real("instructors/schedule.md")))


def test_minutes_add_up(episode):
    assert not list(minutes_add_up(Page(episode)))


def test_episode_asks_three_questions_before_its_key_points(episode):
    asked = quiz.read(episode)
    assert len(asked) == 3 and all(len(question.options) >= 3 for question in asked)
    right = [[option.answer.startswith(quiz.RIGHT) for option in question.options].index(True) for question in asked]
    assert len(set(right)) > 1, "the right answer is not always in the same place"
    page = Page(episode)
    divs = [name for _, name in page.divs() if name]
    assert divs[-7:] == ["challenge", "solution"] * 3 + ["keypoints"]


def test_live_notebook_leaves_only_exercises_to_run(episode):
    made = build.notebook(episode.stem, build.cells(episode, "live"))
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    assert all(bool(cell.source) == bool(cell.metadata.get("tags")) for cell in code)
    assert not all(cell.source for cell in code), "there are cells to type into"


def test_opening_turns_slices_into_a_face(monkeypatch):
    """The cell in the instructor notes runs, and shows more and more of the face."""
    notes = (build.ROOT / "instructors" / "instructor-notes.md").read_text(encoding="utf-8")
    (cell,) = re.findall(r"```python\n(.*?)```", notes, re.DOTALL)
    matplotlib.use("agg")
    bright = []

    def look():
        face = plt.gcf().axes[1].images[0].get_array()
        bright.append((face > 0).mean())
        plt.close()

    monkeypatch.setattr(plt, "show", look)
    names: dict = {}
    exec(cell, names)
    for slices in (60, 110, 160):
        names["stack"](slices)
    assert len(bright) > 3, "the slider drew the first slice by itself"
    assert bright[0] < 0.02 and sorted(bright) == bright and bright[-1] > 0.4


def test_package_pages_say_what_the_docstrings_say():
    """Run python helpers/write_reference.py, and commit what it writes."""
    for page in write_reference.pages():
        text = page.read_text(encoding="utf-8")
        assert write_reference.filled(text) == text, page.name


def test_package_pages_hold_every_verb():
    described = [
        entry.groups()
        for page in write_reference.pages()
        for entry in write_reference.ENTRY.finditer(page.read_text("utf-8"))
    ]
    kinds = ("metadata", "faces", "text", "objects", "combinations")
    wanted = {(kind, verb) for kind in kinds for verb in ("show", "find", "strip")}
    assert wanted | {("study", verb) for verb in ("audit", "strip", "export")} <= set(described)
    assert len(described) == len(set(described))


def test_names_of_pages_are_unique():
    """On the site all pages lie in one folder, beside those that the Workbench makes itself."""
    made = [
        "404",
        "aio",
        "citation",
        "code_of_conduct",
        "glossary",
        "images",
        "index",
        "key-points",
        "license",
        "profiles",
    ]
    names = [path.stem.lower() for path in pages()] + made
    assert sorted(names) == sorted(set(names))


def test_pages_name_one_repository():
    """The lesson may be published under another address: then all of these have to change."""
    source = yaml.safe_load((build.ROOT / "config.yaml").read_text(encoding="utf-8"))["source"]
    owner = source.removeprefix("https://github.com/").partition("/")[0]
    for path in [build.ROOT / "index.md", *pages()]:
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"(?:github\.com|mybinder\.org/v2/gh)/([\w-]+)/lesson\b", text)) <= {owner}, path.name


@pytest.mark.parametrize("name", ["docker_build_deploy", "docker_pr_receive"])
def test_workflow_builds_with_the_workbench(name):
    text = (build.ROOT / ".github" / "workflows" / f"{name}.yaml").read_text(encoding="utf-8")
    (job,) = yaml.safe_load(text)["jobs"].values()
    assert job["container"]["image"].startswith("carpentries/workbench-docker:")
    assert any("sandpaper" in step.get("run", "") for step in job["steps"])


# --- Every rule finds what it is for, and lets pass what is right ---

EPISODE = """---
title: Good
teaching: 5
exercises: 7
---

::: questions

- Who is it?

:::

::: objectives

- Say who it is.

:::

Exercises with a ★: 5 minutes to read, 4 to practise.

::: challenge

### Look (4 minutes) ★

Look.

:::

::: challenge

### Talk (3 minutes)

Talk.

:::

::: keypoints

- It is her.

:::
"""

MET = """---
title: Met
---

## Good

| objective | practised in |
|---|---|
| Say who it is. | Look; Talk |

| question | answered by key point |
|---|---|
| Who is it? | 1 |

## Not there yet

| objective | practised in |
|---|---|
| Fly. | Flap |
"""

SUMS = """---
title: Sums
---

| minutes | what |
|---|---|
| 5 | Talk |
| 7 | Look |
| 12 | in all |
"""


@pytest.mark.parametrize(
    ("rule", "page", "old", "new"),
    [
        ("aims", "met", "", ""),
        ("aims", "met", "| Say who it is. | Look; Talk |\n", ""),
        ("aims", "met", "Look; Talk", "Look; Listen"),
        ("aims", "met", "| 1 |", "| 2 |"),
        ("aims", "met", "| Who is it? | 1 |\n", ""),
        ("aims", "met", "## Good", "## Bad"),
        ("aims", "episode", "- Say who it is.", "- Say who it is.\n- Say why."),
        ("aims", "episode", "- Who is it?", "- Who was it?"),
        ("aims", "episode", "### Talk (3", "### Speak (3"),
        ("minutes", "episode", "", ""),
        ("minutes", "episode", "exercises: 7", "exercises: 8"),
        ("minutes", "episode", " (3 minutes)", ""),
        ("minutes", "episode", "4 to practise", "5 to practise"),
        ("minutes", "episode", "(3 minutes)", "(3 minutes) ★"),
        ("sums", "sums", "", ""),
        ("sums", "sums", "| 12 |", "| 13 |"),
        ("sums", "sums", "| 12 | in all |\n", ""),
    ],
)
def test_rule_finds_what_it_is_for(written, rule, page, old, new):
    made = written({"episode": EPISODE, "met": MET, "sums": SUMS}, page, old, new)
    rules = {
        "aims": lambda: aims_are_met([made["episode"]], made["met"]),
        "minutes": lambda: minutes_add_up(made["episode"]),
        "sums": lambda: sums_are_right(made["sums"]),
    }
    problems = list(rules[rule]())
    assert bool(problems) == bool(old), problems
