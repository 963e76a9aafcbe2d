"""Each notebook in JupyterLab, in a real browser: it runs from top to bottom, its widgets obey the keyboard, and axe,
the usual checker of accessibility (https://github.com/dequelabs/axe-core), has nothing to say but about JupyterLab.

The notebooks are copied, since JupyterLab saves what it runs. A screenshot of each stays in tests/lesson/screenshots/.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import build
import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

from safeshare import quiz

pytestmark = pytest.mark.needs_program("chromium", debian="chromium")

SCREENSHOTS = Path(__file__).with_name("screenshots")
SANITIZERS = (build.ROOT / "tests" / "sanitize.cfg").read_text(encoding="utf-8")
SECONDS = 1000  # Playwright counts milliseconds
PATIENCE = 120 * SECONDS  # for one step on a busy computer
expect.set_options(timeout=PATIENCE)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions"]
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # all cells are on the page, not only those in view
    "docmanager-extension/plugin": {"autosave": False},
    "apputils-extension/notification": {"fetchNews": "false"},
}
# What axe finds in JupyterLab 4.6 and ipywidgets 8.1 themselves, whatever stands in a notebook.
OF_JUPYTERLAB = {
    "aria-allowed-attr": "buttons of the file browser and the debugger are no toggles, but have aria-pressed",
    "aria-input-field-name": "the handle of an ipywidgets slider has no name",
    "aria-required-children": "the notebook is a feed, but its cells are no articles",
    "button-name": "the button that folds a section has no name",
    "color-contrast": "the numbers of cells are pale",
    "image-alt": "a picture that a cell draws gets no alt text; the lesson says it in words below",
}
WCAG = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "rules": {"link-in-text-block": {"enabled": False}},  # JupyterLab underlines a link only under the mouse
}
EDITORS = {"exclude": [[".cm-editor"]]}
OF_THE_LESSON = """selector => {
    const node = document.querySelector(selector);
    const others = ".jp-RenderedImage > img, .noUi-handle";
    return node.closest(".jp-OutputArea-output, .jp-MarkdownOutput") && !node.matches(others);
}"""

DARK = "introduction"  # is looked at in the dark theme, too: it has boxes of most kinds

# What notebooks have to move besides the quiz: what gets the focus, what is pressed, and what must then change.
WIDGETS = {
    "metadata": (".widget-text input", "t", ".safeshare"),
    "faces": (".noUi-handle", "ArrowRight", ".widget-html img"),
    "burned-in-text": (".safeshare-image g[tabindex='0']", "Space", ".safeshare-image .stage"),
    "jewellery": (".safeshare-image g[tabindex='0']", "Space", ".safeshare-image .stage"),
}

OPENED = """() => {
    const panel = window.jupyterapp?.shell?.currentWidget;
    return panel?.context?.isReady && panel.sessionContext?.session?.kernel?.status === "idle";
}"""
# Never return a command's promise: it has no time limit.
RUN = """() => {
    const { commands } = window.jupyterapp;
    commands.execute("notebook:clear-all-cell-outputs").then(() => { commands.execute("notebook:run-all-cells"); });
}"""
DONE = """() => {
    const { content, sessionContext } = window.jupyterapp.shell.currentWidget;
    const code = content.model.sharedModel.cells.filter((cell) => cell.cell_type === "code" && cell.source.trim());
    const failed = code.some((cell) => cell.outputs.some((output) => output.output_type === "error"));
    return (failed || code.every((cell) => cell.execution_count !== null))
        && sessionContext.session.kernel.status === "idle";
}"""
CELLS = "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Start JupyterLab on a copy of the notebooks, with no settings of the user's own; return a notebook's address."""
    home = tmp_path_factory.mktemp("lab")
    root = home / "lesson"
    shutil.copytree(build.ROOT / "notebooks", root / "notebooks", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copytree(build.ROOT / "episodes", root / "episodes")
    (root / "data").symlink_to(build.ROOT / "data", target_is_directory=True)
    for name, setting in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(setting), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(8)
    own = {"CONFIG": "config", "DATA": "data", "RUNTIME": "runtime"}
    environment = {
        **os.environ,
        **{f"JUPYTER_{name}_DIR": str(home / folder) for name, folder in own.items()},
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}"]
    log = home / "log.txt"
    with log.open("w") as lines:
        server = subprocess.Popen(
            [*command, "--LabApp.expose_app_in_browser=True"], env=environment, stdout=lines, stderr=subprocess.STDOUT
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/api?token={token}", server, log)
        yield lambda name: f"http://127.0.0.1:{port}/lab/tree/notebooks/{name}.ipynb?token={token}&reset"
    finally:
        server.terminate()
        server.wait(300)


def wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(3000):
        try:
            urllib.request.urlopen(address, timeout=1).close()
            return
        except OSError:
            assert server.poll() is None, log.read_text()
            time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def context(browser):
    """Return what the notebooks' pages share: the cache, so that JupyterLab's programs are read once."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    return context


@pytest.fixture
def page(context):
    page = context.new_page()
    yield page
    page.close()


def run(page: Page, address: str) -> list[nbformat.NotebookNode]:
    """Open a notebook and run all of it; return its cells."""
    page.goto(address)
    # Without an interval the browser asks sixty times a second, and does little else.
    page.wait_for_function(OPENED, polling=SECONDS / 4)
    page.evaluate(RUN)
    page.wait_for_function(DONE, polling=SECONDS / 2, timeout=5 * PATIENCE)
    return [nbformat.from_dict(cell) for cell in page.evaluate(CELLS)]


def close(page: Page) -> None:
    """End the notebook's kernel, which would keep its memory."""
    page.evaluate("() => { window.jupyterapp.shell.currentWidget.sessionContext.shutdown(); }")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.sessionContext.session", polling=SECONDS / 4)


def press(page: Page, focused: str, key: str, changed: str) -> None:
    """Press a key in the first such widget, and wait until its picture is another one."""
    page.locator(focused).first.focus()
    before = page.locator(changed).first.evaluate("picture => picture.outerHTML")
    page.keyboard.press(key)
    other = "([selector, before]) => (document.querySelector(selector)?.outerHTML ?? before) !== before"
    page.wait_for_function(other, arg=[changed, before], polling=SECONDS / 4)


def answer(page: Page, name: str) -> None:
    """Answer the quiz by keyboard: each option says something, and one that it is right."""
    for question, form in zip(quiz.show(name).questions, page.locator(".safeshare-quiz form").all(), strict=True):
        said = form.get_by_role("status")
        form.get_by_role("radio").first.focus()
        page.keyboard.press("Enter")
        expect(said).to_have_text("Choose one of the options first.")
        page.keyboard.press("Space")
        for option in question.options:
            page.keyboard.press("Enter")
            expect(said).to_contain_text(option.answer.split("`")[0].split("*")[0])
            page.keyboard.press("ArrowDown")
            expect(said).to_have_text("")


def violations(page: Page) -> list[str]:
    """Return what axe finds, but for what is JupyterLab's own.

    Axe compares the colours of what is in view, so all of the notebook has to be; and it takes for hidden what does not
    lie in the page's body, to which JupyterLab gives no height.
    """
    height = page.evaluate("() => document.querySelector('.jp-WindowedPanel-inner').scrollHeight")
    page.set_viewport_size({"width": 1280, "height": height + 300})
    page.add_style_tag(content="html, body { height: 100% }")
    grown = "height => document.querySelector('.jp-Notebook').clientHeight >= height"
    page.wait_for_function(grown, arg=height, polling=SECONDS / 4)
    page.evaluate("() => { document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0; }")
    found = Axe().run(page, context=EDITORS, options=WCAG).response["violations"]
    return [
        f"{rule['id']}: {node['failureSummary']} {node['html'][:300]}"
        for rule in found
        for node in rule["nodes"]
        if rule["id"] not in OF_JUPYTERLAB or page.evaluate(OF_THE_LESSON, node["target"][0])
    ]


def dress(page: Page, theme: str) -> None:
    """Change JupyterLab's theme, which it keeps: "Light" or "Dark"."""
    change = "theme => { window.jupyterapp.commands.execute('apputils:change-theme', { theme }); }"
    page.evaluate(change, f"JupyterLab {theme}")
    page.wait_for_selector(f"body[data-jp-theme-light='{str(theme == 'Light').lower()}']", state="attached")


def test_notebook_in_the_browser(episode, lab, page):
    cells = run(page, lab(episode.stem))
    stored = nbformat.read(build.ROOT / "notebooks" / f"{episode.stem}.ipynb", as_version=4).cells
    for new, old in zip(cells, stored, strict=True):
        if old.cell_type == "code":
            assert not [output for output in new.outputs if output.output_type == "error"], new.outputs
            assert build.sanitized(build.printed(new), SANITIZERS) == build.sanitized(build.printed(old), SANITIZERS)
    if episode.stem in WIDGETS:
        press(page, *WIDGETS[episode.stem])
        page.screenshot(path=SCREENSHOTS / f"{episode.stem}.png")
    answer(page, episode.stem)
    page.screenshot(path=SCREENSHOTS / f"{episode.stem}-quiz.png")
    assert not violations(page)
    if episode.stem == DARK:
        dress(page, "Dark")
        assert not violations(page)
        dress(page, "Light")
    close(page)
