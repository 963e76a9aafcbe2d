"""The questions at the end of an episode: read from its text, asked with feedback on every option."""

import subprocess
import sys
from html.parser import HTMLParser

import pytest

from safeshare import quiz, ready

EPISODE = """---
title: Try
---

::: challenge

### Not a question

1. First.

::: solution

1. ✔ Not an answer.

:::

:::

:::::::: challenge

### Quiz: a key

What does the *key* of `strip` do,
and [who](https://example.org/a_b) keeps it?

1. It opens
   the door & more.
2. The same key, the same names.

::: solution

1. There is <no> door.
2. ✔ It does.
   And keep it **safe**.

:::

::::::::

::: challenge

### Quiz: two

Which?

1. This.
2. That.
3. Both.

::: solution

1. ✔ This.
2. No.
3. No.

:::

:::
"""


@pytest.fixture
def episode(tmp_path):
    def write(text):
        path = tmp_path / "try.md"
        path.write_text(text, encoding="utf-8")
        return path

    return write


class Page(HTMLParser):
    """The texts of a page, by the names of the elements around them."""

    def __init__(self, text):
        super().__init__()
        self.around, self.texts = [], []
        self.feed(text)
        assert not self.around, "an element is never closed"

    def handle_starttag(self, tag, attrs):
        self.around.append(tag)

    def handle_endtag(self, tag):
        assert self.around.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append((" ".join(self.around), data))


def test_questions_are_read_from_the_text(episode):
    key, two = quiz.read(episode(EPISODE))
    assert key.title == "a key"
    assert key.text == "What does the *key* of `strip` do, and [who](https://example.org/a_b) keeps it?"
    assert [option.text for option in key.options] == ["It opens the door & more.", "The same key, the same names."]
    assert [option.answer for option in key.options] == ["There is <no> door.", "✔ It does. And keep it **safe**."]
    assert len(two.options) == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("3. Both.\n", "", "Quiz: two: 2 options and 3 answers"),
        ("3. No.\n", "", "Quiz: two: 3 options and 2 answers"),
        ("✔ It does", "It does", "Quiz: a key: begin the answer to the one right option with '✔ '"),
        ("2. No.", "2. ✔ No.", "Quiz: two: begin the answer to the one right option"),
    ],
)
def test_a_question_that_cannot_be_answered_is_named(episode, old, new, message):
    with pytest.raises(ValueError, match="try.md, " + message):
        quiz.read(episode(EPISODE.replace(old, new)))


def test_widget_gets_every_option_with_what_is_said_to_it(episode):
    asked = quiz.Quiz(quiz.read(episode(EPISODE))).widget().questions
    assert asked[0]["text"] == (
        'What does the <em>key</em> of <code>strip</code> do, and <a href="https://example.org/a_b">who</a> keeps it?'
    )
    assert asked[0]["options"] == [
        {"text": "It opens the door &amp; more.", "answer": "There is &lt;no&gt; door."},
        {"text": "The same key, the same names.", "answer": "✔ It does. And keep it <strong>safe</strong>."},
    ]


def test_without_widgets_the_answers_are_folded(episode):
    bundle = quiz.Quiz(quiz.read(episode(EPISODE)))._repr_mimebundle_(include=None, exclude=None)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    texts = Page(bundle["text/html"]).texts
    assert texts[0] == ("p", quiz.STATIC)
    assert ("ol li", "Both.") in texts and ("details ol li", "There is <no> door.") in texts
    assert ("details summary", "Answers: two") in texts
    assert "✔" not in bundle["text/plain"], "text cannot be folded"
    assert bundle["text/plain"].endswith("Which?\n1. This.\n2. That.\n3. Both.")


def test_without_anywidget_there_is_the_page_alone():
    code = """
import sys
sys.modules["anywidget"] = None
from safeshare import quiz
assert list(quiz.show("introduction")._repr_mimebundle_()) == ["text/plain", "text/html"]
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_episode_is_named():
    with pytest.raises(FileNotFoundError, match="no episode 'metadat'"):
        quiz.show("metadat")


# --- A notebook's first cell ---


def test_all_is_there(capsys):
    ready.check()
    assert capsys.readouterr().out == ready.READY + "\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("MODULES", ("json", "no_such_a", "no_such_b")), "this Python has no no_such_a, no_such_b; "),
        (("OLDEST_PYTHON", (99, 0)), "the lesson needs 3.11 or newer; "),
    ],
)
def test_what_is_missing_is_said_in_one_line_with_what_to_do(monkeypatch, capsys, change, said):
    monkeypatch.setattr(ready, *change)
    ready.check()
    line = capsys.readouterr().out
    assert line.startswith("Not ready: ") and line.endswith(f"{said}{ready.WHAT_TO_DO}\n") and line.count("\n") == 1


def test_missing_data_are_said(monkeypatch, capsys):
    def folder():
        raise FileNotFoundError

    monkeypatch.setattr(ready.data, "folder", folder)
    ready.check()
    assert capsys.readouterr().out == f"Not ready: the lesson's data are not here; {ready.WHAT_TO_DO}\n"
