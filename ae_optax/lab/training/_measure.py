"""Everything that is recorded of an epoch, measured inside the compiled program."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from ae_optax.lab.training._evaluate import Evaluate
from ae_optax.lab.training._images import Images
from ae_optax.lab.training._state import TrainState
from ae_optax.lab.training._telemetry import telemetry_numbers
from ae_optax.observing import learning_rate_in_force, plateau_scale
from ae_optax.transforms import observe

Numbers = Mapping[str, jax.Array]
Close = Callable[[TrainState, Images], tuple[TrainState, Numbers]]
PARTS = ("validation", "test")


def make_measure(evaluate: Evaluate) -> Callable[[TrainState, Images], Numbers]:
    """Make the pure function that measures a state: ``measure(state, images) -> {name: number}``.

    The loss, its terms and the metrics of the validation and test images are called
    ``validation_loss``, ``test_psnr`` and so on.
    """

    def measure(state, images):
        return {
            f"{part}_{name}": value
            for part in PARTS
            for name, value in evaluate(state, getattr(images, part)).items()
        }

    return measure


def make_close(evaluate: Evaluate) -> Close:
    """Make the pure function that ends an epoch: ``close(state, images) -> (state, numbers)``.

    It measures, notes the rate of the last step, and tells the optimizer the validation loss,
    which ``reduce_on_plateau`` observes.
    """
    measure = make_measure(evaluate)

    def close(state, images):
        numbers = {
            "train_loss": state.loss_sum / images.train.shape[0],
            **measure(state, images),
            "learning_rate": learning_rate_in_force(state.opt_state) * state.rate_scale,
            "plateau_scale": jnp.asarray(plateau_scale(state.opt_state), jnp.float32),
            **telemetry_numbers(state.opt_state),
        }
        observed = observe(state.opt_state, numbers["validation_loss"])
        return state._replace(opt_state=observed), numbers

    return close
