"""Galleries of vectors, and codes in the colours of their classes."""

import numpy as np
import pytest

from ae_optax.lab.report._gallery import Exhibit, gallery


def page(originals, **images):
    exhibits = [Exhibit(3, "adam", "at 1e-3", {"reconstructions": originals + 0.1, **images})]
    return "".join(gallery(originals, exhibits, "after the last epoch"))


def test_vectors_are_curves():
    originals = np.random.default_rng(0).normal(size=(10, 7)).astype(np.float32)
    broken = originals.copy()
    broken[0, 2] = np.nan
    text = page(originals, reconstructions=broken, samples=originals)
    assert text.count("<svg") == 4
    assert "Test vector 4 and its reconstructions by adam." in text
    assert "<img" not in text
    assert "var(--c3)" in text


def test_codes_have_the_colours_of_their_classes():
    rng = np.random.default_rng(0)
    codes, labels = rng.normal(size=(40, 2)), np.arange(40) % 10
    classes = np.array([*"012345678", "<b>"])
    text = page(
        rng.uniform(size=(3, 4, 4)), codes=codes, code_width=2, labels=labels, classes=classes
    )
    assert all(f"var(--c{i})" in text for i in range(8))
    assert "&lt;b&gt;" in text
    assert "<b>" not in text.replace('<b class="', "")
    plain = page(rng.uniform(size=(3, 4, 4)), codes=codes, code_width=2)
    assert "Classes:" not in plain


@pytest.mark.parametrize("wrong", [np.array(["a"]), np.full((2, 8, 8), 1j), np.zeros(3)])
def test_pictures_that_cannot_be_drawn_are_told_of_in_their_place(wrong):
    images = {"reconstructions": wrong, "codes": wrong, "code_width": wrong}
    text = "".join(gallery(wrong, [Exhibit(0, "a", "", images)], "the model"))
    assert "The pictures cannot be shown" in text
