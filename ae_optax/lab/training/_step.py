"""One step of training."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ae_optax.capturing import capture
from ae_optax.lab.losses import Loss, Seen
from ae_optax.lab.models import Model, as_output
from ae_optax.lab.training._faults import look_for_faults
from ae_optax.lab.training._settings import NonFinite
from ae_optax.lab.training._state import TrainState, key_for
from ae_optax.lab.training._task import Task, make_values
from ae_optax.transforms import needs

Step = Callable[[TrainState, jax.Array, jax.Array | None], tuple[TrainState, jax.Array]]


def make_step(
    task: Task,
    optimizer: optax.GradientTransformation,
    *,
    on_non_finite: NonFinite = "abort",
) -> Step:
    r"""Make the pure function that takes one step.

    Args:
        task: What is to be solved.
        optimizer: The optimizer. It is also passed the batch's loss, as ``value``, and
            ``observe=False``: what ``reduce_on_plateau`` observes is a loss over a whole set;
            ``reset``, which units the model has given other weights, if it does that; and what it
            :func:`~ae_optax.needs` of layers, which is captured for those only that do.
        on_non_finite: What to do if loss, gradient or what comes of the step are not finite, see
            :class:`Settings`. ``"skip"``: keep all but the count of steps as it was. Else the step
            is taken and noted in the state: whoever loops looks there, and goes back.
            ``"restore"`` scales updates by the state's ``rate_scale``.

    Returns:
        ``step(state, images, weights) -> (state, loss)`` for images (b, ...), or bytes of the data.
        ``weights`` (b,) of ones and zeros says which of them count; ``None``: all. The loss is 0
        for a step that was skipped.

    Raises:
        ValueError: If the loss expects logits and the model squashes its output, or codes in a
            range that the model's leave; when called, if targets are to be drawn and the loss knows
            no distribution of them.
    """
    check_output(task.model, task.loss)
    model, loss, corruption = task.model, task.loss, task.corruption
    values = make_values(task.data)
    optimizer = optax.with_extra_args_support(optimizer)

    def forward(params, state, images, weights):
        given = images if corruption is None else corruption(key_for(state, "corruption"), images)
        output, model_state = model.apply(
            params, state.model_state, given, key_for(state, "step"), True
        )
        given = None if corruption is None else given
        seen = Seen(as_output(output), images, params, state.step, weights, given)
        return seen, model_state

    def batch_loss(params, state, images, weights):
        seen, model_state = forward(params, state, images, weights)
        return loss(seen), model_state

    def sampled_loss(params, state, images, weights):
        seen, _ = forward(params, state, images, weights)
        return _sampled(loss)(key_for(state, "targets"), seen)

    def layers_of(*batch):
        """Return what :func:`capture` does, of the images that count."""
        captured = capture(batch_loss, has_aux=True, unrecognised="leave out")
        value, grads, layers = captured(*batch)
        return value, grads, layers.weighted(batch[-1])

    def curvature(batch, tangents):
        """Return the products of tangents with the Gauss-Newton matrix of the batch's loss."""
        params, *rest = batch
        seen, _ = forward(params, *rest)
        output, push = jax.linearize(lambda params: forward(params, *rest)[0].output, params)

        def slope(output):
            return jax.grad(lambda output: loss(seen._replace(output=output)))(output)

        moved = [push(tangent) for tangent in tangents]
        bent = [jax.jvp(slope, (output,), (move,))[1] for move in moved]
        return jnp.stack([jnp.stack([_dot(u, v) for v in bent]) for u in moved])

    def differentiated(*batch):
        """Return the loss and the model's state, the gradient, and what is told of layers."""
        (_, state, _, weights), told = batch, {}
        needed = needs(state.opt_state)
        if "sampled_layers" in needed:
            _, _, layers = capture(sampled_loss, unrecognised="leave out")(*batch)
            told["sampled_layers"] = layers.weighted(weights)
        if "layers_at" in needed:
            told["layers_at"] = lambda params: layers_of(params, *batch[1:])[2]
        if "loss_at" in needed:
            told["loss_at"] = lambda params: batch_loss(params, *batch[1:])[0]
        if "curvature" in needed:
            told["curvature"] = lambda tangents: curvature(batch, tangents)
        if "layers" not in needed:
            return *jax.value_and_grad(batch_loss, has_aux=True)(*batch), told
        value, grads, layers = layers_of(*batch)
        return value, grads, told | {"layers": layers}

    def renewed(state, images):
        """Return the state with the model's own change, and what the optimizer is told of it."""
        if model.renew is None:
            return state, {}
        params, model_state, units = model.renew(
            state.params, state.model_state, images, key_for(state, "renew")
        )
        return state._replace(params=params, model_state=model_state), {"reset": units}

    def step(state, images, weights=None):
        images, before = values(images), state
        state, told = renewed(state, images)
        batch = (state.params, state, images, weights)
        (value, model_state), grads, seen = differentiated(*batch)
        updates, opt_state = optimizer.update(
            grads, state.opt_state, state.params, value=value, observe=False, **told, **seen
        )
        if on_non_finite == "restore":
            updates = jax.tree.map(lambda u: u * state.rate_scale.astype(u.dtype), updates)
        params = optax.apply_updates(state.params, updates)
        finite, faults = look_for_faults(
            state.faults, state.step, value, grads, params, model_state
        )
        new = state._replace(params=params, model_state=model_state, opt_state=opt_state)
        if on_non_finite == "skip":
            new = jax.tree.map(lambda n, o: jnp.where(finite, n, o), new, before)
            value = jnp.where(finite, value, 0)
        return new._replace(step=state.step + 1, faults=faults), value

    return step


def told_of_layers(
    opt_state: Any, loss_fn: Callable[[Any], jax.Array], params: Any
) -> dict[str, Any]:
    """Return what an optimizer needs to be told of layers, for a try of one update.

    Args:
        opt_state: Its state.
        loss_fn: ``loss_fn(params)``; where targets would be drawn it is the same.
        params: Where it is evaluated.
    """
    needed = needs(opt_state)
    if not needed:
        return {}

    def layers_at(params):
        return capture(loss_fn, unrecognised="leave out")(params)[2]

    return dict.fromkeys(needed, layers_at(params)) | {
        "layers_at": layers_at,
        "loss_at": loss_fn,
        "curvature": lambda tangents: jnp.eye(len(tangents)),
    }


def _dot(u, v):
    """Return the inner product of two trees of floating numbers."""
    pairs = zip(jax.tree.leaves(u), jax.tree.leaves(v), strict=True)
    return jnp.sum(jnp.stack([jnp.vdot(x, y).astype(jnp.float32) for x, y in pairs]))


def _sampled(loss):
    if loss.sampled is None:
        raise ValueError(
            "`loss` must be of one distribution of the pixels that targets can be drawn from, as "
            "bce_sum, sse and gaussian_nll are, for an optimizer that reads their layers."
        )
    return loss.sampled


def check_output(model: Model, loss: Loss) -> None:
    """Raise ``ValueError`` if output or codes of a model are not what a loss is a loss of."""
    if loss.expects == "logits" and model.squashed:
        raise ValueError(
            "`loss` must fit the model: it expects logits, but the model squashes its output "
            "into [0, 1]. Give the model a linear output (`output: linear`)."
        )
    if loss.code_range is None or model.code_range is None:
        return
    (low, high), (lowest, highest) = loss.code_range, model.code_range
    if lowest < low or high < highest:
        raise ValueError(
            f"`loss` must fit the model: it is for codes in [{low:g}, {high:g}], but the model's "
            f"lie in [{lowest:g}, {highest:g}]. Give the model's code another activation "
            "(`code_activation: sigmoid`), or use a loss of codes of any range, such as code_l1."
        )
