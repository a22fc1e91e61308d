"""How an optimizer is driven here: ten lines for each of the two usual interfaces.

What comes out drives one leaf: ``run(start, gradients, rates)`` returns the parameters after each
step, as NumPy arrays in the dtype of ``start``.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax


def optax_like(make):
    """Drive ``make(learning_rate)``, an ``optax.GradientTransformation`` of a schedule."""

    @jax.jit
    def path(start, gradients, rates):
        optimizer = make(lambda step: rates[step])

        def step(carry, gradient):
            updates, state = optimizer.update(gradient, carry[1], carry[0])
            params = optax.apply_updates(carry[0], updates)
            return (params, state), params

        return jax.lax.scan(step, (start, optimizer.init(start)), gradients)[1]

    return lambda *arrays: np.asarray(path(*map(jnp.asarray, arrays)))


def torch_like(make):
    """Drive ``make(parameters)``, a ``torch.optim.Optimizer``."""
    import torch

    def run(start, gradients, rates):
        weight = torch.nn.Parameter(torch.tensor(start))
        optimizer, path = make([weight]), []
        for gradient, rate in zip(gradients, rates, strict=True):
            optimizer.param_groups[0]["lr"] = float(rate)
            weight.grad = torch.tensor(gradient)
            optimizer.step()
            path.append(weight.detach().numpy().copy())
        return np.stack(path)

    return run


def transposed(run):
    """Drive what takes (inputs, outputs) with arrays (outputs, inputs), or the reverse."""

    def other(start, gradients, rates):
        path = run(start.T.copy(), gradients.transpose(0, 2, 1).copy(), rates)
        return path.transpose(0, 2, 1)

    return other
