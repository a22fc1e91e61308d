"""Many small leaves as one vector."""

from typing import NamedTuple

import jax
import optax

from ae_optax._checks import check_positive_integer
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import check_kinds
from ae_optax.transforms._check_elementwise import check_elementwise
from ae_optax.transforms._pack import Packing


class FlattenState(NamedTuple):
    """What :func:`flatten` remembers between steps.

    Attributes:
        inner: State of the inner transformation, which sees a pair for the parameters: its
            vectors, one for each dtype, and the leaves too large for them.
    """

    inner: optax.OptState


@transformation
def flatten(
    inner: optax.GradientTransformation, *, max_size: int = 4096
) -> optax.GradientTransformation:
    r"""Let a transformation work on all small leaves at once, laid end to end in one vector.

    The numbers stay what they are, to rounding; what falls is the cost of many leaves. A compiled
    update makes several loops for each leaf, and for a leaf of some hundred numbers starting a loop
    costs more than running it. For a thousand leaves of 64 numbers compilation takes about half the
    time and a step a third; for a few large leaves there is nothing to gain.

    What is inside must be elementwise, as Adam, RMSprop or Lion are: each coordinate by itself, and
    all alike. A norm, a mean or a matrix of a leaf is not, and is refused; it belongs before or
    after, in the :func:`~ae_optax.chain` around it:

    .. code-block:: python

        chain(clip_by_global_norm(1.0), flatten(adam(1e-3)))

    Masks and groups belong outside too: inside are neither the paths nor the shapes they go by. A
    parameter on several devices would be gathered: flatten only what each device holds whole.
    ``optax.tree_map_params`` goes over the vectors, and takes no further trees.

    Args:
        inner: What to apply.
        max_size: Leaves of more numbers than this are left as they are; to move them into a
            vector and out again would cost more than it saves.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates; it needs
        ``params`` if ``inner`` does. Every parameter needs a gradient of its own shape and dtype.

    Raises:
        ValueError: If ``max_size`` is less than 1; in ``update``, if ``inner`` is not elementwise
            or treats leaves differently, or if the updates have other leaves than the parameters.
        TypeError: If ``inner`` is no gradient transformation or ``max_size`` no integer; in
            ``init`` and ``update``, if a leaf is not of floating or complex numbers.
    """
    check_transformation("inner", inner)
    check_positive_integer("max_size", max_size)
    inner = optax.with_extra_args_support(inner)

    def init(params):
        check_kinds("params", params)  # Inside the leaves have lost their names.
        packing = Packing(params, max_size)
        if any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(params)):
            return FlattenState(inner.init(jax.eval_shape(packing.pack, params)))
        return FlattenState(inner.init(packing.pack(params)))

    def update(updates, state, params=None, **extra):
        check_kinds("updates", updates)
        packing = Packing(updates, max_size)
        packed = packing.pack(updates)
        vectors = packed[0] if packing.groups else []
        _check_same_leaves(packed, vectors, inner, state.inner)
        own = None if params is None else packing.pack(params)
        leaves = packing.small(updates) + vectors
        kinds = {(leaf.shape, leaf.dtype): leaf for leaf in leaves if leaf.size}
        check_elementwise(
            "inner", inner, kinds.values(), with_params=params is not None, extra=extra
        )
        out, inner_state = inner.update(packed, state.inner, own, **extra)
        return packing.unpack(out), FlattenState(inner_state)

    return optax.GradientTransformationExtraArgs(init, update)


def _check_same_leaves(packed, vectors, inner, state):
    like = jax.eval_shape(inner.init, packed)
    if _shapes(like) != _shapes(state):
        numbers = ", ".join(f"{vector.size} of {vector.dtype}" for vector in vectors)
        raise ValueError(
            "`updates` must have one leaf for each parameter, of its shape and dtype, got small "
            f"leaves with {numbers or 'no'} numbers, for which the state was not made. Leave out "
            "parameters with `by_path` or `optax.masked` around `flatten`."
        )


def _shapes(tree):
    return jax.tree.structure(tree), [jax.numpy.shape(leaf) for leaf in jax.tree.leaves(tree)]
