"""Multiple-choice questions: written in an episode, asked at the end of its notebook.

A question is a challenge of the episode, the title of which begins with "Quiz: ".  Its numbered list holds the options,
and the numbered list in its solution says something to each of them; to the right one it begins with "✔ ".  So the
website shows the question with folded answers, and the notebook asks it.
"""

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import data

if TYPE_CHECKING:
    from .quiz_widget import QuizWidget

TITLE = "Quiz: "
RIGHT = "✔ "
STATIC = "Widgets do not work here, so think of an answer first and unfold the answers then."

_QUESTION = re.compile(rf"^:::+ challenge\n+#+ {TITLE}(.+)\n((?:.*\n)*?):::+ solution\n((?:.*\n)*?):::+$", re.MULTILINE)
_ITEM = re.compile(r"^\d+\. +(.+(?:\n +.+)*)", re.MULTILINE)


@dataclass(frozen=True)
class Option:
    """Something to choose, and what is said to whoever chooses it; both as Markdown without blocks."""

    text: str
    answer: str


@dataclass(frozen=True)
class Question:
    """A question with its options, of which one is right: the one with an answer that begins with "✔ "."""

    title: str
    text: str
    options: list[Option]


def read(path: Path) -> list[Question]:
    """Return the questions of an episode.

    Raises:
        ValueError: a question has not the same number of options and answers, or not one right answer.
    """
    return [_question(path, *parts) for parts in _QUESTION.findall(path.read_text(encoding="utf-8"))]


def show(episode: str) -> "Quiz":
    """Ask the questions of an episode, such as "metadata", in a notebook.

    Raises:
        FileNotFoundError: the lesson is not here, or has no such episode.
        ValueError: as `read`.
    """
    path = data.folder().parent / "episodes" / f"{episode}.md"
    if not path.exists():
        raise FileNotFoundError(f"The lesson has no episode {episode!r}: give its name without .md, as in its address.")
    return Quiz(read(path))


class Quiz:
    """Questions that a notebook shows as a widget, other viewers with folded answers, and a terminal as text."""

    def __init__(self, questions: list[Question]) -> None:
        self.questions = questions

    def widget(self) -> "QuizWidget":
        """Return the widget for the browser; ImportError where anywidget is missing."""
        from .quiz_widget import QuizWidget

        return QuizWidget(
            questions=[
                {
                    "title": question.title,
                    "text": _html(question.text),
                    "options": [
                        {"text": _html(option.text), "answer": _html(option.answer)} for option in question.options
                    ],
                }
                for question in self.questions
            ]
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        bundle = {"text/plain": repr(self), "text/html": self._static()}
        try:
            shown = self.widget()._repr_mimebundle_()
            return {**(shown[0] if isinstance(shown, tuple) else shown or {}), **bundle}
        except ImportError:
            return bundle

    def _static(self) -> str:
        parts = [f"<p>{STATIC}</p>"]
        for question in self.questions:
            options, answers = zip(*map(lambda option: (option.text, option.answer), question.options), strict=True)
            parts += [f"<p><b>{_html(question.text)}</b></p>", _list(options)]
            parts += [f"<details><summary>Answers: {_html(question.title)}</summary>{_list(answers)}</details>"]
        return "\n".join(parts)

    def __repr__(self) -> str:
        lines = []
        for question in self.questions:
            lines += ["", question.text]
            lines += [f"{number}. {option.text}" for number, option in enumerate(question.options, 1)]
        return "\n".join(lines).strip()


def _question(path: Path, title: str, before: str, after: str) -> Question:
    texts, answers = _ITEM.findall(before), _ITEM.findall(after)
    if len(texts) != len(answers) or len(texts) < 2:
        raise ValueError(
            f"{path.name}, {TITLE}{title}: {len(texts)} options and {len(answers)} answers; number both from 1."
        )
    if sum(answer.startswith(RIGHT) for answer in answers) != 1:
        raise ValueError(f"{path.name}, {TITLE}{title}: begin the answer to the one right option with {RIGHT!r}.")
    text = before[: before.index("1. ")]
    return Question(title, _line(text), [Option(_line(a), _line(b)) for a, b in zip(texts, answers, strict=True)])


def _line(text: str) -> str:
    return " ".join(text.split())


def _html(text: str) -> str:
    """Return a line of Markdown as HTML: code, emphasis and links."""
    text = re.sub(r"`(.+?)`", r"<code>\1</code>", escape(text, quote=False))
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
    text = re.sub(r"\*(.+?)\*", r"<em>\1</em>", text)
    return re.sub(r"\[(.+?)\]\((https:.+?)\)", r'<a href="\2">\1</a>', text)


def _list(items: tuple[str, ...]) -> str:
    return "<ol>" + "".join(f"<li>{_html(item)}</li>" for item in items) + "</ol>"
