"""How runs are made: seeds and rates side by side or one by one, resumed after a kill."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ae_optax._trees import states_of
from ae_optax.lab import metrics, study, training
from ae_optax.lab.checkpoints import Checkpoints
from ae_optax.lab.plans import RunConfig, make_task
from ae_optax.transforms import ReduceOnPlateauState

SAVE_SECONDS = 60.0


class Lane(NamedTuple):
    """One of several runs of a program.

    Attributes:
        seed: Of initialisation and order.
        values: Numbers of the optimizer, by their paths in the config.
    """

    seed: int
    values: Mapping[str, float] = {}


class OutOfTimeError(Exception):
    """The time is over; what was done is saved."""


Score = Callable[[Any], Mapping[str, jax.Array]]


class Bench:
    """A track with its data on the device, on which optimizers are run.

    Args:
        config: Of the track: its optimizer does not matter.
        more: ``more(state) -> {name: number}``: scores that the config cannot name.
    """

    def __init__(self, config: RunConfig, more: Callable[[training.Task], Score] | None = None):
        self.task = make_task(config)
        self.images = training.on_device(self.task.data)
        self.more = more and more(self.task)
        self._programs: dict[str, _Program] = {}

    def run(
        self,
        config: RunConfig,
        lanes: Sequence[Lane],
        *,
        folder: Path,
        identity: Mapping[str, Any],
        until: float = math.inf,
        tell: Callable[[str], None] = print,
    ) -> list[dict[str, Any]]:
        """Train every lane by one program, and measure after every epoch.

        One lane is computed as it would be alone; several are vectorised and agree to rounding.

        Args:
            config: Of the run; its seed is not used.
            lanes: At least one, all with values at the same paths.
            folder: Where states are kept on the way; what lies there of these lanes is taken up.
            identity: What the runs are: a state of others is refused.
            until: When to stop, as ``time.monotonic()`` tells it.
            tell: Called with a line for every evaluation.

        Returns:
            The ``seed`` of each lane, its ``evaluations``, its ``scores`` at the end and what they
            cost.

        Raises:
            OutOfTimeError: If the time was over before.
            ValueError: If the optimizer observes a loss: tracks hold no images back to train with.
        """
        program = self._program(config, lanes)
        given = program.given(lanes)
        state, rows, epochs = program.start(given), [], config.training.epochs
        names = {"seeds": [lane.seed for lane in lanes], "values": [dict(x.values) for x in lanes]}
        with Checkpoints(folder, keep=1, keep_best=False, identity={**identity, **names}) as saved:
            if saved.steps():
                restored = saved.restore(state)
                state, rows = restored.state, list(restored.rows)
                saved.discard_after(restored.step)
            last = time.monotonic()
            while len(rows) < epochs:
                state, row = program.epoch(given, state)
                rows.append(row)
                tell(f"{row['step']} {row['seconds']:.1f} s {row['test_loss']}")
                lost = all(x is None for x in row["test_loss"])
                over = time.monotonic() > until and len(rows) < epochs
                if over or time.monotonic() > last + SAVE_SECONDS:
                    saved.save(row["step"], state, rows=rows)
                    last = time.monotonic()
                if lost:
                    break
                if over:
                    raise OutOfTimeError
        return program.results(state, rows, lanes)

    def _program(self, config, lanes):
        """Return the program of a config, compiled once for all seeds and numbers."""
        paths = sorted(lanes[0].values)
        plain = config.optimizer.filled(dict.fromkeys(paths, 0.0)).plain()
        name = repr((plain, config.training, paths, len(lanes)))
        if name not in self._programs:
            self._programs = {name: _Program(self, config, lanes)}
        return self._programs[name]


class _Program:
    """Compiled functions of several lanes; those of one lane know of no axis over lanes."""

    def __init__(self, bench: Bench, config: RunConfig, lanes: Sequence[Lane]):
        task, self._images, self._width = bench.task, bench.images, len(lanes)
        made, values = config.timed(len(self._images.train)), training.make_values(task.data)
        batch_size = config.training.batch_size

        def start(given, images):
            optimizer = made.optimizer.build(given["values"])
            return training.init_state(
                task.model, optimizer, images.train, given["seed"], values=values
            )

        def epoch(given, state, images):
            step = training.make_step(task, made.optimizer.build(given["values"]))
            state, _ = training.make_epoch(step, batch_size)(state, images.train)
            return state, state.epoch.loss

        evaluate, more = training.make_evaluate(task), bench.more

        def on_test(state, images):
            return dict(evaluate(state, images.test)) | (dict(more(state)) if more else {})

        def at_end(state, images):
            found = {"train": evaluate(state, images.train), "test": on_test(state, images)}
            if len(images.validation):
                found["validation"] = evaluate(state, images.validation)
            return found

        wide, shaped = len(lanes) > 1, self.given(lanes)

        def several(function, *axes):
            return jax.vmap(function, in_axes=axes) if wide else function

        began = time.perf_counter()
        first = jax.jit(several(start, 0, None)).lower(shaped, self._images).compile()
        shapes = first.out_info
        if states_of(shapes.opt_state, ReduceOnPlateauState):
            raise ValueError(
                "`optimizer` must need no loss of held-back images in training, got one with "
                "reduce_on_plateau. Give its rate a schedule."
            )
        self._start = first
        self._epoch = (
            jax.jit(several(epoch, 0, 0, None), donate_argnums=1)
            .lower(shaped, shapes, self._images)
            .compile()
        )
        self._compile_seconds = time.perf_counter() - began
        self._on_test = jax.jit(several(on_test, 0, None))
        self._at_end = jax.jit(several(at_end, 0, None))
        size = sum(math.prod(x.shape) * x.dtype.itemsize for x in jax.tree.leaves(shapes.opt_state))
        self._state_bytes = size // self._width

    def given(self, lanes: Sequence[Lane]) -> Any:
        """Return what tells the lanes apart, as arrays."""
        numbers = [
            {
                "seed": np.int32(lane.seed),
                "values": {path: np.float32(value) for path, value in lane.values.items()},
            }
            for lane in lanes
        ]
        return jax.tree.map(lambda *x: np.stack(x), *numbers) if self._width > 1 else numbers[0]

    def start(self, given: Any) -> Any:
        return self._start(given, self._images)

    def epoch(self, given: Any, state: Any) -> tuple[Any, dict[str, Any]]:
        began = time.perf_counter()
        state, loss = jax.block_until_ready(self._epoch(given, state, self._images))
        seconds = time.perf_counter() - began
        test = {f"test_{k}": x for k, x in self._on_test(state, self._images).items()}
        numbers = jax.device_get({"train_loss": loss} | test)
        return state, {
            "step": int(jnp.max(state.step)),
            "seconds": round(seconds, 3),
            **{name: _rounded(x) for name, x in numbers.items()},
        }

    def results(
        self, state: Any, rows: Sequence[Mapping[str, Any]], lanes: Sequence[Lane]
    ) -> list[dict[str, Any]]:
        ends = jax.device_get(self._at_end(state, self._images))
        scores = {f"{k}_{n}": _rounded(x) for k, found in ends.items() for n, x in found.items()}
        clock = np.cumsum([row["seconds"] for row in rows])
        return [
            {
                "seed": lane.seed,
                **({"values": dict(lane.values)} if lane.values else {}),
                "lanes": self._width,
                "state_bytes": self._state_bytes,
                "compile_seconds": round(self._compile_seconds, 2),
                "evaluations": [
                    {
                        key: round(float(at), 3)
                        if key == "seconds"
                        else value[number]
                        if isinstance(value, list)
                        else value
                        for key, value in row.items()
                    }
                    for row, at in zip(rows, clock, strict=True)
                ],
                "scores": {name: x[number] for name, x in scores.items()},
            }
            for number, lane in enumerate(lanes)
        ]


def _rounded(numbers: Any) -> list[float | None]:
    """Return a number for every lane to seven digits, which tell all float32 apart that matter."""
    return study.rounded(np.ravel(numbers), digits=7)


def each_corruption(config: RunConfig, larger: RunConfig) -> Callable[[training.Task], Score]:
    """Return what measures the mean PSNR over the corruptions of a mixture, each by itself.

    Args:
        config: With the mixture.
        larger: With the images to test on, which may have another size.
    """
    assert config.corruption is not None, "the track has a mixture"
    kinds = [call.build() for call in config.corruption.arguments["corruptions"]]

    def more(task: training.Task) -> Score:
        images = jnp.asarray(larger.data.build().test)
        alone = training.Task(task.model, task.loss, metrics=[metrics.psnr()])
        ways = [training.make_evaluate(alone._replace(corruption=kind)) for kind in kinds]

        def score(state):
            found = [evaluate(state, images)["psnr"] for evaluate in ways]
            return {"psnr_by_corruption": jnp.mean(jnp.stack(found))}

        return score

    return more
