"""The update rules once more, from the papers: NumPy, float64, one leaf, one loop each.

Every function takes the gradients of one leaf, stacked along a leading axis of steps, and
one learning rate for each step, and returns the updates of all steps: what is *added* to
the parameters. Rules that read the parameters take them as of before the first step and
follow their own updates. Arguments have the names that the library uses; a default stands
only where the paper or the common convention names one.
"""

from itertools import count

import numpy as np


def steps(grads, learning_rate):
    """Yield ``(t, gradient, rate)`` with t from 1, gradient and rate in float64."""
    grads = np.asarray(grads, np.float64)
    learning_rate = np.asarray(learning_rate, np.float64)
    assert learning_rate.shape == grads.shape[:1]
    return zip(count(1), grads, learning_rate, strict=False)  # `count` never ends.


# Momentum.


def sgd(grads, learning_rate):
    return np.stack([-rate * g for _, g, rate in steps(grads, learning_rate)])


def momentum(grads, learning_rate, *, momentum=0.9):
    v, updates = 0.0, []
    for _, g, rate in steps(grads, learning_rate):
        v = momentum * v + g
        updates.append(-rate * v)
    return np.stack(updates)


def classical_momentum(grads, learning_rate, *, momentum=0.9):
    v, updates = 0.0, []
    for _, g, rate in steps(grads, learning_rate):
        v = momentum * v + rate * g
        updates.append(-v)
    return np.stack(updates)


def nesterov(grads, learning_rate, *, momentum=0.9):
    # With phi = theta - momentum v, where the gradient is taken:
    # phi_new - phi = momentum v - v_new - momentum v_new = -(rate g + momentum v_new).
    v, updates = 0.0, []
    for _, g, rate in steps(grads, learning_rate):
        v = momentum * v + rate * g
        updates.append(-(rate * g + momentum * v))
    return np.stack(updates)


def nesterov_look_ahead(gradient, params, learning_rate, *, momentum=0.9):
    """Return the points theta and look-ahead points theta - momentum v, one row for each step.

    Unlike the others this rule asks for its gradients, by calling ``gradient(point)``.
    """
    theta, v, points, look_ahead = params, 0.0, [], []
    for rate in learning_rate:
        points.append(theta)
        look_ahead.append(theta - momentum * v)
        v = momentum * v + rate * gradient(theta - momentum * v)
        theta = theta - v
    return np.stack(points), np.stack(look_ahead)


# Running squares.


def adagrad_momentum(grads, learning_rate, *, momentum=0.9, eps):
    v, b, updates = 0.0, 0.0, []
    for _, g, rate in steps(grads, learning_rate):
        v = v + g**2
        b = momentum * b + g / np.sqrt(v + eps)
        updates.append(-rate * b)
    return np.stack(updates)


def adagrad(grads, learning_rate, *, eps):
    v, updates = 0.0, []
    for _, g, rate in steps(grads, learning_rate):
        v = v + g**2
        updates.append(-rate * g / np.sqrt(v + eps))
    return np.stack(updates)


def rmsprop(grads, learning_rate, *, decay=0.9, eps):
    v, updates = 0.0, []
    for _, g, rate in steps(grads, learning_rate):
        v = decay * v + (1 - decay) * g**2
        updates.append(-rate * g / np.sqrt(v + eps))
    return np.stack(updates)


def rmsprop_centered(grads, learning_rate, *, decay=0.9, eps):
    v, mean, updates = 0.0, 0.0, []
    for _, g, rate in steps(grads, learning_rate):
        v = decay * v + (1 - decay) * g**2
        mean = decay * mean + (1 - decay) * g
        updates.append(-rate * g / np.sqrt(v - mean**2 + eps))
    return np.stack(updates)


def rmsprop_momentum(grads, learning_rate, *, decay=0.9, momentum=0.9, eps):
    v, b, updates = 0.0, 0.0, []
    for _, g, rate in steps(grads, learning_rate):
        v = decay * v + (1 - decay) * g**2
        b = momentum * b + g / np.sqrt(v + eps)
        updates.append(-rate * b)
    return np.stack(updates)


def adadelta(grads, learning_rate, *, decay, eps):
    v, u, updates = 0.0, 0.0, []
    for _, g, rate in steps(grads, learning_rate):
        v = decay * v + (1 - decay) * g**2
        delta = -np.sqrt(u + eps) / np.sqrt(v + eps) * g  # u from before this step.
        u = decay * u + (1 - decay) * delta**2  # Of the update before the rate.
        updates.append(rate * delta)
    return np.stack(updates)


# Adam and its relatives.


def adam(grads, learning_rate, *, b1=0.9, b2=0.999, eps=1e-8):
    m, v, updates = 0.0, 0.0, []
    for t, g, rate in steps(grads, learning_rate):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        updates.append(-rate * m_hat / (np.sqrt(v_hat) + eps))
    return np.stack(updates)


def adam_uncorrected(grads, learning_rate, *, b1=0.9, b2=0.999, eps=1e-8):
    m, v, updates = 0.0, 0.0, []
    for _, g, rate in steps(grads, learning_rate):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        updates.append(-rate * m / (np.sqrt(v) + eps))
    return np.stack(updates)


def adamw(grads, learning_rate, *, params, b1=0.9, b2=0.999, eps=1e-8, weight_decay):
    m, v, theta, updates = 0.0, 0.0, np.asarray(params, np.float64), []
    for t, g, rate in steps(grads, learning_rate):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        updates.append(-rate * (m_hat / (np.sqrt(v_hat) + eps) + weight_decay * theta))
        theta = theta + updates[-1]
    return np.stack(updates)


def adamax(grads, learning_rate, *, b1=0.9, b2=0.999, eps):
    # Kingma and Ba have no eps and divide zero by zero where a gradient was always zero;
    # this is where PyTorch and Optax put it.
    m, u, updates = 0.0, 0.0, []
    for t, g, rate in steps(grads, learning_rate):
        m = b1 * m + (1 - b1) * g
        u = np.maximum(b2 * u, np.abs(g) + eps)
        updates.append(-rate * m / (1 - b1**t) / u)
    return np.stack(updates)


def adam_p_norm(grads, learning_rate, *, p, b1=0.9, b2=0.999, eps=1e-8):
    # Kingma and Ba, section 7.1: the decay of the p-th moment is b2^p.
    m, v, updates = 0.0, 0.0, []
    for t, g, rate in steps(grads, learning_rate):
        m = b1 * m + (1 - b1) * g
        v = b2**p * v + (1 - b2**p) * np.abs(g) ** p
        m_hat = m / (1 - b1**t)
        v_hat = v / (1 - b2 ** (p * t))
        updates.append(-rate * m_hat / (v_hat ** (1 / p) + eps))
    return np.stack(updates)


def adam_max_norm(grads, learning_rate, *, b1=0.9, b2=0.999, eps=1e-8):
    m, v, updates = 0.0, 0.0, []
    for t, g, rate in steps(grads, learning_rate):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * np.max(np.abs(g)) ** 2  # One number for the whole leaf.
        m_hat = m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        updates.append(-rate * m_hat / (np.sqrt(v_hat) + eps))
    return np.stack(updates)


def nadam(grads, learning_rate, *, b1=0.9, b2=0.999, eps=1e-8):
    m, v, updates = 0.0, 0.0, []
    for t, g, rate in steps(grads, learning_rate):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        look_ahead = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        updates.append(-rate * look_ahead / (np.sqrt(v_hat) + eps))
    return np.stack(updates)


def nadam_scheduled(grads, learning_rate, *, b1=0.9, b2=0.999, eps=1e-8, momentum_decay=4e-3):
    # Dozat's momentum schedule as PyTorch has it; m itself decays by the constant b1.
    def mu(t):
        return b1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))

    m, v, product, updates = 0.0, 0.0, 1.0, []
    for t, g, rate in steps(grads, learning_rate):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        product = product * mu(t)
        from_gradient = (1 - mu(t)) / (1 - product) * g
        from_mean = mu(t + 1) / (1 - product * mu(t + 1)) * m
        v_hat = v / (1 - b2**t)
        updates.append(-rate * (from_gradient + from_mean) / (np.sqrt(v_hat) + eps))
    return np.stack(updates)


def amsgrad(grads, learning_rate, *, b1=0.9, b2=0.999, eps=1e-8):
    # Reddi et al. correct no bias; this is Adam with the maximum of its corrected v.
    m, v, v_max, updates = 0.0, 0.0, 0.0, []
    for t, g, rate in steps(grads, learning_rate):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        v_max = np.maximum(v_max, v / (1 - b2**t))
        m_hat = m / (1 - b1**t)
        updates.append(-rate * m_hat / (np.sqrt(v_max) + eps))
    return np.stack(updates)


def adabelief(grads, learning_rate, *, b1=0.9, b2=0.999, eps=1e-16):
    m, s, updates = 0.0, 0.0, []
    for t, g, rate in steps(grads, learning_rate):
        m = b1 * m + (1 - b1) * g
        s = b2 * s + (1 - b2) * (g - m) ** 2 + eps  # The new m; eps accumulates in s.
        m_hat = m / (1 - b1**t)
        s_hat = s / (1 - b2**t)
        updates.append(-rate * m_hat / (np.sqrt(s_hat) + eps))
    return np.stack(updates)


def yogi(grads, learning_rate, *, b1=0.9, b2=0.999, eps=1e-3):
    # Zaheer et al. correct no bias.
    m, v, updates = 0.0, 0.0, []
    for _, g, rate in steps(grads, learning_rate):
        m = b1 * m + (1 - b1) * g
        v = v - (1 - b2) * np.sign(v - g**2) * g**2
        updates.append(-rate * m / (np.sqrt(v) + eps))
    return np.stack(updates)


def radam(grads, learning_rate, *, b1=0.9, b2=0.999, eps=1e-8):
    # Liu et al. rectify from rho > 4 on, their program and the frameworks from 5 on.
    m, v, updates = 0.0, 0.0, []
    rho_inf = 2 / (1 - b2) - 1
    for t, g, rate in steps(grads, learning_rate):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        rho = rho_inf - 2 * t * b2**t / (1 - b2**t)
        if rho >= 5:
            above, below = (rho - 4) * (rho - 2) * rho_inf, (rho_inf - 4) * (rho_inf - 2) * rho
            updates.append(-rate * np.sqrt(above / below) * m_hat / (np.sqrt(v_hat) + eps))
        else:
            updates.append(-rate * m_hat)
    return np.stack(updates)


def lion(grads, learning_rate, *, params, b1=0.9, b2=0.99, weight_decay=0.0):
    m, theta, updates = 0.0, np.asarray(params, np.float64), []
    for _, g, rate in steps(grads, learning_rate):
        direction = np.sign(b1 * m + (1 - b1) * g)  # m from before this step.
        m = b2 * m + (1 - b2) * g
        updates.append(-rate * (direction + weight_decay * theta))
        theta = theta + updates[-1]
    return np.stack(updates)


def adan(grads, learning_rate, *, params, b1=0.98, b2=0.92, b3=0.99, eps=1e-8, weight_decay=0.0):
    # The decays are one minus the betas of Xie et al., so their factor 1 - beta2 is b2.
    # Like their program, and unlike their algorithm 1, this corrects the bias of all three
    # averages; like Optax, and unlike both, the weight decay is a term of the update, not a
    # division by 1 + rate * weight_decay.
    m, v, n, theta, updates = 0.0, 0.0, 0.0, np.asarray(params, np.float64), []
    previous = np.asarray(grads[0], np.float64)  # The first change is zero.
    for t, g, rate in steps(grads, learning_rate):
        change, previous = g - previous, g
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * change
        n = b3 * n + (1 - b3) * (g + b2 * change) ** 2
        direction = m / (1 - b1**t) + b2 * v / (1 - b2**t)
        direction = direction / (np.sqrt(n / (1 - b3**t)) + eps)
        updates.append(-rate * (direction + weight_decay * theta))
        theta = theta + updates[-1]
    return np.stack(updates)


# Trust ratios.


def norm(x):
    return np.sqrt(np.sum(x**2))


def lamb(grads, learning_rate, *, params, b1=0.9, b2=0.999, eps=1e-6, weight_decay):
    m, v, theta, updates = 0.0, 0.0, np.asarray(params, np.float64), []
    for t, g, rate in steps(grads, learning_rate):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        u = m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps) + weight_decay * theta
        trust_ratio = norm(theta) / norm(u) if norm(theta) > 0 and norm(u) > 0 else 1.0
        updates.append(-rate * trust_ratio * u)
        theta = theta + updates[-1]
    return np.stack(updates)


def lars(grads, learning_rate, *, params, momentum=0.9, weight_decay, trust_coefficient=1e-3):
    # The two norms are added, as You, Gitman and Ginsburg print it. That the rate of a leaf is
    # the common rate where a norm is zero is not in the paper, but in every program.
    v, theta, updates = 0.0, np.asarray(params, np.float64), []
    for _, g, rate in steps(grads, learning_rate):
        below = norm(g) + weight_decay * norm(theta)
        both = norm(theta) > 0 and below > 0
        trust_ratio = trust_coefficient * norm(theta) / below if both else 1.0
        v = momentum * v + rate * trust_ratio * (g + weight_decay * theta)
        updates.append(-v)
        theta = theta + updates[-1]
    return np.stack(updates)


# Averages.


def schedule_free_adamw(grads, learning_rate, *, params, **settings):
    return schedule_free_adamw_and_average(grads, learning_rate, params=params, **settings)[0]


def schedule_free_adamw_and_average(
    grads, learning_rate, *, params, b1=0.9, b2=0.999, eps=1e-8, weight_decay=0.0, warmup_steps=0
):
    """Return the updates of y, in the order of the authors' program, and the averages x."""
    y = z = np.asarray(params, np.float64)
    v, largest, weight_sum, updates, averages = 0.0, 0.0, 0.0, [], []
    for t, g, rate in steps(grads, learning_rate):
        rate = rate * (min(1.0, t / warmup_steps) if warmup_steps else 1.0)
        largest = max(largest, rate)
        weight = largest**2
        weight_sum += weight
        c = weight / weight_sum if weight_sum else 0.0
        v = b2 * v + (1 - b2) * g**2
        d = g / (np.sqrt(v / (1 - b2**t)) + eps) + weight_decay * y
        new = y + c * (z - y) + rate * (b1 * (1 - c) - 1) * d
        z = z - rate * d
        updates.append(new - y)
        y = new
        averages.append(y + (1 - 1 / b1) * (z - y))
    return np.stack(updates), np.stack(averages)
