"""Run every contender at every rate with every seed, each contender compiled once."""

import itertools
import time
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from ae_optax.comparison._contender import Contender, Result, Run
from ae_optax.data import Dataset
from ae_optax.losses import Loss
from ae_optax.models import Model
from ae_optax.training import Images, Settings, check_trainable, make_run

N_SHOWN = 10


def compare(
    model: Model,
    loss: Loss,
    data: Dataset,
    contenders: Sequence[Contender],
    *,
    settings: Settings | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    on_run: Callable[[Contender, Run | None], None] = lambda *_: None,
) -> list[Result]:
    """Train contenders x learning rates x seeds on one problem.

    Rate and seed are traced arguments of one program for each contender, so that a sweep costs
    one compilation. A contender that cannot be built or run, and a run that diverges, take
    nothing else with them.

    Args:
        model: The model.
        loss: The loss.
        data: The images.
        contenders: What to compare.
        settings: Epochs and batch size; the seed in it is not used.
        seeds: Seeds of initial parameters and batches; every contender gets the same.
        on_run: Called after each run, and with ``None`` once a contender is compiled.

    Returns:
        One result for each contender, in their order.

    Raises:
        DataError: If the images are not fit to train on.
    """
    settings = settings or Settings()
    check_trainable(data, settings.batch_size)
    images = Images(
        *(jax.device_put(part) for part in (data.train, data.validation, data.test)),
        shown=jax.device_put(data.test[:N_SHOWN]),
    )
    results = []
    for contender in contenders:
        try:
            results.append(_run_all(model, loss, contender, settings, seeds, images, on_run))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            results.append(Result(contender, [], 0.0, 0, reason))
    return results


def _run_all(model, loss, contender, settings, seeds, images, on_run):
    started = time.perf_counter()
    run = make_run(model, loss, contender.make_optimizer, settings)
    compiled = jax.jit(run).lower(jnp.float32(0), jnp.int32(0), images).compile()
    state_bytes = _state_bytes(model, contender, images)
    compile_seconds = time.perf_counter() - started
    on_run(contender, None)
    runs = []
    for rate, seed in itertools.product(contender.learning_rates, seeds):
        started = time.perf_counter()
        result = jax.device_get(compiled(jnp.float32(rate), jnp.int32(seed), images))
        runs.append(
            Run(
                learning_rate=float(rate),
                seed=int(seed),
                seconds=time.perf_counter() - started,
                train_loss=result.train_loss,
                validation_loss=result.validation_loss,
                test_loss=result.test_loss,
                reconstructions=result.reconstructions,
            )
        )
        on_run(contender, runs[-1])
    return Result(contender, runs, compile_seconds, state_bytes, None)


def _state_bytes(model, contender, images):
    def state(images):
        params, _ = model.init(jax.random.key(0), images)
        return contender.make_optimizer(jnp.float32(0)).init(params)

    leaves = jax.tree.leaves(jax.eval_shape(state, images.train[:1]))
    return sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)
