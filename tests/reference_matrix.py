"""The matrix rules once more, from the papers: NumPy, float64, one leaf, one loop each.

Every function takes the gradients of one leaf, stacked along a leading axis of steps, one learning
rate for each step and the parameters before the first, and returns the parameters after each step.
A leaf is a kernel (in, out) where a rule tells its axes apart. Nothing here knows of blocks, of
stacks or of how the library composes.
"""

from itertools import count

import numpy as np


def steps(grads, rates):
    """Yield ``(t, gradient, rate)`` with t from 1."""
    return zip(count(1), np.asarray(grads, np.float64), np.asarray(rates, np.float64), strict=False)


# Functions of matrices.


def eigenvectors(a):
    """Return those of the largest eigenvalues first."""
    return np.linalg.eigh(a)[1][:, ::-1]


def power(a, exponent, *, eps=0.0):
    values, vectors = np.linalg.eigh(a)
    return (vectors * (values + eps) ** exponent) @ vectors.T


def polar(x):
    u, _, v = np.linalg.svd(x, full_matrices=False)
    return u @ v


def polynomial(x, triples):
    """Map the singular values of ``x`` by one odd polynomial after the other."""
    u, s, v = np.linalg.svd(x, full_matrices=False)
    for a, b, c in triples:
        s = a * s + b * s**3 + c * s**5
    return (u * s) @ v


MUON = [(3.4445, -4.7750, 2.0315)] * 5


# Muon and its kin.


def _fan(shape):
    return max(1, shape[1] / shape[0]) ** 0.5


def _orthogonal(u):
    return polynomial(u / (np.linalg.norm(u) + 1e-7), MUON)


def muon(grads, rates, params, *, momentum=0.95, weight_decay=0.0):
    m, path = 0.0, []
    for _, g, rate in steps(grads, rates):
        m = momentum * m + (1 - momentum) * g
        o = _orthogonal((1 - momentum) * g + momentum * m)
        params = (1 - rate * weight_decay) * params - rate * _fan(g.shape) * o
        path.append(params)
    return np.stack(path)


def normuon(grads, rates, params, *, momentum=0.95, b2=0.95, weight_decay=0.0):
    m, v, path = 0.0, 0.0, []
    for _, g, rate in steps(grads, rates):
        m = momentum * m + (1 - momentum) * g
        o = _orthogonal((1 - momentum) * g + momentum * m)
        v = b2 * v + (1 - b2) * np.mean(o**2, 0)  # One number for each output.
        n = o / (np.sqrt(v) + 1e-10)
        n = n * np.linalg.norm(o) / (np.linalg.norm(n) + 1e-10)
        params = (1 - rate * weight_decay) * params - rate * _fan(g.shape) * n
        path.append(params)
    return np.stack(path)


# Shampoo.


def _google_root(a, p, eps):
    values, vectors = np.linalg.eigh(a)
    ridge = eps * max(values[-1], 1e-6)
    return (vectors * np.maximum(values + ridge, ridge) ** (-1 / p)) @ vectors.T


def shampoo(
    grads, rates, params, *, b1=0.9, b2=0.999, eps=1e-6, refresh_every=1, start=5, weight_decay=0.0
):
    """Google's, grafted on the gradient, with Nesterov's momentum."""
    rows, columns = params.shape
    left, right = eps * np.eye(rows), eps * np.eye(columns)
    root_left, root_right = np.eye(rows), np.eye(columns)
    preconditioned, diagonal, path = 0.0, 0.0, []
    for t, g, rate in steps(grads, rates):
        left = b2 * left + (1 - b2) * g @ g.T
        right = b2 * right + (1 - b2) * g.T @ g
        if (t - 1) % refresh_every == 0:
            root_left, root_right = _google_root(left, 4, eps), _google_root(right, 4, eps)
        p = root_left @ g @ root_right
        p = p * np.linalg.norm(g) / (np.linalg.norm(p) + 1e-25) + weight_decay * params
        d = g + weight_decay * params
        preconditioned, diagonal = b1 * preconditioned + p, b1 * diagonal + d
        u = p + b1 * preconditioned if t > start else d + b1 * diagonal
        params = params - rate * u
        path.append(params)
    return np.stack(path)


def shampoo_meta(
    grads,
    rates,
    params,
    *,
    b1=0.9,
    b2=1.0,
    eps=1e-12,
    refresh_every=1,
    start=None,
    weight_decay=0.0,
):
    """Meta's, without grafting: nothing is preconditioned before the first roots."""
    start = refresh_every if start is None else start
    left, right, m, path = 0.0, 0.0, 0.0, []
    root_left, root_right = np.eye(params.shape[0]), np.eye(params.shape[1])
    for t, g, rate in steps(grads, rates):
        if b2 < 1:
            left = b2 * left + (1 - b2) * g @ g.T
            right = b2 * right + (1 - b2) * g.T @ g
        else:
            left, right = left + g @ g.T, right + g.T @ g
        weight = 1 - b2**t if b2 < 1 else 1
        m = b1 * m + (1 - b1) * g
        if t == start or (t > start and t % refresh_every == 0):
            root_left = _meta_root(left / weight, 4, eps)
            root_right = _meta_root(right / weight, 4, eps)
        u = root_left @ (m / (1 - b1**t)) @ root_right
        params = params - rate * (u + weight_decay * params)
        path.append(params)
    return np.stack(path)


def _meta_root(a, p, eps):
    values, vectors = np.linalg.eigh(a + eps * np.eye(len(a)))
    if values[0] < eps:
        values = values - values[0] + eps
    return (vectors * values ** (-1 / p)) @ vectors.T


# In an eigenbasis.


def _refreshed(a, q):
    """One sorted step of orthogonal iteration, and the order."""
    order = np.argsort(-np.diag(q.T @ a @ q), kind="stable")
    return np.linalg.qr(a @ q[:, order])[0], order


def soap(
    grads,
    rates,
    params,
    *,
    b1=0.95,
    b2=0.95,
    eps=1e-8,
    refresh_every=10,
    weight_decay=0.01,
    first=None,
):
    """The official one; ``first`` is a pair of bases to begin with instead of eigenvectors."""
    path, m, v = [], 0.0, np.zeros_like(params)
    left = right = 0.0
    for t, g, rate in steps(grads, rates):
        k = t - 1
        if k:
            m = b1 * m + (1 - b1) * g
            rotated = q_left.T @ g @ q_right  # noqa: F821
            v = b2 * v + (1 - b2) * rotated**2
            u = q_left @ ((q_left.T @ m @ q_right) / (np.sqrt(v) + eps)) @ q_right.T  # noqa: F821
            params = params - rate * np.sqrt(1 - b2**k) / (1 - b1**k) * u
            params = (1 - rate * weight_decay) * params
        left = b2 * left + (1 - b2) * g @ g.T
        right = b2 * right + (1 - b2) * g.T @ g
        if not k:
            q_left, q_right = first or (eigenvectors(left), eigenvectors(right))
        elif k % refresh_every == 0:
            q_left, order = _refreshed(left, q_left)
            v = v[order]
            q_right, order = _refreshed(right, q_right)
            v = v[:, order]
        path.append(params)
    return np.stack(path)


def kl_shampoo(
    grads,
    rates,
    params,
    *,
    b1=0.9,
    b2=0.98,
    eps=1e-8,
    refresh_every=10,
    weight_decay=0.01,
    first=None,
):
    rows, columns = params.shape
    path, m, left, right = [], 0.0, 0.0, 0.0
    s_left, s_right = np.full(rows, 0.1**-0.5), np.full(columns, 0.1**-0.5)
    for t, g, rate in steps(grads, rates):
        if t == 1:
            left, right = (1 - b2) / columns * g @ g.T, (1 - b2) / rows * g.T @ g
            q_left, q_right = first or (eigenvectors(left), eigenvectors(right))
            path.append(params)
            continue
        m = b1 * m + (1 - b1) * g
        s = np.outer(s_left, s_right)
        u = q_left @ ((q_left.T @ m @ q_right) * (s / (1 + eps * s))) @ q_right.T
        params = (params - rate * u) * (1 - rate * weight_decay)
        x, y = g @ q_right * s_right, g.T @ q_left * s_left
        left = b2 * left + (1 - b2) / columns * x @ x.T
        right = b2 * right + (1 - b2) / rows * y @ y.T
        d = q_left.T @ g @ q_right
        l_left = np.mean((d * s_right) ** 2, 1)
        l_right = np.mean((s_left[:, None] * d) ** 2, 0)
        s_left = (b2 / s_left**2 + (1 - b2) * l_left) ** -0.5
        s_right = (b2 / s_right**2 + (1 - b2) * l_right) ** -0.5
        s_left = np.minimum(s_left, max(10, min(rows, 4000)))
        s_right = np.minimum(s_right, max(10, min(columns, 4000)))
        if (t - 1) % refresh_every == 0:
            q_left, q_right = np.linalg.qr(left @ q_left)[0], np.linalg.qr(right @ q_right)[0]
        path.append(params)
    return np.stack(path)


def splus(
    grads, rates, params, *, b1=0.9, b2=0.999, refresh_every=100, weight_decay=0.01, first=None
):
    rows, columns = params.shape
    path, m, left, right = [], 0.0, 0.0, 0.0
    q_left, q_right = np.eye(rows), np.eye(columns)
    for t, g, rate in steps(grads, rates):
        m = b1 * m + (1 - b1) * g
        u = q_left @ np.sign(q_left.T @ m @ q_right) @ q_right.T
        scaled = rate * 2 / (rows + columns)
        params = params - scaled * (u + weight_decay * params)
        left = b2 * left + (1 - b2) * g @ g.T
        right = b2 * right + (1 - b2) * g.T @ g
        if t == 1:
            q_left, q_right = first or (eigenvectors(left), eigenvectors(right))
        elif t % refresh_every == 0:
            q_left, q_right = eigenvectors(left), eigenvectors(right)
        path.append(params)
    return np.stack(path)


def soap_muon(
    grads,
    rates,
    params,
    *,
    momentum=0.95,
    b2=0.9,
    statistics_decay=0.9,
    eps=1e-8,
    floor=0.3825,
    outward=0.5,
    first=None,
):
    """Record 44 of the speedrun's optimizer track; a kernel is (in, out)."""
    path, m, v, left, right = [], 0.0, np.zeros_like(params), 0.0, 0.0
    for t, g, rate in steps(grads, rates):
        m = momentum * m + (1 - momentum) * g
        u = (1 - momentum) * g + momentum * m
        if t > 1:
            rotated = q_left.T @ u @ q_right  # noqa: F821
            v = b2 * v + (1 - b2) * rotated**2
            u_basis = rotated / np.sqrt(np.maximum(v, eps**2))
            u_new = q_left @ u_basis @ q_right.T  # noqa: F821
        else:
            u_new = u
        o = polynomial(u_new / schatten_4(u_new), [(2, -1.5, 0.5)] * 12) * _fan(g.shape)
        params = braked(params, o, rate, floor, outward)
        left = statistics_decay * left + (1 - statistics_decay) * g @ g.T
        right = statistics_decay * right + (1 - statistics_decay) * g.T @ g
        if t == 1:
            q_left, q_right = first or (eigenvectors(left), eigenvectors(right))
        else:
            q_left, order = _refreshed(left, q_left)
            v = v[order]
            q_right, order = _refreshed(right, q_right)
            v = v[:, order]
        path.append(params)
    return np.stack(path)


def schatten_4(x):
    return np.sum(np.linalg.svd(x, compute_uv=False) ** 4) ** 0.25


def braked(w, u, rate, floor, outward):
    size = np.linalg.norm(w)
    radial = np.sum(w * u) / size**2
    # The step is -rate u: outward where the part along w is negative.
    part = radial * w
    kept = (outward if radial < 0 else 1.0) * part
    u = u - part + kept
    u = u * max(1, floor * size / np.linalg.norm(u))
    new = w - rate * u
    along = np.sum(w * u) / size
    wanted = size - rate * along
    return new * wanted / np.linalg.norm(new)


# Without eigenvectors.


def sonew(grads, rates, params, *, b1=0.9, b2=0.972, eps=1e-6, graft_eps=1e-8, weight_decay=0.0):
    """The JAX file, grafted on Adam; columns of the kernel one after the other."""
    n, shape = params.size, params.shape
    d, e, m, path = np.zeros(n), np.zeros(n - 1), np.zeros(n), []
    for t, g, rate in steps(grads, rates):
        g = g.T.ravel()
        m = b1 * m + (1 - b1) * g
        d = b2 * d + (1 - b2) * g**2
        e = b2 * e + (1 - b2) * g[:-1] * g[1:]
        m_hat, d_hat, e_hat = m / (1 - b1**t), d / (1 - b2**t), e / (1 - b2**t)
        largest = max(d_hat[0] + abs(e_hat[0]), np.max(d_hat[1:] + np.abs(e_hat)))
        ridged = d_hat + max(eps * largest, 1e-16)
        s = ridged.copy()
        s[:-1] -= e_hat**2 / ridged[1:]
        psi = e_hat / ridged[1:]
        cut = s[:-1] <= 0
        psi[cut], s[:-1][cut] = 0, ridged[:-1][cut]
        lower = np.eye(n) - np.diag(psi, -1)
        u = lower @ np.diag(1 / s) @ lower.T @ m_hat
        adam = m_hat / (np.sqrt(d_hat) + graft_eps)
        u = u * np.linalg.norm(adam) / (np.linalg.norm(u) + 1e-12)
        u = u.reshape(shape[::-1]).T
        params = params - rate * (u + weight_decay * params)
        path.append(params)
    return np.stack(path)


def psgd_kron(
    grads,
    rates,
    params,
    *,
    draws,
    update_factors,
    balance,
    b1=0.9,
    preconditioner_rate=0.1,
    initial_scale=1.0,
    weight_decay=0.0,
):
    left, right = (initial_scale**0.5 * np.eye(n) for n in params.shape)
    m, path = 0.0, []
    for t, g, rate in steps(grads, rates):
        m = b1 * m + (1 - b1) * g
        m_hat = m / (1 - b1**t)
        if update_factors[t - 1]:
            if balance[t - 1]:
                sizes = np.max(np.abs(left)), np.max(np.abs(right))
                mean = (sizes[0] * sizes[1]) ** 0.5
                left, right = left * mean / sizes[0], right * mean / sizes[1]
            v = draws[t - 1]
            noise = np.finfo(np.float32).eps ** 0.5 * np.mean(np.abs(m_hat))
            a = left @ (m_hat + noise * v) @ right.T
            b = np.linalg.inv(left).T @ v @ np.linalg.inv(right)
            left, right = (
                q - preconditioner_rate / _bound(x + y) * np.triu(x - y) @ q
                for q, x, y in ((left, a @ a.T, b @ b.T), (right, a.T @ a, b.T @ b))
            )
        u = left.T @ left @ m_hat @ right.T @ right
        u = u / max(1, np.sqrt(np.mean(u**2)) / 1.1)
        params = params - rate * (u + weight_decay * params)
        path.append(params)
    return np.stack(path)


def _bound(a):
    """A lower bound of the spectral norm, from the longest row."""
    x = a[np.argmax(np.sum(a**2, 1))] @ a
    return np.linalg.norm(x / np.linalg.norm(x) @ a)
