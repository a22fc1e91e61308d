"""Three faults that ports of SOAP have had, planted in ours: which test names them?"""

import jax
import jax.numpy as jnp
import optax

from ae_optax import transforms as tf


class Stale(type(tf.gram(0.9))):
    """Shampoo's statistic, read one step late."""

    def start(self, block, covered):
        return (super().start(block, covered), super().start(block, covered))

    def places(self, covered):
        return (super().places(covered), super().places(covered))

    def learn(self, kept, seen):
        new = super().learn(kept[1], seen)
        # The first is known at once, as everywhere.
        old = jax.tree.map(lambda a, b: jnp.where(seen.count == 1, a, b), new, kept[1])
        return (old, new)

    def matrices(self, kept):
        return kept[0]


def stale_statistic(h):
    return lambda rate: _soap(h, rate, statistic=Stale(h["b2"]))


def eps_inside_the_root(h):
    return lambda rate: _soap(h, rate, floor=(tf.add(h["eps"]), tf.root()))


def forgotten_second_moment(h):
    soap = optax.with_extra_args_support(_soap(h, 1.0))

    def update(updates, state, params=None):
        updates, state = soap.update(updates, state, params)
        refreshed = (state.count > 1) & ((state.count - 1) % h["refresh_every"] == 0)

        def forget(node):
            if not isinstance(node, tf.PermutedState):
                return node
            return jax.tree.map(lambda x: jnp.where(refreshed, 0, x), node)

        found = jax.tree.map(forget, state, is_leaf=lambda x: isinstance(x, tf.PermutedState))
        return updates, found

    forgetful = optax.GradientTransformation(soap.init, update)
    return lambda rate: tf.chain(forgetful, tf.scale_by_learning_rate(rate), tf.scale(-1.0))


def _soap(h, rate, *, statistic=None, floor=None):
    adam = tf.quotient(
        numerator=tf.chain(tf.turned(tf.average(h["b1"])), tf.correct_bias(h["b1"])),
        denominator=tf.chain(
            tf.square(),
            tf.permuted(tf.average(h["b2"])),
            *((tf.root(), tf.add(h["eps"])) if floor is None else floor),
            tf.correct_root_bias(h["b2"]),
        ),
    )
    direction = tf.in_basis(
        tf.gram(h["b2"]) if statistic is None else statistic,
        inner=tf.delay(adam, steps=1),
        refresh=tf.every(h["refresh_every"]),
    )
    return tf.switch(
        at=1, before=tf.freeze(), after=tf.chain(direction, tf.scale_by_learning_rate(rate))
    )


FAULTS = {
    "the second moment is thrown away when bases follow": forgotten_second_moment,
    "the statistic is read one step late": stale_statistic,
    "ε stands inside the root": eps_inside_the_root,
}
