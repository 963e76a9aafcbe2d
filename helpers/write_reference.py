"""Write what the docstrings say into the package's pages, learners/package-*.md: python helpers/write_reference.py

A page names what it wants by a heading, such as "### `metadata.find`"; under it comes the signature with the docstring.
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENTRY = re.compile(r"^### `(?P<module>\w+)\.(?P<name>\w+)`\n(?:\n```text\n.*?\n```\n)?", re.MULTILINE | re.DOTALL)
Definition = ast.FunctionDef | ast.ClassDef


def pages() -> list[Path]:
    """Return the pages about the package."""
    return sorted((ROOT / "learners").glob("package-*.md"))


def filled(page: str) -> str:
    """Return a page with what the docstrings say now; raise ``KeyError`` for a heading that names nothing."""
    return ENTRY.sub(lambda entry: f"### `{entry['module']}.{entry['name']}`\n\n{described(*entry.groups())}\n", page)


def described(module: str, name: str) -> str:
    """Return the signature and the docstring of a function or class as a fence."""
    tree = ast.parse((ROOT / "helpers" / "safeshare" / f"{module}.py").read_text(encoding="utf-8"))
    found = {node.name: node for node in tree.body if isinstance(node, Definition)}[name]
    return f"```text\n{signature(found)}\n\n{ast.get_docstring(found)}\n```"


def signature(node: Definition) -> str:
    """Return how a function is called, one argument a line where they are many, or the fields of a class."""
    if isinstance(node, ast.ClassDef):
        fields = [ast.unparse(each) for each in node.body if isinstance(each, ast.AnnAssign)]
        return "\n    ".join([f"class {node.name}", *fields])
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    arguments = ast.unparse(node.args)
    if len(arguments) > 80:
        arguments = "\n    " + re.sub(r", (?=\*|\w+:)", ",\n    ", arguments) + "\n"
    return f"{node.name}({arguments}){result}"


def main() -> int:
    """Write every page anew."""
    for page in pages():
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
