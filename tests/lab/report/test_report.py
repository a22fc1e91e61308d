"""The page."""

import html.parser
import json
import pathlib
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from made_up import RATES, contender, example, fill, with_telemetry

from ae_optax.lab import report
from ae_optax.lab.report import write_report

VOID = {"meta", "img"}


def parse(text):
    """Parse a page strictly enough to notice a tag left open; return its tags, text and ids."""
    page = SimpleNamespace(tags=[], words=[], ids=[], open=[])

    class Parser(html.parser.HTMLParser):
        def handle_starttag(self, tag, attrs):
            page.tags.append((tag, dict(attrs)))
            page.ids += [value for key, value in attrs if key == "id"]
            if tag not in VOID:
                page.open.append(tag)

        def handle_startendtag(self, tag, attrs):
            page.tags.append((tag, dict(attrs)))
            page.ids += [value for key, value in attrs if key == "id"]

        def handle_endtag(self, tag):
            assert page.open.pop() == tag

        def handle_data(self, data):
            page.words.append(data)

    Parser().feed(text)
    assert page.open == []
    page.text = " ".join(" ".join(page.words).split())
    return page


def written(folder):
    return write_report(folder).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return written(fill(tmp_path_factory.mktemp("run"), with_telemetry(example())))


def test_is_well_formed_and_names_nothing_twice(text):
    page = parse(text)
    assert len(page.ids) == len(set(page.ids))


def test_every_reference_inside_the_page_is_met(text):
    page = parse(text)
    wanted = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
    assert {a or b for a, b in wanted} <= set(page.ids)


def test_asks_nothing_of_a_network_and_runs_nothing(text):
    page = parse(text)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "base"}
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "xlink:href", "data", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/png", "#"))
    assert "@import" not in text
    assert not re.findall(r"url\((?!#)", text)


def test_has_its_sections_in_order(text):
    heads = re.findall(r"<h2>(.*?)</h2>", text)
    assert heads == [
        "Verdict",
        "Sensitivity to the learning rate",
        "Loss by step and by time",
        "Schedules and steps",
        "Metrics",
        "Reconstructions",
        "Samples",
        "Codes",
        "Time and memory",
        "Failures",
        "How it was done",
        "Reproducibility",
    ]


def test_ranks_every_contender_and_puts_failures_last(text):
    rows = re.findall(r'<th scope="row">.*?</svg>(.*?)</th>', text)
    assert rows == 2 * ["rmsprop", "adam", "momentum", "sgd", "clipped lion"]


def test_tells_why_a_contender_failed(text):
    assert "ValueError: `b1` must lie in [0, 1), got 2." in parse(text).text


def test_flags_a_best_rate_on_the_edge(text):
    assert '<td class="flag">1 ↑</td>' in text
    assert "Extend its range to higher rates" in text


def test_states_budget_selection_target_and_every_column(text):
    words = parse(text).text
    assert "same budget, fixed beforehand: 9 learning rates × 3 seeds" in words
    assert "lowest median validation loss" in words
    assert "The target is a test loss of 0.0265" in words
    heads = re.findall(r'<th scope="col">(.*?)</th>', text)[1:]
    assert heads.pop(heads.index("Contender")) == "Contender"  # Of the second table.
    assert re.findall(r"<dt>(.*?)</dt>", text)[1 : 1 + len(heads)] == heads


def test_draws_in_the_colours_of_the_page_only(text):
    drawn = "".join(re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL))
    assert not re.findall(r"#[0-9a-f]{6}\b", drawn)
    assert "currentColor" in drawn


def test_every_figure_is_described_and_dates_are_left_out(text):
    for tag, attributes in parse(text).tags:
        if tag == "svg":
            assert attributes.get("aria-label") or attributes.get("aria-hidden")
        if tag == "img":
            assert attributes["alt"]
    assert "<metadata" not in text


def test_same_files_give_the_same_bytes(folder):
    first = write_report(folder).read_bytes()
    assert write_report(folder).read_bytes() == first


def test_does_not_depend_on_the_readers_matplotlib_settings(folder):
    import matplotlib

    text = written(folder)
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "axes.facecolor": "red"}):
        assert written(folder) == text


def test_shows_what_the_user_wrote_and_executes_none_of_it(tmp_path, comparison):
    evil = '<script>alert("&")</script> $x_1$ 优'
    for key in ("title", "question", "command", "device"):
        comparison[key] = evil
    comparison["data"] |= {"name": evil, "source": evil, "attribution": evil}
    comparison["model"] = {"name": evil, "code": evil}
    comparison["contenders"][0]["label"] = evil
    comparison["contenders"][4] |= {"label": evil, "failure": evil}
    fill(tmp_path, comparison)
    (tmp_path / "config.yaml").write_text(f"# {evil}\n", encoding="utf-8")
    text = written(tmp_path)
    page = parse(text)
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count(evil) > 10


def test_shows_the_config_where_there_is_one(folder):
    (folder / "config.yaml").write_text("data: {name: digits}\n", encoding="utf-8")
    assert "<pre>data: {name: digits}\n</pre>" in written(folder)


def test_copes_without_a_validation_set(tmp_path, comparison):
    comparison["data"]["validation"] = 0
    for each in comparison["contenders"]:
        for run in each["runs"]:
            run["validation_loss"] = [None] * len(run["validation_loss"])
    words = parse(written(fill(tmp_path, comparison))).text
    assert "as there is no validation set" in words
    assert "by validation loss" not in words
    assert "learning rate chosen, by training loss" in words
    assert "validation loss, by which rates were chosen" not in words


def test_copes_with_a_contender_that_always_diverged(tmp_path, comparison):
    lost = contender("wild", best_rate=1.0, floor=0.03, ceiling=0.0, seed=5, ms=0.2, state=0)
    assert lost["best"] is None
    comparison["contenders"].insert(0, lost)
    text = written(fill(tmp_path, comparison))
    assert "Diverged in all of its 27 runs" in parse(text).text
    assert re.findall(r'<th scope="row">.*?</svg>(.*?)</th>', text)[-2:] == ["wild", "clipped lion"]


def test_copes_with_a_seed_that_diverged_at_the_best_rate(tmp_path, comparison):
    adam = comparison["contenders"][0]
    run = next(r for r in adam["runs"] if r["learning_rate"] == adam["best"]["learning_rate"])
    run |= {"diverged": True, "test_loss": [0.2] + [None] * 20, "train_loss": [None] * 20}
    adam["best"]["final_test"]["highest"] = adam["best"]["interval"][1] = None
    run["rows"] = {name: [None] * 20 for name in run["rows"]}
    assert "–diverged" in written(fill(tmp_path, comparison))


def test_copes_with_no_result_at_all(tmp_path, comparison):
    comparison["contenders"] = comparison["contenders"][4:]
    comparison["target"] = None
    words = parse(written(fill(tmp_path, comparison))).text
    assert "No contender has a result" in words
    assert "There is no target" in words


def test_says_why_times_are_left_out_and_shows_none(tmp_path, comparison):
    reason = "Times are left out: the load of the machine moved."
    text = written(fill(tmp_path, comparison | {"times_left_out": reason}))
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert {"Loss by step", "Memory"} <= set(headings)
    assert reason in parse(text).text
    assert "seconds" not in parse(text).text.lower()


def test_copes_with_losses_that_are_not_positive(tmp_path, comparison):
    for each in comparison["contenders"]:
        for run in each["runs"]:
            run["test_loss"] = [None if x is None else x - 0.1 for x in run["test_loss"]]
    parse(written(fill(tmp_path, comparison)))


def test_copes_with_one_rate_one_seed_and_one_epoch(tmp_path, comparison):
    only = comparison["contenders"][0]
    only["learning_rates"] = [only["best"]["learning_rate"]]
    only["settings"] = 1
    only["runs"] = [r for r in only["runs"] if r["learning_rate"] in only["learning_rates"]][:1]
    for key, length in (("train_loss", 1), ("validation_loss", 2), ("test_loss", 2)):
        only["runs"][0][key] = only["runs"][0][key][:length]
    only["runs"][0]["rows"] = {k: v[:1] for k, v in only["runs"][0]["rows"].items()}
    only["best"]["interval"] = None
    comparison |= {"contenders": [only], "seeds": [0], "epochs": 1}
    assert "1 learning rate × 1 seed" in parse(written(fill(tmp_path, comparison))).text


def test_copes_with_more_contenders_than_colours(tmp_path, comparison):
    comparison["contenders"] = [
        contender(f"number {i}", best_rate=RATES[i % 9], floor=0.02 + 0.001 * i, ceiling=1e9,
                  seed=i, ms=0.2, state=0)
        for i in range(9)
    ]  # fmt: skip
    text = written(fill(tmp_path, comparison))
    assert text.count('<th scope="row">') == 2 * 9
    assert "stroke-dasharray" in text


def test_unequal_budgets_are_not_called_equal(tmp_path, comparison):
    comparison["contenders"][0]["settings"] = 4
    words = parse(written(fill(tmp_path, comparison))).text
    assert "4 learning rates or 9 learning rates" in words
    assert "same budget" not in words


def test_raises_on_another_format(folder, comparison):
    (folder / "comparison.json").write_text(json.dumps(comparison | {"format": 1}))
    with pytest.raises(ValueError, match=r"comparison.json: `format` must lie in \[3, 4\], got 1"):
        write_report(folder)


def test_raises_on_a_torn_file(folder):
    (folder / "comparison.json").write_text('{"format": 2,')
    with pytest.raises(ValueError, match=r"comparison.json:1: must hold JSON"):
        write_report(folder)


def test_raises_on_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"comparison\.json"):
        write_report(tmp_path)


def test_axes_have_names_and_units(text):
    drawn = re.findall(r"<svg viewBox.*?</svg>", text, flags=re.DOTALL)
    written_in = [set(re.findall(r">([^<>]+)</text>", svg)) for svg in drawn]
    for name in (
        "final test loss", "test loss", "training loss", "validation loss", "learning rate",
        "effective step size, mean |u| / |g|", "norm of the gradient", "test PSNR (dB)",
        "norm of update / of parameters", "share of coordinates clipped", "first component",
    ):  # fmt: skip
        assert any(name in words for words in written_in), name
    by_step = [words for words in written_in if "test loss" in words and "steps" in words]
    by_time = [words for words in written_in if "seconds of training" in words]
    assert (len(by_step), len(by_time)) == (1, 1)
    assert not any("test psnr std" in words for words in written_in)


def test_lines_are_named_where_there_is_room(text):
    (wide,) = re.findall(r'<div class="wide">(.*?)</div>', text, flags=re.DOTALL)
    assert {"adam", "sgd", "rmsprop", "usable", "diverged"} <= set(
        re.findall(r">([^<>]+)</te", wide)
    )


def test_shows_interval_rank_and_width_of_the_window(text, comparison):
    low, high = comparison["contenders"][3]["best"]["interval"]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", text)
    assert f"{low:.4f}–{high:.4f}" in cells
    assert "1 (1–2)" in cells
    assert "Budget: 9 learning rates × 3 seeds × 20 epochs for every contender." in text
    assert "if it is lower with every seed; of two equal ones one is ahead so in 25 %" in text
    heads = re.findall(r"<th[^>]*>(.*?)</th>", text)
    assert "Range" in heads
    assert "95 % interval" not in heads


def test_shows_input_output_and_error_of_the_same_images(text):
    alts = [attributes["alt"] for tag, attributes in parse(text).tags if tag == "img"]
    assert {"Original, original 1", "Input, input 10", "adam, output 1", "adam, error 10"} < set(
        alts
    )
    assert "adam, sample 10" in alts
    assert len([alt for alt in alts if alt.startswith("sgd, error")]) == 10


def test_says_nothing_of_what_was_not_recorded(folder):
    heads = re.findall(r"<h2>(.*?)</h2>", written(folder))
    assert not {"Schedules and steps", "Metrics", "Samples", "Codes"} & set(heads)


def test_copes_with_telemetry_that_is_not_finite_or_not_positive(tmp_path, comparison):
    comparison["contenders"] = with_telemetry(comparison)["contenders"][:2]
    for each in comparison["contenders"]:
        for run in each["runs"]:
            run["rows"] |= {"gradient_norm": [None] * 20, "update_ratio": [0.0] * 20}
            run["rows"]["effective_rate_mean"][3:] = [-1.0] * 17
            run["rows"]["clipped_fraction"] = [0.0] * 20
    fill(tmp_path, comparison)
    with np.load(tmp_path / "images.npz") as file:
        images = dict(file)
    images |= {k: np.full_like(v, np.nan) for k, v in images.items() if k[0] in "cr" and v.ndim > 1}
    np.savez(tmp_path / "images.npz", **images)
    text = written(tmp_path)
    parse(text)
    assert "norm of the gradient" not in text
    assert "norm of update / of parameters" in text
    assert "share of coordinates clipped<" not in text


def test_copes_with_images_in_colour(tmp_path, comparison):
    comparison["contenders"] = comparison["contenders"][:1]
    fill(tmp_path, comparison)
    with np.load(tmp_path / "images.npz") as file:
        images = {k: np.stack([v] * 3, axis=-1) if v.ndim == 3 else v for k, v in file.items()}
    np.savez(tmp_path / "images.npz", **images)
    assert "adam, error 10" in written(tmp_path)


def test_errors_are_blue_below_white_at_and_orange_above_the_original():
    from ae_optax.lab.report._png import error_map

    original = np.zeros((1, 4))
    shown = error_map(original, np.array([[-1.0, 0.0, 0.25, np.nan]]), 0.5)[0]
    blue, none, half, lost = np.round(255 * shown)
    assert list(blue) == [0, 84, 166]
    assert list(none) == [250, 250, 250]
    # atol: half of the full colour, to a step of 255.
    np.testing.assert_allclose(half, (none + np.array([213, 94, 0])) / 2, atol=1)
    assert list(lost) == [213, 94, 0]
    colours = error_map(np.zeros((2, 3, 3)), np.ones((2, 3, 3)), 1.0)
    assert colours.shape == (2, 3, 3)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_image_with_channels_survives_its_encoding(tmp_path, channels):
    import matplotlib.image

    from ae_optax.lab.report._png import png

    image = np.random.default_rng(0).random((3, 2, channels))
    (tmp_path / "image.png").write_bytes(png(image))
    read = matplotlib.image.imread(tmp_path / "image.png")
    expected = image if channels == 3 else image.mean(axis=2)
    # atol: half a step of 255.
    np.testing.assert_allclose(read, expected, atol=0.5 / 255 + 1e-6)


def test_an_image_survives_its_encoding(tmp_path):
    import matplotlib.image

    from ae_optax.lab.report._png import png

    image = np.array([[0.0, 0.5, 1.0], [np.nan, -3.0, np.inf]])
    (tmp_path / "image.png").write_bytes(png(image))
    read = matplotlib.image.imread(tmp_path / "image.png")
    # atol: half a grey level of 255.
    np.testing.assert_allclose(read, [[0, 0.5, 1], [0, 0, 1]], atol=0.5 / 255 + 1e-6)


def test_needs_neither_jax_nor_the_rest_of_the_package(folder):
    # A package of that name and place, its own `__init__` left out.
    code = """
import pathlib, sys, types
sys.modules |= {"jax": None, "optax": None, "flax": None, "matplotlib.pyplot": None}
sys.modules["ae_optax"] = types.ModuleType("ae_optax")
sys.modules["ae_optax"].__path__ = [sys.argv[1]]
from ae_optax.lab import report
assert not {"matplotlib", "rich"} & set(sys.modules)
report.write_report(pathlib.Path(sys.argv[2]))
"""
    package = pathlib.Path(report.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, package, folder], check=True)


def test_vectors_are_not_called_images(tmp_path, comparison):
    comparison["data"]["shape"] = [64]
    text = written(fill(tmp_path, comparison))
    assert "digits: vectors of 64 numbers, 1\u202f257 for training" in text
    assert "the order of the vectors" in text


def test_the_question_that_the_config_asks_is_the_title(folder):
    text = write_report(folder).read_text("utf-8")
    title = "which optimizer trains this autoencoder best?"
    assert f"<title>{title}</title>" in text
    assert f"<h1>{title}</h1>" in text
    assert text.count(title) == 2
    assert "compare optimizers" in text


def test_a_page_that_is_passed_on_names_no_folders(tmp_path, comparison):
    comparison["question"] = "Question: what of /home/ann/x.npz?\nCommand: f /home/ann/x.yaml"
    page = write_report(fill(tmp_path, comparison))
    report.write_joint_report([tmp_path, tmp_path], tmp_path / "joint.html", profile=None)
    for path in (page, tmp_path / "joint.html"):
        text = path.read_text("utf-8")
        assert text.count("what of …/x.npz?\n") + text.count("what of …/x.npz?</") == 2
        assert "Command: f …/x.yaml" in text
        assert "/home" not in text
        assert "Question" not in text
