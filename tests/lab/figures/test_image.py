import base64
import io
import re

import numpy as np
import pytest
from matplotlib.image import imread

from ae_optax.lab.figures import draw_image, drawing, make_panels, standalone

IMAGE = np.arange(12, dtype=np.float32).reshape(3, 4) / 10 - 0.05


def drawn(image, **words):
    with drawing():
        panels = make_panels([""], columns=1)
        draw_image(panels.axes[0], image, **words)
        return standalone(panels.figure, description="An image.")


@pytest.mark.parametrize("image", [IMAGE, np.stack([IMAGE, 1 - IMAGE, IMAGE], axis=-1)])
def test_the_file_holds_each_pixel_once_and_clips_what_lies_outside(image, caplog):
    (content,) = re.findall(r"data:image/png;base64,([\w+/=\s]+)", drawn(image))
    found = imread(io.BytesIO(base64.b64decode(content)))
    expected = np.clip(image if image.ndim == 3 else image[..., None], 0, 1)
    # One step of eight bits: the colour map rounds down.
    np.testing.assert_allclose(found[..., :3], expected + np.zeros(3), atol=1 / 255)
    assert not caplog.records  # Matplotlib complains of colours outside [0, 1].


def test_words_stand_above_and_beside_and_there_are_no_ticks():
    svg = drawn(IMAGE, above="25 dB", beside="blur")
    assert re.findall(r">([^<>\s][^<>]*)</text>", svg) == ["blur", "25 dB"]
