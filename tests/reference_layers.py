"""The rules of layers once more, from the papers: NumPy, float64, one layer, one loop each.

Every function takes for each step the gradient of a layer, (inputs, outputs), its inputs (N,
inputs) and the gradients of its outputs (N, outputs) for targets drawn from the model, those of a
mean over N examples, and one learning rate; and the kernel before the first step. It returns the
kernel after each.
"""

import numpy as np
from reference_matrix import eigenvectors


def _newest(decay, t):
    """Return what the newest weighs in an average whose start at zero is left out of it."""
    return (1 - decay) / (1 - decay**t)


def _due(t, refresh_every):
    """Tell whether it is time: at each of the first steps, and every few."""
    return t <= min(refresh_every, 20) or (t - 1) % refresh_every == 0


def _factors(steps, b2):
    """Yield of every step (t, gradient, rate, A, S, inputs, output gradients of one example's)."""
    a_mean, s_mean = 0.0, 0.0
    for t, (g, a, d, rate) in enumerate(steps, 1):
        d = len(d) * d
        w = _newest(b2, t)
        a_mean = (1 - w) * a_mean + w * a.T @ a / len(a)
        s_mean = (1 - w) * s_mean + w * d.T @ d / len(d)
        yield t, g, rate, a_mean, s_mean, a, d


def kfac(steps, start, *, momentum, b2, damping, refresh_every):
    w, v, path = start, 0.0, []
    for t, g, rate, a, s, *_ in _factors(steps, b2):
        if _due(t, refresh_every):
            pi = np.sqrt((np.trace(a) / len(a)) / (np.trace(s) / len(s)))
            left = np.linalg.inv(a / pi + np.sqrt(damping) * np.eye(len(a)))
            right = np.linalg.inv(s * pi + np.sqrt(damping) * np.eye(len(s)))
        v = momentum * v + left @ g @ right
        w = w - rate * v
        path.append(w)
    return path


def kfac_eigen(steps, start, *, momentum, b2, damping, refresh_every):
    w, v, path = start, 0.0, []
    for t, g, rate, a, s, *_ in _factors(steps, b2):
        if _due(t, refresh_every):
            left, right = eigenvectors(a), eigenvectors(s)
        values = np.outer(np.diag(left.T @ a @ left), np.diag(right.T @ s @ right))
        v = momentum * v + left @ ((left.T @ g @ right) / (values + damping)) @ right.T
        w = w - rate * v
        path.append(w)
    return path


def ekfac(steps, start, *, momentum, b2, damping, refresh_every):
    w, v, f, path = start, 0.0, 0.0, []
    left, right = np.eye(start.shape[0]), np.eye(start.shape[1])
    for t, g, rate, a, s, inputs, d in _factors(steps, b2):
        if _due(t, refresh_every):
            old, left, right = (left, right), eigenvectors(a), eigenvectors(s)
            # What is known of the old basis, as if the covariance were diagonal in it.
            f = ((old[0].T @ left) ** 2).T @ (f * np.ones_like(start)) @ (old[1].T @ right) ** 2
        squares = np.mean(
            [np.outer(left.T @ x, right.T @ y) ** 2 for x, y in zip(inputs, d, strict=True)], 0
        )
        f = b2 * f + (1 - b2) * squares
        v = momentum * v + left @ ((left.T @ g @ right) / (f / (1 - b2**t) + damping)) @ right.T
        w = w - rate * v
        path.append(w)
    return path


def tnt(steps, start, *, momentum, b2, damping, refresh_every):
    w, m_sum, path = start, 0.0, []
    left_mean, right_mean = 0.0, 0.0
    m, n = start.shape
    for t, (g, a, d, rate) in enumerate(steps, 1):
        sampled, new = a.T @ d, _newest(b2, t)
        left_mean = (1 - new) * left_mean + new * sampled @ sampled.T
        right_mean = (1 - new) * right_mean + new * sampled.T @ sampled
        if _due(t, refresh_every):
            c = np.sqrt(np.trace(left_mean) / (m * n))
            left = np.linalg.inv(left_mean / (c * n) + damping * np.eye(m))
            right = np.linalg.inv(right_mean / (c * m) + damping * np.eye(n))
        m_sum = momentum * m_sum + g
        w = w - rate * left @ m_sum @ right
        path.append(w)
    return path


def _bfgs(h, s, y):
    i, rho = np.eye(len(s)), 1 / (s @ y)
    return (i - rho * np.outer(s, y)) @ h @ (i - rho * np.outer(y, s)) + rho * np.outer(s, s)


def kbfgs(gradient, batches, rates, start, *, b1, b2, damping):
    """Return the kernel after each step; ``gradient(W, batch)`` is that of it, and (a, d)."""
    w, m, a_mean, path = start, 0.0, 0.0, []
    h_out, s, y, root = np.eye(start.shape[1]), 0.0, 0.0, np.sqrt(damping)
    for t, (batch, rate) in enumerate(zip(batches, rates, strict=True), 1):
        g, a, d = gradient(w, batch)
        m = b1 * m + (1 - b1) * g
        now = a.T @ a / len(a)
        a_mean = now if t == 1 else b2 * a_mean + (1 - b2) * now
        damped = a_mean + root * np.eye(len(a_mean))
        if t == 1:
            h_in = np.linalg.inv(damped)
        else:
            along = h_in @ a.mean(0)
            h_in = _bfgs(h_in, along, damped @ along)
        old = w.T @ a.mean(0), d.sum(0)
        w = w - rate * h_in @ m @ h_out
        path.append(w)
        _, a, d = gradient(w, batch)
        s = 0.9 * s + 0.1 * (w.T @ a.mean(0) - old[0])
        y = 0.9 * y + 0.1 * (d.sum(0) - old[1])
        u, v = s, y
        if u @ v <= 0.2 * v @ h_out @ v:
            size = v @ h_out @ v
            theta = 0.8 * size / (size - u @ v)
            u = theta * u + (1 - theta) * h_out @ v
        if u @ v <= root * u @ u:
            theta = (1 - root) * (u @ u) / (u @ u - u @ v)
            v = theta * v + (1 - theta) * u
        if u @ v > 1e-4 * (u @ u) * np.linalg.norm(old[1]):
            h_out = _bfgs(h_out, u, v)
    return path
