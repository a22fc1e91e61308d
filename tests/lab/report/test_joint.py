"""Several comparisons on one page."""

import re

import pytest
from made_up import example, fill

from ae_optax.lab.report import write_joint_report


def steps(factors, shares, score):
    return {"ratios": {}, "factors": factors, "shares": shares, "score": score}


PROFILE = {
    unit: {
        "adam": steps([1.0, 1.5], [0.5, 1.0], 0.9),
        "rmsprop": steps([1.0, 40.0], [0.5, 1.0], 0.5),
        "<b>": steps([], [], 0.0),
    }
    for unit in ("seconds", "steps")
}


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folders = [tmp_path_factory.mktemp("runs") / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        comparison = example()
        comparison["contenders"] = comparison["contenders"][3:]
        fill(folder, comparison)
    path = folders[0].parent / "report.html"
    write_joint_report(folders, path, profile=PROFILE)
    return path.read_text("utf-8")


def test_has_an_overview_and_a_section_for_each(text):
    assert re.findall(r"<h2>(.*?)</h2>", text) == ["Places", "Performance profile", "one", "two"]
    below = re.findall(r"<h3>(.*?)</h3>", text)
    assert below[: len(below) // 2] == below[len(below) // 2 :]
    assert below[0] == "Verdict"


def test_names_nothing_twice_and_meets_every_reference(text):
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    wanted = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
    assert {a or b for a, b in wanted} <= set(ids)


def test_gives_places_and_a_dash_where_there_is_no_result(text):
    overview = text.partition("Performance profile")[0]
    assert re.search(r"rmsprop</th><td>1</td><td>1 \(0\.0\d+\)</td>", overview)
    assert re.search(r"clipped lion</th><td>–</td><td>–</td><td>–</td>", overview)


def test_draws_profiles_with_names_and_scores(text):
    profile = text.partition("Performance profile")[2].partition("<h2>one")[0]
    words = set(re.findall(r">([^<>]+)</text>", profile))
    assert {"share of workloads", "seconds to target, over those of the fastest"} <= words
    assert "steps to target, over those of the fastest" in words
    assert {"adam", "rmsprop"} & words
    assert "<b>" not in profile
    assert re.search(r"adam</th><td>0\.900</td>", profile)


def test_draws_no_profile_by_times_that_are_left_out(tmp_path):
    fill(tmp_path, example() | {"times_left_out": "Times are left out: the load moved."})
    write_joint_report([tmp_path], tmp_path / "joint.html", profile={"steps": PROFILE["steps"]})
    text = (tmp_path / "joint.html").read_text("utf-8")
    assert "Score by steps" in text
    assert "seconds" not in text.partition("<h3>How it was done")[0]
    assert "Times are left out: the load moved." in text


def test_leaves_out_a_profile_that_there_is_not(tmp_path):
    comparison = example()
    comparison["contenders"] = comparison["contenders"][4:]
    comparison["target"] = None
    fill(tmp_path, comparison)
    write_joint_report([tmp_path], tmp_path / "joint.html", profile=None)
    text = (tmp_path / "joint.html").read_text("utf-8")
    assert "Performance profile" not in text
    assert "No contender has a result" in text
