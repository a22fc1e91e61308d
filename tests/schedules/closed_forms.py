"""The schedules once more, from their formulas: Python, float64, one step at a time."""

import math


def constant(t, *, value):
    return value


def linear(t, *, init_value, end_value, duration, begin=0):
    return polynomial_decay(
        t, init_value=init_value, end_value=end_value, power=1, duration=duration, begin=begin
    )


def polynomial_decay(t, *, init_value, end_value, power, duration, begin=0):
    x = min(max((t - begin) / duration, 0), 1)
    return end_value + (init_value - end_value) * (1 - x) ** power


def step_decay(t, *, init_value, factor, period):
    return init_value * factor ** math.floor(t / period)


def multi_step_decay(t, *, init_value, factor, boundaries):
    return init_value * factor ** sum(b <= t for b in boundaries)


def exponential_decay(t, *, init_value, rate):
    return init_value * math.exp(-rate * t)


def geometric_decay(t, *, init_value, factor, period):
    return init_value * factor ** (t / period)


def inverse_time_decay(t, *, init_value, rate):
    return init_value / (1 + rate * t)


def inverse_sqrt(t, *, init_value, duration):
    return init_value * math.sqrt(duration / max(t, duration))


def triangular(t, *, min_value, max_value, half_period):
    return triangle(t, min_value, max_value, half_period)


def triangular_halving(t, *, min_value, max_value, half_period):
    c = math.floor(1 + t / (2 * half_period))
    return triangle(t, min_value, max_value, half_period, 2.0 ** (1 - c))


def triangular_exponential(t, *, min_value, max_value, half_period, factor):
    return triangle(t, min_value, max_value, half_period, factor**t)


def triangle(t, min_value, max_value, half_period, amplitude=1):
    c = math.floor(1 + t / (2 * half_period))
    x = abs(t / half_period - 2 * c + 1)
    return min_value + (max_value - min_value) * max(0, 1 - x) * amplitude


def cosine(x, top, bottom):
    return bottom + 0.5 * (top - bottom) * (1 + math.cos(math.pi * x))


def cosine_annealing(t, *, max_value, min_value, duration):
    return cosine(min(t, duration) / duration, max_value, min_value)


def cosine_warm_restarts(t, *, max_value, min_value, period, period_multiplier, decay):
    begin, length, top = 0, period, max_value
    while t >= begin + length:
        begin, length, top = begin + length, length * period_multiplier, top * decay
    return cosine((t - begin) / length, max(top, min_value), min_value)


def one_cycle(t, *, max_value, duration, warmup_share, init_factor, end_factor):
    rise = warmup_share * duration
    if t < rise:
        return cosine(t / rise, init_factor * max_value, max_value)
    x = min((t - rise) / (duration - rise), 1)
    return cosine(x, max_value, end_factor * max_value)


def warmup_stable_decay(t, *, max_value, warmup, stable, decay, end_value):
    if t < warmup:
        return max_value * (t + 1) / (warmup + 1)
    if t < warmup + stable:
        return max_value
    left = max(0, 1 - (t - warmup - stable) / decay)
    return end_value + (max_value - end_value) * left


def with_warmup(t, *, max_value, min_value, duration, warmup):
    """A warm-up of cosine annealing."""
    rest = {"max_value": max_value, "min_value": min_value, "duration": duration}
    if t < warmup:
        return (t + 1) / (warmup + 1) * cosine_annealing(0, **rest)
    return cosine_annealing(t - warmup, **rest)


def join(t, *, init_value, rate, value, first, second):
    """Inverse time decay, then a constant, then inverse time decay again."""
    if first <= t < second:
        return value
    t = t if t < first else t - second
    return inverse_time_decay(t, init_value=init_value, rate=rate)


def held(t, *, init_value, end_value, duration, period):
    """A straight line in stairs."""
    stair = t // period * period
    return init_value + (end_value - init_value) * min(stair, duration) / duration
