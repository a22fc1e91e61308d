"""Quasi-Newton updates of the two inverse factors of a layer's curvature, by a second pass."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import (
    check_in_unit_interval,
    check_learning_rate,
    check_params_given,
    check_positive,
    rate_at,
)
from ae_optax._matrices._products import product
from ae_optax._matrices._roots import damped_inverse
from ae_optax._numbers import in_range, increment, scalar, unhidden, widen, zeros_like
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import cast_like, is_none, map_updates, own_keys
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.transforms._layer_statistics import rows_of_layer
from ae_optax.transforms._needs import needing
from ae_optax.transforms._parts import check_all_real

MEMORY, LEAST, CAUTION = 0.9, 0.2, 1e-4


class PreconditionBfgsState(NamedTuple):
    """What :func:`precondition_bfgs` remembers between steps.

    Attributes:
        count: Number of updates seen, each with one more pass of its batch; shape (), int32.
        factors: Of every matrix that of its inputs, (inputs, inputs), in at least float32, as all.
        inputs: The inverse of that factor, followed.
        outputs: The inverse curvature of the outputs, (outputs, outputs).
        steps: Averages of how the mean output changed, (outputs,).
        changes: Averages of how its mean gradient changed with it, (outputs,).
        inner: State of the inner transformation.
    """

    count: jax.Array
    factors: Any
    inputs: Any
    outputs: Any
    steps: Any
    changes: Any
    inner: optax.OptState


class _Kept(NamedTuple):
    """What is remembered of one layer."""

    factor: jax.Array
    inputs: jax.Array
    outputs: jax.Array
    step: jax.Array
    change: jax.Array


@transformation
def precondition_bfgs(
    *,
    inner: optax.GradientTransformation,
    learning_rate: ScalarOrSchedule,
    decay: Scalar = 0.9,
    damping: Scalar = 0.3,
) -> optax.GradientTransformation:
    r"""Multiply with inverse factors of the curvature that BFGS follows.

    Of a layer :math:`s_n = W^\top a_n`, with gradients :math:`\delta_n` of its outputs, means over
    the batch with a bar, and :math:`M` what is made of the gradient first,

    .. math::

        A_t &= \rho\, A_{t-1} + (1 - \rho)\, \tfrac1N \sum_n a_n a_n^\top, \qquad
        A_\lambda = A_t + \sqrt\lambda\, I \\
        H_A &\leftarrow \operatorname{bfgs}(H_A;\, H_A \bar a,\, A_\lambda H_A \bar a) \\
        U_t &= H_A\, M_t\, H_S

    and, with one more pass of the *same* batch at the new point, where a step of :math:`-\eta\, U`
    leads, and averages of :math:`\bar s_{\text{new}} - \bar s` and
    :math:`\bar\delta_{\text{new}} - \bar\delta` of decay 0.9, damped twice as Powell does,

    .. math::

        H_S \leftarrow \operatorname{bfgs}(H_S;\, s,\, y), \qquad
        \operatorname{bfgs}(H; s, y) = \Big(I - \frac{s y^\top}{s^\top y}\Big)\, H\,
            \Big(I - \frac{y s^\top}{s^\top y}\Big) + \frac{s s^\top}{s^\top y}

    from :math:`H_S = I` and, at the first gradient, :math:`H_A = A_\lambda^{-1}` of its batch.

    Args:
        inner: What is made of the gradient first, an average for instance.
        learning_rate: :math:`\eta \ge 0`, of the step that :func:`scale_by_learning_rate` makes of
            all this: the second pass is made where that leads.
        decay: :math:`\rho \in [0, 1)`, of :math:`A`.
        damping: :math:`\lambda > 0`.

    Returns:
        A transformation, for the inside of :func:`for_layers`, that keeps structure, shapes and
        dtypes of its updates; it needs ``params``, ``layers`` and ``layers_at``.

    Raises:
        ValueError: If ``learning_rate`` is negative, ``decay`` outside [0, 1) or ``damping`` not
            positive; in ``init``, if a leaf is no matrix; in ``update``, if ``params``, ``layers``
            or ``layers_at`` is missing.
        TypeError: If a number is none, ``inner`` no gradient transformation, or, in ``update``, a
            leaf not of real floating numbers.

    References:
        Goldfarb, Ren and Bahamou, `Practical Quasi-Newton Methods for Training Deep Neural Networks
        <https://arxiv.org/abs/2006.08877>`_, NeurIPS 2020.
    """
    check_transformation("inner", inner)
    check_learning_rate("learning_rate", learning_rate)
    check_in_unit_interval("decay", decay)
    check_positive("damping", damping)
    inner = optax.with_extra_args_support(inner)

    def init(params):
        for shape in map(jnp.shape, jax.tree.leaves(params)):
            if len(shape) != 2:
                raise ValueError(
                    "`params` must hold kernels with their biases as matrices, got a leaf of "
                    f"shape {shape}. Put `precondition_bfgs` inside `for_layers`."
                )

        def each(make):
            return jax.tree.map(lambda p: make(zeros_like(p, None)), params)

        return PreconditionBfgsState(
            count=jnp.zeros([], jnp.int32),
            factors=each(lambda p: 0 * _identity(p, 0)),
            inputs=each(lambda p: _identity(p, 0)),
            outputs=each(lambda p: _identity(p, 1)),
            steps=each(lambda p: jnp.sum(p, 0)),
            changes=each(lambda p: jnp.sum(p, 0)),
            inner=inner.init(params),
        )

    def update(updates, state, params=None, **extra):
        check_params_given(params)
        check_all_real("updates", updates)
        layers, layers_at = extra["layers"], extra["layers_at"]  # Both are there: they are needed.
        wide = map_updates(widen, updates)
        moved, inner_state = inner.update(wide, state.inner, params, **extra)
        places = _Places(updates, state, params)
        count = increment(state.count)
        known, out = [], []
        for g, m, kept, a in places.rows(wide, moved, layers):
            known.append(_learned_inputs(kept, a, count, decay, damping))
            u = product(product(known[-1].inputs, m), known[-1].outputs)
            out.append(unhidden(in_range(u), g))
        rate = rate_at(learning_rate, state.count)
        direction = places.tree(out, updates)
        # The second pass: of the same batch, where the step leads.
        again = layers_at(direction, rate)
        known = [
            _learned_outputs(kept, *pair, damping)
            for kept, pair in zip(known, places.pairs(direction, rate, layers, again), strict=True)
        ]
        factors, inputs, outputs, steps, changes = places.stored(known)
        return cast_like(direction, updates), PreconditionBfgsState(
            count, factors, inputs, outputs, steps, changes, inner_state
        )

    made = optax.GradientTransformationExtraArgs(init, update)
    return needing("layers", needing("layers_at", made))


class _Means(NamedTuple):
    """Of one layer and one batch: the mean output and its mean gradient."""

    output: jax.Array
    gradient: jax.Array


class _Places:
    """The leaves that have a gradient, in order, and what is kept of each."""

    def __init__(self, updates: Any, state: PreconditionBfgsState, params: Any):
        keyed, self._structure = jax.tree.flatten_with_path(updates, is_leaf=is_none)
        self._state, self._params = state, self._structure.flatten_up_to(params)
        self._paths = [jax.tree_util.keystr(own_keys(path)) for path, _ in keyed]
        self._there = [i for i, (_, g) in enumerate(keyed) if g is not None]
        fields = [self._structure.flatten_up_to(tree) for tree in state[1:6]]
        self._kept = {i: _Kept(*(field[i] for field in fields)) for i in self._there}

    def rows(self, wide, moved, layers):
        """Yield of every leaf gradient, what was made of it, what is kept, and its inputs."""
        wide, moved = map(self._structure.flatten_up_to, (wide, moved))
        for i in self._there:
            a, _, n = self._layer(layers, i, wide[i])
            yield wide[i], moved[i], self._kept[i], (a.reshape(-1, a.shape[-1]), n * a.shape[1])

    def pairs(self, direction, rate, layers, again):
        """Yield of every leaf the means before and after the step."""
        direction = self._structure.flatten_up_to(direction)
        for i in self._there:
            kernel = widen(self._params[i])
            new = kernel - scalar(rate, kernel) * direction[i].astype(kernel.dtype)
            yield self._means(layers, i, kernel), self._means(again, i, new)

    def tree(self, leaves, like):
        """Return a tree of the leaves that are there."""
        new = dict(zip(self._there, leaves, strict=True))
        flat = self._structure.flatten_up_to(like)
        return self._structure.unflatten([new.get(i, x) for i, x in enumerate(flat)])

    def stored(self, known):
        """Return the trees of what is kept, renewed where a gradient is there."""
        trees = self._state[1:6]
        if not known:
            return trees
        new = [
            [x.astype(old.dtype) for x, old in zip(field, olds, strict=True)]
            for field, olds in zip(
                zip(*known, strict=True), zip(*self._kept.values(), strict=True), strict=True
            )
        ]
        return [self.tree(leaves, tree) for leaves, tree in zip(new, trees, strict=True)]

    def _layer(self, layers, i, like):
        record = layers.joint(self._paths[i])
        if record is None:
            raise ValueError(
                f"`layers` must have a use of {self._paths[i]}, got none. Give it to another "
                "optimizer with `by_path`."
            )
        return rows_of_layer(record, like[None])

    def _means(self, layers, i, kernel):
        a, d, n = self._layer(layers, i, kernel)
        mean = jnp.sum(a, (0, 1)) / (n * a.shape[1])
        # Of one example's loss, summed over positions: the gradients hold the factor 1 / N.
        return _Means(product(mean[None], kernel)[0], jnp.sum(d, (0, 1)))


def _learned_inputs(kept, rows, count, decay, damping):
    a, n = rows
    first = count == 1
    rho = jnp.where(first, 0, jnp.asarray(decay).astype(a.dtype))
    factor = rho * kept.factor + (1 - rho) * product(a.T, a) / n
    root = scalar(damping**0.5, a)
    damped = factor + root * jnp.eye(len(factor), dtype=a.dtype)
    inverse = jax.lax.cond(
        first, lambda: damped_inverse(factor[None], damping=damping**0.5)[0], lambda: kept.inputs
    )
    s = inverse @ (jnp.sum(a, 0) / n)
    return kept._replace(factor=factor, inputs=_bfgs(inverse, s, damped @ s, ~first))


def _learned_outputs(kept, old, new, damping):
    def averaged(kept, x):
        mixed = MEMORY * kept + (1 - MEMORY) * x
        return jnp.where(jnp.all(jnp.isfinite(mixed)), mixed, kept)

    step = averaged(kept.step, new.output - old.output)
    change = averaged(kept.change, new.gradient - old.gradient)
    root = scalar(damping**0.5, step)
    h, s, y = kept.outputs, step, change
    # Powell's damping, against the inverse first, then against a multiple of the identity.
    size, along = y @ h @ y, s @ y
    theta = jnp.where(along <= LEAST * size, (1 - LEAST) * size / _nonzero(size - along), 1)
    s = theta * s + (1 - theta) * (h @ y)
    size, along = s @ s, s @ y
    theta = jnp.where(along <= root * size, (1 - root) * size / _nonzero(size - along), 1)
    y = theta * y + (1 - theta) * s
    steep = jnp.sqrt(jnp.sum(old.gradient**2))
    curved = s @ y > CAUTION * (s @ s) * steep
    outputs = _bfgs(h, s, y, curved)
    return kept._replace(step=step, change=change, outputs=outputs)


def _bfgs(h, s, y, when):
    """Return the inverse after one update; as it was where nothing is curved."""
    along = s @ y
    rho = 1 / _nonzero(along)
    # Of (I - rho s y') H (I - rho y s') the products with vectors alone.
    hy = h @ y
    new = h - rho * (jnp.outer(s, hy) + jnp.outer(hy, s))
    new = new + (rho * rho * (y @ hy) + rho) * jnp.outer(s, s)
    return jnp.where(when & (along > 0) & jnp.all(jnp.isfinite(new)), new, h)


def _identity(zeros, axis):
    return jnp.eye(zeros.shape[axis], dtype=zeros.dtype) + jnp.sum(zeros)


def _nonzero(x):
    return jnp.where(x == 0, jnp.ones_like(x), x)
