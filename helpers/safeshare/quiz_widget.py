"""The part of the quiz that lives in the browser, drawn by quiz_widget.js; it needs nothing more from Python."""

from pathlib import Path

import anywidget
import traitlets


class QuizWidget(anywidget.AnyWidget):
    """The widget: questions as HTML, each with its title, its text and its options."""

    _esm = Path(__file__).with_suffix(".js")
    _css = Path(__file__).with_suffix(".css")

    questions: traitlets.List = traitlets.List().tag(sync=True)  # title, text, options: text, answer
