"""The pages follow the rules of the Carpentries Workbench, and this lesson's own for screen readers and reviewers.

Each rule is a function from a page to the problems it has, a sentence for each. The Workbench's own checks are those of
its R package pegboard (https://carpentries.github.io/pegboard/), which this lesson's learners need not install.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import build
import pytest
import yaml

FOLDERS = ("episodes", "instructors", "learners", "profiles")
DIVS = (
    "callout caution challenge checklist discussion group-tab hint instructor keypoints objectives prereq questions "
    "solution spoiler tab testimonial"
).split()
VAGUE = {"", "a link", "click here", "here", "learn more", "link", "more", "read more", "see here", "this", "this link"}
NO_PAGES = ("README.md", "CONTRIBUTING.md")  # GitHub shows these two, and the Workbench makes no page of them
# A point after these ends no sentence.
ABBREVIATIONS = r"\b(?:al|Art|approx|ca|cf|Dr|e\.g|ed|Eq|etc|Fig|Figs|i\.e|Mr|Mrs|Ms|No|p|pp|Prof|Sec|St|vs|[A-Z])\.$"


@dataclass
class Page:
    path: Path
    front: dict = field(default_factory=dict)
    prose: list[tuple[int, str]] = field(default_factory=list)  # line number and text; lines of fences are left empty

    def __post_init__(self) -> None:
        lines = self.path.read_text(encoding="utf-8").splitlines()
        start = 0
        if lines and lines[0] == "---":
            start = lines.index("---", 1) + 1
            self.front = yaml.safe_load("\n".join(lines[1 : start - 1])) or {}
        ticks = ""
        for number, line in enumerate(lines[start:], start + 1):
            mark = re.match(r"\s*(`{3,}|~{3,})", line)
            inside = bool(ticks)
            if ticks and mark and mark[1].startswith(ticks) and line.strip() == mark[1]:
                ticks = ""
            elif mark and not ticks:
                ticks, inside = mark[1], True
            self.prose.append((number, "" if inside else re.sub(r"<!--.*?-->", "", line)))

    @property
    def is_episode(self) -> bool:
        return self.path.parent.name == "episodes"

    @property
    def root(self) -> Path:
        return self.path.parents[1] if self.path.parent.name in FOLDERS else self.path.parent

    def links(self) -> Iterator[tuple[int, str, str]]:
        """Yield line, text and target of each link that is no image."""
        for number, line in self.prose:
            for link in re.finditer(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)[^)]*\)", without_code(line)):
                yield number, link[1], link[2]

    def images(self) -> Iterator[tuple[int, str, str]]:
        """Yield line, file and alt text of each image; without {alt=...} the alt text is empty."""
        for number, line in self.prose:
            for image in re.finditer(r"!\[[^\]]*\]\(([^)\s]+)[^)]*\)(\{.*?\})?", without_code(line)):
                alt = re.search(r"alt=(['\"])(.*)\1", image[2] or "")
                yield number, image[1], alt[2] if alt else ""

    def divs(self) -> Iterator[tuple[int, str]]:
        """Yield line and name of each fence of a div; the name of one that closes is empty."""
        for number, line in self.prose:
            if line.startswith(":::"):
                div = build.DIV.fullmatch(line)
                yield number, div["name"] if div else line

    def headings(self) -> Iterator[tuple[int, int, str]]:
        """Yield line, level and text."""
        for number, line in self.prose:
            if heading := re.match(r"(#+)(?:\s+|$)(.*?)\s*$", line):
                yield number, len(heading[1]), heading[2]


def without_code(line: str) -> str:
    return re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "`code`", line)


def slug(heading: str) -> str:
    """Return the identifier that pandoc gives a heading (https://pandoc.org/MANUAL.html#extension-auto_identifiers)."""
    return re.sub(r"^[^a-z]+", "", re.sub(r"\s+", "-", re.sub(r"[^\w\s.-]", "", heading.lower())))


# --- The rules ---


def front_matter(page: Page) -> Iterator[str]:
    if not isinstance(page.front.get("title"), str):
        yield "line 1: the front matter needs a title"
    for key in ("teaching", "exercises") if page.is_episode else ():
        if type(page.front.get(key)) is not int or page.front[key] < 0:
            yield f"line 1: {key} must be a number of minutes"


def divs_known_and_balanced(page: Page) -> Iterator[str]:
    open_divs: list[tuple[int, str]] = []
    for number, name in page.divs():
        if name and name not in DIVS:
            yield f"line {number}: the Workbench knows no div {name!r}"
        if name in ("hint", "solution") and "challenge" not in [name for _, name in open_divs]:
            yield f"line {number}: a {name} belongs in a challenge"
        if name:
            open_divs.append((number, name))
        elif open_divs:
            open_divs.pop()
        else:
            yield f"line {number}: no div is open here"
    for number, name in open_divs:
        yield f"line {number}: the div {name!r} is never closed"


def divs_have_blank_lines_around(page: Page) -> Iterator[str]:
    raw = ["", *page.path.read_text(encoding="utf-8").splitlines(), ""]
    for number, _ in page.divs():
        if raw[number - 1].strip(" -") or raw[number + 1].strip():
            yield f"line {number}: leave a blank line on each side of :::"


def questions_first_keypoints_last(page: Page) -> Iterator[str]:
    if not page.is_episode:
        return
    divs, depth, top = dict(page.divs()), 0, []  # top: the names of the outermost divs, and "" for text between them
    for number, line in page.prose:
        if not depth and line.strip() and top[-1:] != [divs.get(number, "")]:
            top.append(divs.get(number, ""))
        if number in divs:
            depth += 1 if divs[number] else -1
    if sorted(top[:2]) != ["objectives", "questions"]:
        yield "line 1: an episode begins with its questions and objectives"
    if top[-1:] != ["keypoints"]:
        yield f"line {page.prose[-1][0]}: an episode ends with its keypoints"


def lists_are_filled(page: Page) -> Iterator[str]:
    divs, name, items = dict(page.divs()), "", 0
    for number, line in page.prose if page.is_episode else ():
        if name and line.startswith("- "):
            items += 1
            if name == "questions" and not line.rstrip().endswith("?"):
                yield f"line {number}: a question ends with a question mark"
        elif number in divs:
            if name and not items:
                yield f"line {number}: the {name} are a list with a line for each: - ..."
            name, items = divs[number] if divs[number] in ("questions", "objectives", "keypoints") else "", 0
        elif name and line.strip():
            yield f"line {number}: the {name} are a list, and nothing else"


def exercises_have_titles(page: Page) -> Iterator[str]:
    divs, lines = dict(page.divs()), [(number, line) for number, line in page.prose if line.strip()]
    for (number, _), (_, following) in zip(lines, lines[1:], strict=False):
        if divs.get(number) in ("challenge", "discussion") and not following.startswith("#"):
            yield f"line {number}: an exercise begins with its title, a heading"


def headings_fit(page: Page) -> Iterator[str]:
    before, seen, parents = 1, set(), [""] * 7
    for number, level, text in page.headings():
        if level < 2:
            yield f"line {number}: the title is level 1, so headings start with ##"
        elif level > before + 1:
            yield f"line {number}: this heading skips a level"
        if not text:
            yield f"line {number}: this heading is empty"
        if re.search("[%<]", without_code(text)):
            yield f"line {number}: the Workbench puts headings into templates, which % and < break"
        parents[level:] = [text] + [""] * (6 - level)
        if (key := tuple(parents)) in seen:
            yield f"line {number}: a second heading {text!r} in this section"
        seen.add(key)
        before = level


def links_say_where_they_go(page: Page) -> Iterator[str]:
    for number, text, target in page.links():
        if text.strip(" .*_").lower() in VAGUE or text.startswith("http") or len(text) < 2:
            yield f"line {number}: say where the link to {target} goes, instead of {text!r}"
    for number, line in page.prose:
        if re.search(r"(?<!\]\()(?<!=[\"'])https?://", re.sub(r"\{.*?\}", "", without_code(line))):
            yield f"line {number}: a bare address; write [text](address)"


def links_are_https(page: Page) -> Iterator[str]:
    for number, line in page.prose:
        if re.search(r"http://", without_code(line)):
            yield f"line {number}: write https instead of http"


def links_work_in_a_notebook(page: Page) -> Iterator[str]:
    for number, line in page.prose if page.is_episode else ():
        if re.match(r"\[[^\]]+\]:\s", line) or "](#" in without_code(line):
            yield f"line {number}: write [text](address): other links find no target in a notebook's separate cells"


def internal_targets_exist(page: Page) -> Iterator[str]:
    for number, _, target in page.links():
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (page.path.parent / file).resolve() if file else page.path
        copied = path.suffix == ".md" or any(
            path.is_relative_to(page.root / "episodes" / f) for f in ("data", "fig", "files")
        )
        if not path.exists():
            yield f"line {number}: {file} does not exist"
        elif not copied and page.path.name not in NO_PAGES:
            yield f"line {number}: {file} is not copied to the site; link it by the repository's address"
        elif anchor and path.suffix == ".md":
            other = Page(path)
            named = re.findall(r"\{#([\w-]+)", path.read_text(encoding="utf-8"))
            if anchor not in [*named, *(slug(text) for _, _, text in other.headings())]:
                yield f"line {number}: {file or 'this page'} has no section {anchor!r}"


def images_exist_and_are_described(page: Page) -> Iterator[str]:
    for number, file, alt in page.images():
        if len(alt.split()) < 10:
            yield f"line {number}: {file} needs an alt text of at least ten words: ![caption]({file}){{alt='...'}}"
        if not (page.path.parent / file).is_file():
            yield f"line {number}: {file} does not exist"


def no_raw_html(page: Page) -> Iterator[str]:
    for number, line in page.prose:
        if tag := re.search(r"</?(?:div|img|span|p|table|details)\b", without_code(line), re.IGNORECASE):
            yield f"line {number}: write Markdown instead of {tag[0]}>"


def one_sentence_a_line(page: Page) -> Iterator[str]:
    for number, line in page.prose:
        if line.startswith(("#", "|")) or "![" in line:
            continue
        text = re.sub(r"\]\([^)]*\)", "]", without_code(line))
        text = re.sub(r"^\s*(?:[-*+>:]|\d+\.)\s+", "", text)
        for end in re.finditer(r"[.!?…][)\]\"'*_”’]*(?=\s+[\[(\"'*_“‘]*[A-Z])", text):
            if not re.search(ABBREVIATIONS, text[: end.end()]):
                yield f"line {number}: after {text[: end.end()][-20:]!r} a new sentence begins; give it its own line"


RULES = [
    front_matter,
    divs_known_and_balanced,
    divs_have_blank_lines_around,
    questions_first_keypoints_last,
    lists_are_filled,
    exercises_have_titles,
    headings_fit,
    links_say_where_they_go,
    links_are_https,
    links_work_in_a_notebook,
    internal_targets_exist,
    images_exist_and_are_described,
    no_raw_html,
    one_sentence_a_line,
]

# --- The real pages ---


def pages() -> list[Path]:
    """Return the pages in the folders of the Workbench."""
    episodes = [build.ROOT / "episodes" / f"{name}.md" for name in build.listed(build.ROOT)]
    others = [path for folder in FOLDERS[1:] for path in sorted((build.ROOT / folder).glob("*.md"))]
    return episodes + others


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.stem)
def test_page_follows_every_rule(path):
    page = Page(path)
    assert not [f"{rule.__name__}: {problem}" for rule in RULES for problem in rule(page)]


@pytest.mark.parametrize("path", sorted(build.ROOT.glob("*.md")), ids=lambda path: path.stem)
def test_links_of_root_documents_follow_the_rules(path):
    page = Page(path)
    rules = (links_say_where_they_go, links_are_https, internal_targets_exist)
    assert not [f"{rule.__name__}: {problem}" for rule in rules for problem in rule(page)]


def test_home_page_follows_every_rule():
    page = Page(build.ROOT / "index.md")
    assert page.front.get("site") == "sandpaper::sandpaper_site"
    assert not [f"{rule.__name__}: {problem}" for rule in RULES[1:] for problem in rule(page)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_has_a_page_and_config_lists_it(folder):
    config = yaml.safe_load((build.ROOT / "config.yaml").read_text(encoding="utf-8"))
    there = {path.name for path in (build.ROOT / folder).glob("*.md")}
    assert there
    assert set(config.get(folder) or []) == there


def test_config_says_what_the_workbench_asks():
    config = yaml.safe_load((build.ROOT / "config.yaml").read_text(encoding="utf-8"))
    for key in "carpentry title created keywords life_cycle license source branch contact".split():
        assert config.get(key), f"config.yaml needs {key}"


# --- Every rule finds what it is for, and lets pass what is right ---

GOOD = """---
title: Good
teaching: 10
exercises: 5
---

::: questions

- Who is it?

:::

::: objectives

- Say who it is.

:::

## One

Dr. Ada Byron et al. wrote it, see Art. 4 and e.g. [the other page](other.md#a-part).
J. B. Smith asks: "Why?"
Say `a. B` and, i.e. The end.

```python
x = "A sentence. Another one in http://example.org <div>"
```

### Part

![A caption. It may have two sentences.](fig/head.png){alt='A grey head, seen from the left, with an ear and a nose.'}

1. See [PS3.15](https://dicom.nema.org/x).

:::::: challenge

### A task

Do it.

::: hint

### Help with it

Try.

:::

::::::

## Two

### Part

::: keypoints

- It is her.

:::
"""


@pytest.fixture
def page(tmp_path):
    """Return a function that writes a page to a small lesson and reads it."""
    (tmp_path / "episodes" / "fig").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.dcm").touch()
    (tmp_path / "episodes" / "fig" / "head.png").touch()
    (tmp_path / "episodes" / "other.md").write_text("---\ntitle: Other\n---\n\n## A part\n", encoding="utf-8")

    def write(text):
        path = tmp_path / "episodes" / "page.md"
        path.write_text(text, encoding="utf-8")
        return Page(path)

    return write


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_good_page_passes(page, rule):
    assert list(rule(page(GOOD))) == []


HEAD = "fig/head.png"
TEN = "one two three four five six seven eight nine ten"


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        (front_matter, "title: Good", "name: Good"),
        (front_matter, "teaching: 10", "teaching: ten"),
        (front_matter, "exercises: 5\n", ""),
        (divs_known_and_balanced, "::: hint", "::: help"),
        (divs_known_and_balanced, "::::::\n\n## Two", "## Two"),
        (divs_known_and_balanced, "## Two", ":::\n\n## Two"),
        (divs_known_and_balanced, "## Two", "::: solution\n\nYes.\n\n:::\n\n## Two"),
        (divs_known_and_balanced, "::: hint", "::: {#id .hint}"),
        (divs_have_blank_lines_around, "Try.\n\n:::", "Try.\n:::"),
        (divs_have_blank_lines_around, "::: hint\n\n", "::: hint\n"),
        (questions_first_keypoints_last, "::: questions", "Hello.\n\n::: questions"),
        (questions_first_keypoints_last, "::: questions", "::: callout"),
        (questions_first_keypoints_last, "- It is her.\n\n:::\n", "- It is her.\n\n:::\n\nMore.\n"),
        (questions_first_keypoints_last, "::: keypoints", "::: callout"),
        (lists_are_filled, "- Who is it?", "- Who it is."),
        (lists_are_filled, "- Who is it?\n\n", ""),
        (lists_are_filled, "- Say who it is.", "Say who it is."),
        (lists_are_filled, "- It is her.\n", "- It is her.\n\nAnd more.\n"),
        (exercises_have_titles, "### A task\n\n", ""),
        (headings_fit, "## One", "# One"),
        (headings_fit, "## One", "### One"),
        (headings_fit, "### Part", "#### Part"),
        (headings_fit, "## Two", "## One"),
        (headings_fit, "### A task", "### Part"),
        (headings_fit, "### A task", "###"),
        (headings_fit, "### A task", "### All of it, 100 %"),
        (links_say_where_they_go, "[the other page]", "[here]"),
        (links_say_where_they_go, "[the other page]", "[This link]"),
        (links_say_where_they_go, "[the other page]", "[1]"),
        (links_say_where_they_go, "[PS3.15](https://dicom.nema.org/x)", "https://dicom.nema.org/x"),
        (links_say_where_they_go, "[PS3.15](https://dicom.nema.org/x)", "<https://dicom.nema.org/x>"),
        (links_are_https, "(https://dicom", "(http://dicom"),
        (links_work_in_a_notebook, "## Two", "## Two\n\n[PS3.15]: https://dicom.nema.org"),
        (links_work_in_a_notebook, "other.md#a-part", "#part"),
        (internal_targets_exist, "other.md#a-part", "another.md"),
        (internal_targets_exist, "other.md#a-part", "other.md#b-part"),
        (internal_targets_exist, "other.md#a-part", "#three"),
        (internal_targets_exist, "other.md#a-part", "../data/a.dcm"),
        (images_exist_and_are_described, "with an ear and a nose.", ""),
        (images_exist_and_are_described, "alt=", "title="),
        (images_exist_and_are_described, f"({HEAD})", "(fig/tail.png)"),
        (no_raw_html, "Do it.", "<div class='x'>Do it.</div>"),
        (no_raw_html, "Do it.", f"<img src='{HEAD}' alt='{TEN}'>"),
        (one_sentence_a_line, "Do it.", "Do it. Then rest."),
        (one_sentence_a_line, "Do it.", "Do (all of it.) Then rest."),
        (one_sentence_a_line, "Do it.", "Is it done? [PS3.15](https://dicom.nema.org/x) says so."),
        (one_sentence_a_line, "- It is her.", "- It is **her.** *She* did it."),
    ],
)
def test_rule_finds_what_it_is_for(page, rule, old, new):
    assert GOOD.count(old) >= 1
    assert len(list(rule(page(GOOD.replace(old, new, 1))))) >= 1
