"""Rules on one leaf, lifted to trees.

A rule is what a paper writes, for one array: ``rule(g, *kept, **numbers) -> (u, kept)``. What all
rules have in common is said here: precision, storage, missing gradients, shapes, the counter, and
that a rule is traced once for all leaves of one shape and dtype.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ae_optax._checks import check_params_given
from ae_optax._numbers import increment, wide_dtype, zeros_like
from ae_optax._trees import check_kind, misshapen, rows_of
from ae_optax._types import StorageDType

Rule = Callable[..., Any]


def leafwise(
    rule: Rule,
    state: type[Any] = optax.EmptyState,
    start: Callable[[Any], tuple[Any, ...]] = lambda _: (),
    *,
    scalars: Callable[[Any, Any], Mapping[str, Any]] | None = None,
    reads_params: bool = False,
    **numbers: Any,
) -> optax.GradientTransformation:
    r"""Make a transformation of a rule for one leaf.

    .. code-block:: python

        def average(decay, *, dtype=None):
            check_in_unit_interval("decay", decay)
            return leafwise(_average, AverageState, zeros(dtype), decay=decay)


        def _average(g, mean, *, decay):
            mean = decay * mean + (1 - decay) * g
            return mean, (mean,)

    The rule computes in at least float32: ``g``, parameters and what is kept come in one dtype,
    that of the gradient (and of the parameter, if it is read) widened, and numbers fit it. What it
    returns is cast back: :math:`u` to the dtype of the gradient, what is kept to the dtypes that
    ``start`` chose. Where a gradient is missing nothing is called and what is kept stays; where all
    are, so does the count.

    What is kept of a leaf need not have its shape, nor be one array: any tree of arrays will do,
    such as two factors of a second moment, stacked blocks of a matrix, a random key. Floating and
    complex arrays among them are cast like the others, whole numbers and keys come as they are.

    Args:
        rule: ``rule(g, *kept, **numbers) -> (u, kept)``, or ``-> u`` if nothing is kept. A function
            of a module, not one made inside another: every new function would be traced, and where
            nothing is compiled around it compiled, anew.
        state: The type of the state, a ``NamedTuple``: a field for each thing that is kept, trees
            like the parameters, and ``count`` if updates are counted.
        start: ``start(p) -> kept``: what is kept of a parameter, which may be abstract, at first.
        scalars: ``scalars(t, like) -> numbers``: more numbers for the rule, computed once for all
            leaves of one dtype, ``like`` being an abstract scalar of it (the real one), and ``t``
            the number of this update, from 1 (``None`` if the state has no ``count``).
        reads_params: The rule is ``rule(g, p, *kept, **numbers)``, with the parameters ``p``.
        **numbers: Arguments of the rule. Plain numbers reach it as they are, and are part of the
            program; arrays in the dtype of ``g``; anything else shapes the program.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates.

    Raises:
        ValueError: In ``update``, if a leaf has another shape than its parameter, or if ``params``
            is missing and read.
        TypeError: In ``init`` and ``update``, if a leaf is not of floating or complex numbers.
    """
    counts = "count" in state._fields
    names = [name for name in state._fields if name != "count"]

    @functools.cache
    def shapes(shape, dtype):
        like = jax.eval_shape(start, jax.ShapeDtypeStruct(shape, dtype))
        return [leaf.shape for leaf in jax.tree.leaves(like)]

    def init(params):
        kept = dict(zip(names, _started(start, params, len(names)), strict=True))
        return state(**({"count": jnp.zeros([], jnp.int32)} if counts else {}), **kept)

    def update(updates, state, params=None):
        if reads_params:
            check_params_given(params)
        if not jax.tree.leaves(updates):
            return updates, state
        count = {"count": increment(state.count)} if counts else {}
        out, kept = map_rule(
            rule,
            updates,
            *([params] if reads_params else []),
            kept=[getattr(state, name) for name in names],
            shapes=shapes,
            scalars=scalars and functools.partial(scalars, count.get("count")),
            **numbers,
        )
        return out, state._replace(**count, **dict(zip(names, kept, strict=True)))

    return optax.GradientTransformation(init, update)


def zeros(*dtypes: StorageDType) -> Callable[[Any], tuple[jax.Array, ...]]:
    """Return a ``start`` that keeps zeros of the shape of the parameter, one array for a dtype."""
    return lambda p: tuple(zeros_like(p, dtype) for dtype in dtypes)


def times(g: jax.Array, *, factor: Any) -> jax.Array:
    """Return ``factor * g``, the rule of whatever scales updates by one number."""
    return factor * g


def map_rule(
    rule: Rule,
    updates: Any,
    *reads: Any,
    kept: Iterable[Any] = (),
    shapes: Callable[[Any, Any], list[Any]] | None = None,
    scalars: Callable[[Any], Mapping[str, Any]] | None = None,
    **numbers: Any,
) -> tuple[Any, list[Any]]:
    """Apply a rule at every leaf, as :func:`leafwise` does.

    Args:
        rule: ``rule(g, *reads, *kept, **numbers)``, as there.
        updates: A tree of gradients.
        *reads: Trees of arrays that the rule reads only, each of the shape of the gradient.
        kept: Trees of what is kept.
        shapes: ``shapes(shape, dtype)`` of the arrays kept of such a gradient; ``None`` if they
            are like it.
        scalars: ``scalars(like) -> numbers``, as there, without the count.
        **numbers: As there.

    Returns:
        The tree of what goes out, and the trees of what is kept.
    """
    assert "<locals>" not in rule.__qualname__, "It would be traced anew for every instance."
    structure, rows = rows_of(updates, *reads)
    columns = zip(*map(structure.flatten_up_to, kept), strict=True) if kept else [()] * len(rows)
    arrays = {k: v for k, v in numbers.items() if isinstance(v, jax.Array | np.ndarray)}
    static = tuple((k, _plain(v)) for k, v in numbers.items() if k not in arrays)
    fitting: dict[Any, dict[str, jax.Array]] = {}
    outs, news = [], []
    for position, ((g, *read), own) in enumerate(zip(rows, columns, strict=True)):
        if g is None:
            outs.append(None)
            news.append(own)
            continue
        dtypes = (g.dtype, *(x.dtype for x in read))
        if dtypes not in fitting:
            check_kind("updates", updates, position, g)
            wide = _wide(dtypes)
            like = jax.ShapeDtypeStruct((), jnp.finfo(wide).dtype)
            shared = arrays | dict(scalars(like) if scalars else {})
            fitting[dtypes] = {k: _number(v, wide) for k, v in shared.items()}
        _check_kept(updates, position, g, own, shapes)
        out, new = _at_leaf(rule, static, bool(kept), g, tuple(read), own, fitting[dtypes])
        outs.append(out)
        news.append(new)
    back = zip(*news, strict=True) if news else [[] for _ in kept]
    return structure.unflatten(outs), [structure.unflatten(column) for column in back]


# One function for all rules and leaves: jax keeps what it has traced, and outside of a compiled
# step compiled, by rule, plain numbers, shapes and dtypes.
@functools.partial(jax.jit, static_argnums=(0, 1, 2), inline=True)
def _at_leaf(rule, static, keeps, g, reads, kept, arrays):
    wide = _wide([g.dtype, *(x.dtype for x in reads)])
    inputs = jax.tree.map(lambda x: _widened(x, wide), (g, *reads, *kept))
    found = rule(*inputs, **dict(static), **arrays)
    out, new = found if keeps else (found, ())
    return out.astype(g.dtype), jax.tree.map(lambda n, k: n.astype(k.dtype), tuple(new), kept)


def _wide(dtypes):
    return functools.reduce(jnp.promote_types, map(wide_dtype, dtypes))


def _widened(x, wide):
    return x.astype(wide) if jnp.issubdtype(x.dtype, jnp.inexact) else x


def _number(value, wide):
    value = jnp.asarray(value)
    return value if value.dtype == bool else value.astype(wide)


def _plain(value):
    return float(value) if isinstance(value, np.floating) else value


def _check_kept(updates, position, g, kept, shapes):
    found = [jnp.shape(leaf) for leaf in jax.tree.leaves(kept)]
    if found != (shapes(g.shape, g.dtype) if shapes else [g.shape] * len(found)):
        several = f"for which arrays of the shapes {found} are kept"
        wanted = f"{found[0]}" if len(set(found)) == 1 else several
        raise ValueError(misshapen(updates, position, wanted, g.shape))


def _started(start, params, number):
    leaves, structure = jax.tree.flatten(params)
    for position, leaf in enumerate(leaves):
        check_kind("params", params, position, leaf)
    rows = [start(leaf) for leaf in leaves]
    columns = zip(*rows, strict=True) if rows else [[] for _ in range(number)]
    return [structure.unflatten(column) for column in columns]
