"""The glossary knows the terms of the episodes, and the first use of each leads to it.

Each rule is a function from pages to the problems that they have, a sentence for each.
"""

import re
from collections.abc import Iterator, Sequence

import pytest
from test_pages import episodes, real, with_div
from test_workbench import Page, pages, without_code

UNSEEN = {"instructor", "keypoints", "objectives", "questions"}  # lists and notes beside the text that learners read
TERM = re.compile(r"\[(?P<term>[^\]]+)\]\{#(?P<anchor>[\w-]+)\}")
ABBREVIATION = r"(?<![\w-])[A-Z][A-Z0-9]*[A-Z](?=s?(?![\w-]))"


def glossary(page: Page) -> dict[str, list[str]]:
    """Return the forms of each term by its anchor: "rank 1, rank 5" has two, and "Hounsfield unit (HU)", too."""
    found = (TERM.fullmatch(line) for _, line in page.prose)
    return {term["anchor"]: re.split(r", | \(", term["term"].rstrip(")")) for term in found if term}


def glossary_is_in_order(page: Page) -> Iterator[str]:
    lines = dict(page.prose)
    terms = [(number - 1, lines[number - 1]) for number, line in page.prose if line.startswith(":")]
    for number, line in terms:
        if not TERM.fullmatch(line):
            yield f"line {number}: write the term as [term]{{#term}}, so that the episodes can link it"
    names = [line[1:].partition("]")[0] for _, line in terms]
    words = [re.split(r"\W", name.casefold()) for name in names]
    for index in range(1, len(names)):
        if words[index] < words[index - 1]:
            yield f"{names[index]!r} comes before {names[index - 1]!r} in the alphabet"


def running_text(page: Page) -> Iterator[tuple[int, str, list[tuple[int, int, str]]]]:
    """Yield line, text and links (start, end, target) of what learners read in sentences and tables."""
    for number, line, inside in with_div(page):
        if UNSEEN & set(inside) or line.startswith(("#", "![")):
            continue
        text, links, rest = "", [], without_code(line)
        while link := re.search(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)]*(?:\([^)]*\))?[^)]*)\)", rest):
            text += rest[: link.start()]
            links.append((len(text), len(text) + len(link[1]), link[2]))
            text += link[1]
            rest = rest[link.end() :]
        yield number, text + rest, links


def pattern(forms: Sequence[str]) -> re.Pattern[str]:
    """Return what finds a term in any of its forms, in the plural too; a capital in the glossary is one in the text."""
    each = (f"(?i:{re.escape(form)})" if form.islower() else re.escape(form) for form in forms)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(each)})(?:s|es)?(?![\w-])")


def terms_are_linked_at_first_use(pages: Sequence[Page], terms: dict[str, list[str]]) -> Iterator[str]:
    lines = [(page.path.name, *each) for page in pages for each in running_text(page)]
    for anchor, forms in terms.items():
        uses = (
            (f"{name}, line {number}", use[0], target(use.start(), links))
            for name, number, text, links in lines
            for use in pattern(forms).finditer(text)
        )
        # The name of a law or a standard in a citation is no use of the term.
        place, word, goal = next((use for use in uses if not use[2].startswith("https")), ("", "", ""))
        if place and goal != f"../learners/reference.md#{anchor}":
            yield f"{place}: here {word!r} is new, so write [{word}](../learners/reference.md#{anchor})"


def terms_are_used(pages: Sequence[Page], terms: dict[str, list[str]]) -> Iterator[str]:
    texts = [text for page in pages for _, text, _ in running_text(page)]
    for forms in terms.values():
        if not any(map(pattern(forms).search, texts)):
            yield f"no page uses {forms[0]!r}, or not in this form"


def target(place: int, links: list[tuple[int, int, str]]) -> str:
    """Return where a link around the place in a line goes, "" where none is."""
    return next((goal for start, end, goal in links if start <= place < end), "")


def abbreviations_are_in_the_glossary(pages: Sequence[Page], terms: dict[str, list[str]]) -> Iterator[str]:
    known = {word for forms in terms.values() for form in forms for word in form.split()} | EXPLAINED
    for page in pages:
        for number, text, links in running_text(page):
            for use in re.finditer(ABBREVIATION, text):
                if use[0] not in known and not target(use.start(), links).startswith("https"):
                    yield f"{page.path.name}, line {number}: the glossary does not know {use[0]}"


# Codes that the text explains where they stand, values of attributes and words in pictures, and what everybody knows.
EXPLAINED = set(
    "DA LO PN SQ UI PT COLOR DERIVED KIDNEY LIVER LONG LT NO NX PALETTE RT THYROID TRANS YES "
    "CD EU ID IP IT JPEG NIST PDF URL ZIP".split()
)


# --- The real pages ---


def terms() -> dict[str, list[str]]:
    return glossary(real("learners/reference.md"))


def test_glossary_is_in_order():
    assert not list(glossary_is_in_order(real("learners/reference.md")))


def test_terms_are_linked_at_first_use():
    assert not list(terms_are_linked_at_first_use(episodes(), terms()))


def test_terms_are_used():
    everywhere = [Page(path) for path in pages() if path.name != "reference.md"]
    assert not list(terms_are_used(everywhere, terms()))


def test_abbreviations_are_in_the_glossary():
    assert not list(abbreviations_are_in_the_glossary(episodes(), terms()))


# --- Every rule finds what it is for, and lets pass what is right ---

TEXT = """---
title: Good
---

::: questions

- What is a voxel to NASA?

:::

A [voxel](../learners/reference.md#voxel) has no name, and many voxels have a face.
In [HIPAA, part 1](https://example.org), and in [HIPAA](../learners/reference.md#hipaa), nobody speaks of voxels.

## A voxel

Talk.
"""

GLOSSARY = """---
title: Glossary
---

[HIPAA, Safe Harbor]{#hipaa}
: A law.

[voxel]{#voxel}
: A pixel with a depth.
"""


@pytest.mark.parametrize(
    ("rule", "page", "old", "new"),
    [
        ("order", "glossary", "", ""),
        ("order", "glossary", "[HIPAA, Safe Harbor]{#hipaa}", "**HIPAA**"),
        ("order", "glossary", "[HIPAA, Safe Harbor]", "[X-ray]"),
        ("linked", "text", "", ""),
        ("linked", "text", "[voxel](../learners/reference.md#voxel)", "voxel"),
        ("linked", "text", "A [voxel]", "Two voxels, a [voxel]"),
        ("linked", "text", "#voxel", "#hipaa"),
        ("linked", "text", "[HIPAA](../learners/reference.md#hipaa)", "HIPAA"),
        ("used", "text", "", ""),
        ("used", "glossary", "[voxel]", "[boxel]"),
        ("known", "text", "", ""),
        ("known", "glossary", "[HIPAA, Safe Harbor]", "[Safe Harbor]"),
        ("known", "text", "Talk.", "Talk of NASA."),
    ],
)
def test_rule_finds_what_it_is_for(written, rule, page, old, new):
    text, book = written({"text": TEXT, "glossary": GLOSSARY}, page, old, new).values()
    rules = {
        "order": lambda: glossary_is_in_order(book),
        "linked": lambda: terms_are_linked_at_first_use([text], glossary(book)),
        "used": lambda: terms_are_used([text], glossary(book)),
        "known": lambda: abbreviations_are_in_the_glossary([text], glossary(book)),
    }
    problems = list(rules[rule]())
    assert bool(problems) == bool(old), problems
