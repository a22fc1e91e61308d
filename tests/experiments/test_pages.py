"""Every experiment has its page, and no number on a page that was not measured."""

import json
import re
from pathlib import Path

import pytest

from ae_optax.lab.runs import run_id

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
FOLDERS = sorted(path.parent for path in EXPERIMENTS.glob("*/run.py"))
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
# Counting words as digits, of panels or of lines, measure nothing.
SMALL = {0, 1, 2, 3}

NUMBER = re.compile(
    r"(?<![\w.^])[−-]?(?P<mantissa>\d[\d\N{NARROW NO-BREAK SPACE}]*(?:\.\d+)?)"
    r"(?: × 10(?P<power>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)|(?P<raised>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?(?P<percent> %)?"
)


def results_of(folder):
    return json.loads((folder / "results.json").read_text())


def page_of(folder):
    return (folder / "README.md").read_text()


def prose(page):
    """Return a page without its code, formulas, the targets of its links and its sources."""
    page = re.sub(r"<!--.*?-->", "", page)
    page = re.sub(r"^    .*$", "", page, flags=re.MULTILINE)
    page = re.sub(r"```.*?```|`[^`]*`", "", page, flags=re.DOTALL)
    page = re.sub(r"\]\([^)]*\)", "]", page)
    return re.split(r"^## Sources", page, flags=re.MULTILINE)[0]


def numbers_on(page):
    """Yield each number of a page as it is written, its value and half its last digit."""
    for found in NUMBER.finditer(prose(page)):
        digits = found["mantissa"].replace("\N{NARROW NO-BREAK SPACE}", "")
        decimals = len(digits.partition(".")[2])
        if found["raised"]:
            yield found[0], float(digits) ** int(found["raised"].translate(SUPERSCRIPTS)), 0.0
            continue
        power = int(found["power"].translate(SUPERSCRIPTS)) if found["power"] else 0
        scale = 10.0 ** (power - (2 if found["percent"] else 0))
        yield found[0], float(digits) * scale, 0.5 * 10.0**-decimals * scale


def numbers_in(value):
    """Yield all numbers of a file of results, those written in its texts too."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from numbers_in(key)
            yield from numbers_in(item)
    elif isinstance(value, list):
        yield float(len(value))
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, str):
        yield from (float(found) for found in re.findall(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", value))
    elif isinstance(value, int | float):
        yield abs(float(value))


def unmeasured(page, results):
    known = set(numbers_in(results)) | SMALL
    return [
        text
        for text, value, half in numbers_on(page)
        if not any(abs(value - number) <= half * 1.001 + 1e-9 * value for number in known)
    ]


def test_a_number_that_was_not_measured_is_found():
    results = {"numbers": {"loss": 0.12345, "share": 0.25}, "setup": {"rate": "1e-3"}}
    page = "It fell to 0.123, at 25 % and a rate of 10⁻³, `7` and\n\n    run 99\n\nnot to 0.124."
    assert unmeasured(page, results) == ["0.124"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_number_on_its_page_was_measured(folder):
    assert not unmeasured(page_of(folder), results_of(folder))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_its_results_say_where_they_come_from(folder):
    results = results_of(folder)
    measured = results["measured"]
    assert measured.keys() == {
        "date", "wall_seconds", "command", "versions", "device", "seeds", "config",
    }  # fmt: skip
    assert measured["config"] == run_id(results["setup"])
    assert f"\n    {measured['command']}\n" in page_of(folder)
    assert measured["command"] == f"python experiments/{folder.name}/run.py"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_its_page_asks_shows_and_reads(folder):
    page = page_of(folder)
    assert page.splitlines()[0].startswith("# ")
    assert page.splitlines()[0].endswith("?")
    assert "## What was seen" in page
    drawn = {path.name for path in folder.glob("*.svg")}
    assert set(re.findall(r"\]\(([^/)]+\.svg)\)", page)) == drawn != set()


def test_a_paragraph_of_the_guide_has_the_numbers_of_the_pages_it_links_to():
    guide = (EXPERIMENTS / "which_optimizer.md").read_text()
    for paragraph in guide.split("\n\n")[1:]:
        linked = set(re.findall(r"\]\((\w+)/README\.md\)", paragraph))
        found = {folder: results_of(EXPERIMENTS / folder) for folder in linked}
        assert not unmeasured(paragraph, found), paragraph


GALLERY = (EXPERIMENTS / "README.md").read_text()
ROW = r"^\| \[<img src=\"(\w+)/(\w+\.svg)\".*?\]\((\w+)/README\.md\) \| (.*) \|$"
ROWS = re.findall(ROW, GALLERY, re.MULTILINE)


def test_the_gallery_has_them_all():
    assert sorted(folder for folder, _, _, _ in ROWS) == [folder.name for folder in FOLDERS]


@pytest.mark.parametrize(("folder", "figure", "target", "text"), ROWS, ids=lambda value: value[:20])
def test_a_row_of_the_gallery_shows_and_says_what_was_measured(folder, figure, target, text):
    assert target == folder
    assert (EXPERIMENTS / folder / figure).is_file()
    assert f"({folder}/README.md)" in text
    assert not unmeasured(text, results_of(EXPERIMENTS / folder))
