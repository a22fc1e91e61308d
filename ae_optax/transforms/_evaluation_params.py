"""The parameters at which an optimizer wants its model evaluated."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp
import optax

from ae_optax._trees import path_of, states_of

P = TypeVar("P")
Rule = Callable[[jax.Array, jax.Array], jax.Array]


@runtime_checkable
class EvaluatesElsewhere(Protocol):
    """A state of a transformation whose model is to be evaluated elsewhere than it is trained."""

    def evaluate_at(self) -> tuple[Rule, optax.Params]:
        """Say where.

        Returns:
            ``rule(param, kept)`` on one leaf, and the tree of what is kept of each parameter.
        """
        ...


def evaluation_params(state: Any, params: P | None = None) -> P:
    r"""Return the parameters at which an optimizer wants its model evaluated.

    Those that are trained for most; the averages of :func:`average_params` and of
    ``schedule_free``, the slow parameters of :func:`lookahead`. It is found wherever it stands in
    the optimizer: in a chain, behind ``by_path``, ``optax.masked``, ``optax.MultiSteps`` and other
    wrappers. What averages some of the parameters decides for these alone.

    .. code-block:: python

        evaluation_params(opt_state, params)  # In a loop of plain trees.
        evaluation_params(train_state)  # Flax's TrainState, or the trainer's.
        evaluation_params(optimizer, nnx.state(model, nnx.Param))  # nnx.Optimizer.

    A transformation of one's own says where by a method of its state: ``evaluate_at()`` returns
    ``rule(param, kept)`` for one leaf, and the tree of what is kept of each.

    Args:
        state: The state of an optimizer, or what holds it as ``opt_state``.
        params: The parameters that are trained: a tree of arrays or of Flax's variables, which may
            hold more than parameters. ``None``: those that ``state`` holds as ``params``.

    Returns:
        A tree like ``params``, with its dtypes.

    Raises:
        ValueError: If two transformations decide for one parameter, or one for something that
            ``params`` does not hold, or if ``params`` is missing.
    """
    opt_state = getattr(state, "opt_state", state)
    if params is None and not hasattr(state, "params"):
        raise ValueError(
            f"`params` must be given with a `state` that holds none, got {type(state).__name__}. "
            "Call `evaluation_params(opt_state, params)`."
        )
    params = state.params if params is None else params
    where: dict[str, tuple[Any, Rule, Any]] = {}
    for node in _found(opt_state):
        rule, kept = node.evaluate_at()
        for keys, leaf in jax.tree.leaves_with_path(kept):
            other, *_ = where.setdefault(path_of(keys), (node, rule, leaf))
            if other is not node:
                names = " and ".join(type(each).__name__ for each in (other, node))
                raise ValueError(
                    f"`state` must say once where to evaluate {path_of(keys)!r}, got {names}. "
                    "Leave out all but one."
                )

    def at(keys, param):
        if (found := where.pop(path_of(keys), None)) is None:
            return param
        _, rule, kept = found
        if jnp.shape(kept) != jnp.shape(param):
            where[path_of(keys)] = found
            return param
        return rule(param, kept).astype(jnp.result_type(param))

    evaluated = jax.tree.map_with_path(at, params)
    for path, (node, _, kept) in where.items():
        raise ValueError(
            f"`params` must hold all that {type(node).__name__} says where to evaluate, got none "
            f"at {path!r} of shape {jnp.shape(kept)}. Put it outside of what changes the "
            "parameters, such as `flatten`."
        )
    return evaluated


def _found(state: Any) -> Iterator[Any]:
    """Yield every part of a state that says where to evaluate, those inside others too."""
    nodes: list[Any] = states_of(state, EvaluatesElsewhere)
    for node in nodes:
        yield node
        yield from _found(tuple(node))
