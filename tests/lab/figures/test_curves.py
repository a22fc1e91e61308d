import numpy as np
import pytest

from ae_optax.lab.figures import colour, draw_over_epochs, draw_over_rates, drawing, make_panels


def test_losses_over_epochs_are_medians_in_the_colour_of_their_position():
    with drawing():
        axes = make_panels([""], columns=1).axes[0]
        draw_over_epochs(axes, {3: [[4.0, 2.0, 1.0], [4.0, 3.0, 2.0], [4.0, 9.0, 8.0]]}, "loss")
        (line,) = axes.lines
        assert line.get_color() == colour(3)
        np.testing.assert_array_equal(line.get_xdata(), [0, 1, 2])
        np.testing.assert_array_equal(line.get_ydata(), [4.0, 3.0, 2.0])
        assert axes.get_ylabel() == "loss"


def test_losses_over_rates_share_their_limits_and_leave_out_what_diverged():
    one = {"learning_rates": [0.01, 0.1, 1.0], "test_loss": [[0.5] * 3, [0.2] * 3, [None] * 3]}
    other = {"learning_rates": [0.1, 1.0], "test_loss": [[3.0], [4.0]]}
    with drawing():
        axes = make_panels(["a", "b"], columns=2).axes
        draw_over_rates(axes, [[one], [other]])
        assert axes[0].get_xscale() == axes[0].get_yscale() == "log"
        assert axes[0].get_ylim()[1] == axes[1].get_ylim()[1] > 4
        drawn = [panel.lines[0] for panel in axes]
        np.testing.assert_array_equal(drawn[0].get_ydata(), [0.5, 0.2, np.nan])
        np.testing.assert_array_equal(drawn[1].get_xdata(), [0.1, 1.0])


def test_every_panel_needs_its_losses():
    one = {"learning_rates": [0.1], "test_loss": [[1.0]]}
    with drawing():
        axes = make_panels(["a", "b"], columns=2).axes
        with pytest.raises(ValueError, match="shorter"):
            draw_over_rates(axes, [[one]])
