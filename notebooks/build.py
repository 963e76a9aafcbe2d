"""Make the notebooks from the episodes: one source for the web page and for JupyterLab.

    python notebooks/build.py [EPISODE ...]   make and run notebooks/EPISODE.ipynb; no name: all that config.yaml lists
    python notebooks/build.py --check         only say whether the notebooks are in step with the episodes
    python notebooks/build.py --live DIR      the live-coding variant: headings, challenges, empty cells
    python notebooks/build.py --solved DIR    the variant in which every exercise is solved, run
    (a DIR beside notebooks/ keeps the paths to data and pictures right)

An episode is Carpentries Workbench Markdown. This is what becomes of it:

* Prose and all fences but `python` and `output` become Markdown cells, a new one at each heading.
* A `python` fence becomes a code cell. An `output` fence right after it must hold what the cell prints.
* An image right after them, alone on its line, is the cell's figure: the cell draws it, and the build writes it to the
  named file for the web page. Caption and alt text follow it as text, since JupyterLab gives a drawn picture no alt
  text. Any other image is a file that exists already.
* A div becomes one box, in which code is shown and not run. `hint`, `solution` and `spoiler` are folded, `instructor`
  stays out.
* A `challenge` gives a box with its text up to its code, then cells. Its first python fence outside hint and solution
  is the learner's starter code, its second one the self-check; both must run as they stand. Where only the solution has
  code, the learner's cell says "# Your answer". In the solved variant the solution's code replaces the starter.
* A check prints lines "Not yet: what is still wrong" until all is well, and then a line that starts with "✔ ".
* Challenges with a title that begins with "Quiz: " become one cell, in the place of the first, that asks them all.
* Before everything, a cell sees whether the notebook can run.
"""

import argparse
import base64
import difflib
import html
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

import nbformat
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[1]
FOLDED = {"hint", "solution", "spoiler"}
TITLES = {"callout": "Note", "keypoints": "Key points", "prereq": "Prerequisites", "spoiler": "More"}
# Of the edge alone: the text of JupyterLab's own boxes, "alert", is too pale to read in orange and in the dark theme.
COLOURS = {"caution": "#c06a00", "challenge": "#2e8b57", "keypoints": "#2e8b57", "prereq": "#c06a00"}
BOX = '<div style="border: 1px solid {0}; border-left-width: 8px; padding: 8px 16px">'

# Colab opens a notebook without what lies beside it. Its own packages stay as they are, and so "lesson" is not named.
SET_UP = """\
# Run this cell first. It sees whether everything is there; on Google Colab it fetches the lesson, in about a minute.
import os
import sys

if "google.colab" in sys.modules and not os.path.isdir("../episodes"):
    !git clone --quiet --depth 1 https://github.com/medical-image-anonymization/lesson
    !pip install --quiet "./lesson[text,export]" anywidget
    %cd -q lesson/notebooks
try:
    from safeshare import ready
except ImportError:
    print("Not ready: safeshare is missing; open the lesson with `python3 start.py` in its folder, or on Binder.")
else:
    ready.check()"""
QUIZ = """\
from safeshare import quiz

quiz.show("{}")"""

FENCE = re.compile(r"(?P<indent>\s*)(?P<ticks>`{3,}|~{3,})\s*(?P<language>.*?)\s*")
DIV = re.compile(r":{3,}\s*(?:\{\.)?(?P<name>[\w-]*)[^{}]*\}?\s*:*\s*")
IMAGE = re.compile(r"!\[(.*?)\]\(([^)\s]+)\)\{[^}]*?alt=(?P<quote>['\"])(?P<alt>.*?)(?P=quote).*?\}")


class BuildError(Exception):
    """An episode cannot be made into a notebook; the message says where, why, and how to mend it."""


@dataclass
class Text:
    """Markdown as it stands, up to the next heading, python fence, picture or div."""

    text: str


@dataclass
class Image:
    """A picture alone on its line."""

    caption: str
    source: str
    alt: str


@dataclass
class Code:
    """A python fence, and what it must print and draw."""

    text: str
    line: int
    output: str | None = None
    figure: Image | None = None


@dataclass
class Div:
    """A pandoc div and what is in it."""

    name: str
    line: int
    children: list["Text | Image | Code | Div"] = field(default_factory=list)


@dataclass
class Cell:
    """A cell to be: Markdown where there is no code; `tag` is "set-up", "exercise", "check" or "quiz"."""

    source: str
    code: Code | None = None
    tag: str = ""


def read(path: Path) -> tuple[str, Div]:
    """Return an episode's title and its content as a tree; raise BuildError at a div or fence that does not fit."""
    text = path.read_text(encoding="utf-8")
    if not (parts := re.fullmatch(r"---\n(.*?\n)---\n(.*)", text, re.DOTALL)):
        raise BuildError("line 1: the front matter is missing; begin with its title between two lines of ---.")
    front, body = parts.groups()
    stack = [Div("episode", 1)]  # a stack, since pandoc closes the innermost div whatever the number of colons
    lines = enumerate(body.splitlines(), front.count("\n") + 3)
    for number, line in lines:
        here = stack[-1].children
        before = here[-1] if here else None
        if fence := FENCE.fullmatch(line):
            inside = list(fence_lines(lines, number, fence["ticks"]))
            if fence["language"] == "python" and not fence["indent"]:
                here.append(Code("\n".join(inside), number))
            elif fence["language"] != "output" or fence["indent"]:
                add_text(here, "\n".join([line, *inside, fence["indent"] + fence["ticks"]]))
            elif isinstance(before, Code) and before.output is None and before.figure is None:
                before.output = "\n".join(inside)
            else:
                raise BuildError(f"line {number}: an output fence must come right after its python fence.")
        elif div := DIV.fullmatch(line):
            if div["name"]:
                here.append(Div(div["name"], number))
                stack.append(here[-1])
            elif len(stack) > 1:
                stack.pop()
            else:
                raise BuildError(f"line {number}: this ::: closes a div, but none is open; take it away.")
        elif image := IMAGE.fullmatch(line.strip()):
            picture = Image(image[1], image[2], image["alt"])
            if isinstance(before, Code) and before.figure is None:
                before.figure = picture
            else:
                here.append(picture)
        else:
            add_text(here, prose(line), new=line.startswith("#"))
    if len(stack) > 1:
        raise BuildError(f"line {stack[-1].line}: this div is never closed; end it with a line of :::.")
    return yaml.safe_load(front)["title"], stack[0]


def fence_lines(lines: Iterator[tuple[int, str]], start: int, ticks: str) -> Iterator[str]:
    """Yield the lines up to the end of a fence; raise BuildError if there is none."""
    for _, line in lines:
        if line.strip().startswith(ticks) and set(line.strip()) == {ticks[0]}:
            return
        yield line
    raise BuildError(f"line {start}: this code fence is never closed; end it with a line of {ticks}.")


def add_text(here: list, text: str, new: bool = False) -> None:
    """Put the text in a new node, or at the end of the one before where that is text too."""
    if here and isinstance(here[-1], Text) and not new:
        here[-1].text += "\n" + text
    elif text.strip():
        here.append(Text(text))


def prose(line: str) -> str:
    """Return the line with its pictures and links as they are seen from notebooks/."""
    line = IMAGE.sub(lambda image: show(Image("", image[2], image["alt"])), line)
    line = re.sub(r"\]\(([\w-]+)\.md(#[^)]*)?\)", r"](\1.ipynb)", line)
    return re.sub(r"\]\((data|fig|files)/", r"](../episodes/\1/", line)


def show(node: Text | Image | Code | Div) -> str:
    """Return the Markdown that shows a node without running it."""
    match node:
        case Text():
            return re.sub(r"\A#+ +(.*)", r"**\1**", node.text).strip("\n")  # a heading in a box opens no section
        case Image():
            picture = f'<img src="../episodes/{node.source}" alt="{html.escape(node.alt)}">'
            return f"{picture}\n\n*{node.caption}*" if node.caption else picture
        case Code():
            output = f"```text\n{node.output}\n```" if node.output is not None else ""
            figure = show(node.figure) if node.figure else ""
            return "\n\n".join(filter(None, [f"```python\n{node.text}\n```", output, figure]))
        case Div():
            return "" if node.name == "instructor" else box(node.name, node.children)


def box(name: str, children: list) -> str:
    """Return a div as a box or, where the learner should think first, as one to unfold."""
    title = TITLES.get(name, name.capitalize())
    body = "\n\n".join(filter(None, map(show, children)))
    if children and isinstance(children[0], Text) and children[0].text.startswith("#"):
        heading, _, body = body.partition("\n")
        title += ": " + heading.strip("*")
    if name in FOLDED:
        summary = re.sub(r"`(.+?)`", r"<code>\1</code>", html.escape(title, quote=False))
        return f"<details>\n<summary>{summary}</summary>\n\n{body.strip()}\n\n</details>"
    edge = BOX.format(COLOURS.get(name, "#1a73e8"))
    return f"{edge}\n\n**{title}**\n\n{body.strip()}\n\n</div>"


def cells(path: Path, variant: str) -> list[Cell]:
    """Return the cells of the episode in the variant "learner", "live" or "solved"; raise BuildError as read does."""
    title, tree = read(path)
    first = [Cell(f"# {title}"), *code_cells(Code(SET_UP, 1), variant, "set-up")]
    return [*first, *flow(with_quiz(tree.children, path.stem), variant)]


def with_quiz(nodes: list, name: str) -> list:
    """Return the nodes with one that asks all questions of the quiz in the place of the first of them."""
    asked = [id(node) for node in nodes if isinstance(node, Div) and is_question(node)]
    kept = [node for node in nodes if id(node) not in asked[1:]]
    code = Code(QUIZ.format(name), 1)
    return [Div("quiz", node.line, [code]) if id(node) in asked else node for node in kept]


def is_question(div: Div) -> bool:
    """Tell whether a div is a question of the quiz."""
    title = div.children[0].text if div.children and isinstance(div.children[0], Text) else ""
    return div.name == "challenge" and re.match("#+ Quiz: ", title) is not None


def flow(nodes: list, variant: str) -> Iterator[Cell]:
    """Yield the cells of nodes that are in no box."""
    for node in nodes:
        match node:
            case Code():
                yield from code_cells(node, variant)
            case Div("challenge"):
                yield from challenge(node, variant)
            case Div("quiz"):
                yield from code_cells(node.children[0], variant, "quiz")
            case Text() if variant != "live":
                yield Cell(node.text.strip("\n"))
            case Text() if node.text.startswith("#"):
                yield Cell(node.text.split("\n")[0])
            case Image() | Div() if variant != "live" and (shown := show(node)):
                yield Cell(shown)


def code_cells(code: Code, variant: str, tag: str = "") -> Iterator[Cell]:
    """Yield a code cell, empty for live coding, and its figure in words."""
    yield Cell("" if variant == "live" and not tag else code.text, code, tag)
    if code.figure and variant != "live":
        caption = f"*{code.figure.caption}*\n\n" if code.figure.caption else ""
        yield Cell(f"{caption}The picture in words: {code.figure.alt}")


def challenge(div: Div, variant: str) -> Iterator[Cell]:
    """Yield the cells of an exercise: task, starter or solution, check, hint, solution to unfold."""
    codes = [node for node in div.children if isinstance(node, Code)]
    folded = [node for node in div.children if isinstance(node, Div) and node.name in FOLDED]
    solutions = [d for d in folded if d.name == "solution" and any(isinstance(n, Code) for n in d.children)]
    if len(codes) > 2:
        raise BuildError(f"line {codes[2].line}: a challenge has only starter code and a check; move this third fence.")

    told = [node for node in div.children if node not in folded]
    start = told.index(codes[0]) if codes else len(told)
    yield Cell(box("challenge", told[:start]))
    if variant == "solved" and solutions:
        for solution in solutions:
            yield from flow(solution.children, variant)
    elif codes or solutions:
        yield from code_cells(codes[0] if codes else Code("# Your answer", div.line), variant, "exercise")
    for node in told[start + 1 :]:
        if isinstance(node, Code):
            yield from code_cells(node, variant, "check")
        elif variant != "live":
            yield Cell(show(node))
    if variant != "live":
        yield from (Cell(show(node)) for node in folded if variant == "learner" or node not in solutions)


def notebook(name: str, made: list[Cell]) -> NotebookNode:
    """Return a notebook with these cells, not run yet; its ids come from the index, since random ones always differ."""
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    result = new_notebook(metadata={"kernelspec": kernel, "language_info": {"name": "python"}})
    for index, cell in enumerate(made):
        new = new_code_cell if cell.code else new_markdown_cell
        metadata = {"tags": [cell.tag]} if cell.tag else {}
        result.cells.append(new(cell.source, id=f"{name}-{index:03d}", metadata=metadata))
    return result


def run(path: Path, variant: str) -> tuple[NotebookNode, dict[str, bytes], float]:
    """Run an episode's notebook in notebooks/; return it, its figures as PNG by file name, and `memory`'s megabytes.

    Raises BuildError if a cell fails, or if it does not print or draw what the episode says.
    """
    root = path.parents[1]
    made = cells(path, variant)
    result = notebook(path.stem, made)
    client = NotebookClient(
        result,
        timeout=120,
        kernel_name="python3",
        extra_arguments=["--IPKernelApp.log_level=40"],  # errors only: it warns of each kernel that listens on TCP
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(root / "notebooks")}},
    )
    sanitizers = (root / "tests" / "sanitize.cfg").read_text(encoding="utf-8")
    figures: dict[str, bytes] = {}
    problems: list[str] = []
    with client.setup_kernel():
        for index, (cell, ran) in enumerate(zip(made, result.cells, strict=True)):
            if cell.code:
                line = f"line {cell.code.line}: "
                try:
                    client.execute_cell(ran, index)
                except CellExecutionError as error:
                    raise BuildError(f"{line}this code fails with {error.ename}: {error.evalue}") from error
                except (CellTimeoutError, DeadKernelError) as error:
                    raise BuildError(f"{line}this code does not end: {error}") from error
                pictures = tidy(ran)
                problems += [line + problem for problem in differences(cell, ran, len(pictures), variant, sanitizers)]
                if cell.code.figure and pictures:
                    figures[cell.code.figure.source] = pictures[0]
        most = memory(client.km.provisioner.pid)
    if problems:
        raise BuildError("\n".join(problems))
    return result, figures, most


def memory(process: int) -> float:
    """Return the most memory that a process has had, in megabytes; 0 where the system does not tell, as Linux does."""
    status = Path(f"/proc/{process}/status")
    most = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8")) if status.exists() else None
    return int(most[1]) / 1000 if most else 0.0


def tidy(ran: NotebookNode) -> list[bytes]:
    """Take out of the outputs what is new with every run; return the pictures in them."""
    for output in ran.outputs:
        # A live widget is nothing without its kernel; the text that comes with it stays, and is what GitHub shows.
        output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    return [base64.b64decode(output.data["image/png"]) for output in ran.outputs if drawn(output)]


def drawn(output: NotebookNode) -> bool:
    """Tell whether an output is a picture."""
    return "image/png" in output.get("data", {})


def printed(ran: NotebookNode) -> str:
    """Return what a cell printed and its result, as text."""
    parts = [o.text if o.output_type == "stream" else o.data.get("text/plain", "") for o in ran.outputs if not drawn(o)]
    return "\n".join(part.strip("\n") for part in parts)


def differences(cell: Cell, ran: NotebookNode, pictures: int, variant: str, sanitizers: str) -> Iterator[str]:
    """Yield where a cell did something else than the episode promises."""
    text = printed(ran)
    if any(output.get("name") == "stderr" for output in ran.outputs):
        yield f"a warning or progress bar is no output for a lesson; avoid it:\n{text}"
    if cell.code.output is not None:
        want, got = sanitized(cell.code.output, sanitizers), sanitized(text, sanitizers)
        if want != got:
            diff = "\n".join(difflib.unified_diff(want, got, "output fence", "printed", lineterm=""))
            yield f"this code does not print what its output fence says; mend either:\n{diff}"
    start = "✔ " if variant == "solved" else "Not yet: "
    if cell.tag == "check" and not re.search(f"^{start}", text, re.MULTILINE):
        yield f"in the {variant} variant this check must print a line that starts with {start!r}, not:\n{text}"
    if variant == "solved" and "Not yet" in text:
        yield f"with the solution in place this still says:\n{text}"
    if pictures != (1 if cell.code.figure else 0):
        yield f"this code draws {pictures} pictures; each needs a cell of its own and an image line right after it."


def sanitized(text: str, sanitizers: str) -> list[str]:
    """Return the lines of a text with all that may change replaced, as nbval does it with the same file."""
    for regex, replacement in re.findall(r"^regex: (.*)\n^replace: (.*)", sanitizers, re.MULTILINE):
        text = re.sub(regex, replacement, text)
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def build(path: Path) -> None:
    """Write an episode's notebook and figures, or raise BuildError and write nothing."""
    result, figures, _ = run(path, "learner")
    figures |= run(path, "solved")[1]
    for source, png in figures.items():
        (path.parent / source).parent.mkdir(exist_ok=True)
        (path.parent / source).write_bytes(png)
    write(result, path.parents[1] / "notebooks", path.stem)


def write(result: NotebookNode, folder: Path, name: str) -> None:
    """Write a notebook with the same bytes on every system."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.ipynb").write_text(nbformat.writes(result) + "\n", encoding="utf-8", newline="\n")


def check(path: Path) -> None:
    """Raise BuildError if the stored notebook is missing or is not the one that the episode makes."""
    stored = path.parents[1] / "notebooks" / f"{path.stem}.ipynb"
    made = notebook(path.stem, cells(path, "learner"))
    old = nbformat.read(stored, as_version=4) if stored.exists() else new_notebook()
    for cell in old.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    if made != old:
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(made.cells, old.cells, strict=False)))
        raise BuildError(f"the notebook differs from cell {same} on; run: python notebooks/build.py {path.stem}")


def listed(root: Path) -> list[str]:
    """Return the names of the episodes that config.yaml lists."""
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    return [Path(file).stem for file in config["episodes"]]


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Run the command; return 1, with a line for each episode that has a problem, or 0."""
    parser = argparse.ArgumentParser(description="Make the notebooks from the episodes.")
    parser.add_argument("episodes", nargs="*", help="names without .md; left out: all that config.yaml lists")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help="only compare the notebooks with the episodes")
    action.add_argument("--live", type=Path, metavar="DIR", help="write the live-coding variant to DIR")
    action.add_argument("--solved", type=Path, metavar="DIR", help="write the solved variant, run, to DIR")
    options = parser.parse_args(arguments)
    status = 0
    for name in options.episodes or listed(root):
        path = root / "episodes" / f"{name}.md"
        try:
            if not path.exists():
                raise BuildError("the episode is missing; write it, or take it out of config.yaml.")
            if options.check:
                check(path)
            elif options.live:
                write(notebook(name, cells(path, "live")), options.live, name)
            elif options.solved:
                write(run(path, "solved")[0], options.solved, name)
            else:
                build(path)
        except BuildError as error:
            print(f"episodes/{name}.md: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
