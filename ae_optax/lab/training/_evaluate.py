"""What a state's model is worth: losses and metrics over a set, and what there is to see.

All that is here looks at the model where the optimizer says, see
:func:`~ae_optax.evaluation_params`: at an average of the parameters, for instance.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from ae_optax._equations import each_equation
from ae_optax.lab.losses import Seen, sum_of_terms
from ae_optax.lab.models import as_output
from ae_optax.lab.training._epoch import steps_per_epoch
from ae_optax.lab.training._state import TrainState
from ae_optax.lab.training._task import N_SHOWN, Task, make_values
from ae_optax.transforms import evaluation_params

EVALUATION_BATCH = 1000
EVALUATION_BYTES = 2**30
"""Of all arrays that a batch makes on its way, of which a third is there at once, at the most."""

EVALUATION_SEED = 0
"""Every evaluation draws the same corruptions and codes, whatever the run's seed."""

N_CODES = 500

Show = Callable[[TrainState, jax.Array], jax.Array | None]


class Evaluate(Protocol):
    """What :func:`make_evaluate` makes."""

    def __call__(
        self, state: TrainState, images: jax.Array, labels: jax.Array | None = None
    ) -> Mapping[str, jax.Array]:
        """Measure images (n, ...), with the positions of their classes (n,) if they are known."""
        ...


def make_evaluate(task: Task, *, batch_size: int = EVALUATION_BATCH) -> Evaluate:
    """Make the pure function that measures the loss, its terms and metrics over a set.

    Args:
        task: Its model is applied with ``train=False``, its loss has the weights of the state's
            step, its corruption is the same at every evaluation, and its metrics are of the output
            as pixels.
        batch_size: Images at a time; fewer where these would make more than a GiB of arrays.

    Returns:
        ``evaluate(state, images, labels=None) -> {name: scalar}``: the ``loss``, its terms if it
        has several, what it reports, and the metrics; all NaN for an empty set. ``labels`` (n,) are
        positions in ``task.data.labels.classes``, which metrics of classes need. To be compiled by
        the caller.
    """
    see, loss, metrics, values = _make_see(task), task.loss, task.metrics, make_values(task.data)
    n_classes = 0 if task.data.labels is None else len(task.data.labels.classes)

    def evaluate(state, images, labels=None):
        state = _where_to_evaluate(state)
        n = images.shape[0]
        if n == 0:
            images = jnp.zeros((1, *images.shape[1:]), images.dtype)
            labels = None if labels is None else jnp.zeros(1, jnp.int32)

        def measure(number, where, here):
            batch = values(images[where])
            weights = here.astype(batch.dtype)
            seen = see(state, batch, weights, number)
            as_pixels = seen._replace(output=_pixels(loss, seen.output))
            if labels is not None:
                as_pixels = as_pixels._replace(classes=jax.nn.one_hot(labels[where], n_classes))
            return _means(loss, seen), as_pixels, jnp.sum(weights)

        def body(carry, batch):
            totals, sums = carry
            means, seen, count = measure(*batch)
            totals = jax.tree.map(lambda total, mean: total + mean * count, totals, means)
            return (totals, [m.add(s, seen) for m, s in zip(metrics, sums, strict=True)]), None

        def look(*batch):
            """Make all that a batch makes, to see how much that is."""
            means, seen, _ = measure(*batch)
            return means, seen, [metric.add(metric.start(seen), seen) for metric in metrics]

        size = max(1, min(batch_size, n))
        one = jax.ShapeDtypeStruct((size,), jnp.int32)
        batch = jax.ShapeDtypeStruct((), jnp.int32), one, one.update(dtype=bool)
        program, (means, seen, _) = jax.make_jaxpr(look, return_shape=True)(*batch)
        size = max(1, min(size, int(size * EVALUATION_BYTES / _bytes_made(program))))
        steps = max(1, steps_per_epoch(n, size))
        indices = jnp.minimum(jnp.arange(steps * size), n - 1).reshape(steps, size)
        present = (jnp.arange(steps * size) < n).reshape(steps, size)
        batches = (jnp.arange(steps), indices, present)
        totals = jax.tree.map(lambda mean: jnp.zeros(mean.shape, mean.dtype), means)
        start = (totals, [metric.start(seen) for metric in metrics])
        (totals, sums), _ = jax.lax.scan(body, start, batches)
        found = jax.tree.map(lambda total: total / max(n, 1), totals)
        for metric, its_sums in zip(metrics, sums, strict=True):
            found = {**found, **metric.finish(its_sums)}
        return found if n else jax.tree.map(lambda x: jnp.full_like(x, jnp.nan), found)

    return evaluate


class Reconstructions(NamedTuple):
    """Images as the model was given them and as it gave them back; pixels in [0, 1].

    Attributes:
        inputs: What the model was given, corrupted if there is a corruption; shape (n, ...).
        outputs: What it made of them; likewise.
    """

    inputs: jax.Array
    outputs: jax.Array


def make_reconstruct(task: Task) -> Callable[[TrainState, jax.Array], Reconstructions]:
    """Make the pure function that shows what a model makes of images.

    Args:
        task: Its model is applied with ``train=False``, its loss knows how to read the output as
            pixels, and its corruption is done to the images first.

    Returns:
        ``reconstruct(state, images) -> Reconstructions``. To be compiled by the caller.
    """
    see, values = _make_see(task), make_values(task.data)

    def reconstruct(state, images):
        images = values(images)
        seen = see(_where_to_evaluate(state), images, None, 0)
        given = images if seen.given is None else seen.given
        return Reconstructions(given, _pixels(task.loss, seen.output).decoded)

    return reconstruct


def make_samples(task: Task) -> Show:
    """Make the pure function that decodes draws of a standard normal distribution.

    Args:
        task: Its model; one with ``decode``, whose codes are drawn from a posterior. Its loss
            knows how to read what is decoded as pixels.

    Returns:
        ``samples(state, images) -> samples`` of shape (10, ...), pixels in [0, 1] of the size of
        ``images``; ``None`` for a model that is none such: nothing draws its codes towards a
        normal distribution.
    """
    model, loss, values = task.model, task.loss, make_values(task.data)

    def samples(state, images):
        state, images = _where_to_evaluate(state), values(images)
        posterior = jax.eval_shape(functools.partial(_output, model), state, images[:1]).posterior
        if model.decode is None or posterior is None:
            return None
        shape = (N_SHOWN, *posterior.mean.shape[1:])
        drawn = jax.random.normal(jax.random.key(EVALUATION_SEED), shape, posterior.mean.dtype)
        decoded = model.decode(state.params, state.model_state, drawn, images.shape[1:])
        return loss.as_pixels(decoded)

    return samples


def make_codes(task: Task) -> Show:
    """Make the pure function that shows the codes of images.

    Args:
        task: Its model is applied with ``train=False``.

    Returns:
        ``codes(state, images) -> (n, code)`` for the first 500 images: the means where codes are
        drawn, the codes themselves elsewhere; ``None`` if the model does not tell.
    """
    values = make_values(task.data)

    def codes(state, images):
        output = _output(task.model, _where_to_evaluate(state), values(images[:N_CODES]))
        code = output.mean_code
        return None if code is None else code.astype(jnp.float32)

    return codes


def _bytes_made(program):
    """Return the bytes of all arrays that a traced program makes, fused or not."""
    equations = each_equation(program.jaxpr)
    made: list[Any] = [variable.aval for equation in equations for variable in equation.outvars]
    return max(1, sum(array.size * array.dtype.itemsize for array in made))


def _where_to_evaluate(state):
    return state._replace(params=evaluation_params(state))


def _make_see(task):
    model, corruption = task.model, task.corruption

    def see(state, images, weights, number):
        corruption_key, model_key = (
            jax.random.fold_in(jax.random.key(EVALUATION_SEED), 2 * number + i) for i in range(2)
        )
        given = None if corruption is None else corruption(corruption_key, images)
        inputs = images if given is None else given
        output, _ = model.apply(state.params, state.model_state, inputs, model_key, False)
        return Seen(as_output(output), images, state.params, state.step, weights, given)

    return see


def _means(loss, seen):
    terms = loss.terms(seen)
    means = {"loss": sum_of_terms(terms, seen)}
    if len(terms) > 1:
        means |= {
            name: seen.mean(term.value) if term.value.ndim else term.value
            for name, term in terms.items()
        }
    return means | {name: seen.mean(value) for name, value in loss.report(seen).items()}


def _pixels(loss, output):
    return output._replace(decoded=loss.as_pixels(output.decoded))


def _output(model, state, images):
    key = jax.random.key(EVALUATION_SEED)
    return as_output(model.apply(state.params, state.model_state, images, key, False)[0])
