# SPDX-License-Identifier: BSD-3-Clause
"""Dying ReLUs: which units of a network are still active, batch by batch, and what helps those that are not."""

from __future__ import annotations

import io
import sys
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relu_simd import _foreign, count_active
from relu_simd.integrations import _needs

__all__ = ["ActivationMonitor", "LayerReport"]


@dataclass(frozen=True, eq=False)
class LayerReport:
    """How active a layer was over its last batches.

    Attributes
    ----------
    name : str
        What the layer was called.
    batches : int
        How many batches this covers: the monitor's `last`, or all so far if there were fewer.
    unit_active : ndarray of float64
        For each unit, the fraction of values that were positive.
    unit_gradient : ndarray of float64
        For each unit, the fraction of values that let a gradient through: the positive values and, for a leaky
        activation, the negative ones, too. Layers with bounds, such as ReLU6, let it through between them.
    unit_nan : ndarray of float64
        For each unit, the fraction of values that were NaN.
    dead : ndarray of int
        Indices of the units that let no gradient through in any of these batches, and so learned nothing from them.
        A unit with a NaN is not among them.
    nan : ndarray of int
        Indices of the units that had a NaN.
    """

    name: str
    batches: int
    unit_active: NDArray[np.float64]
    unit_gradient: NDArray[np.float64]
    unit_nan: NDArray[np.float64]
    dead: NDArray[np.intp]
    nan: NDArray[np.intp]

    @property
    def active(self) -> float:
        """Fraction of all values that were positive."""
        return float(self.unit_active.mean())

    @property
    def silent(self) -> NDArray[np.intp]:
        """Indices of the units that were never positive but still get a gradient, as in a leaky layer."""
        return np.flatnonzero((self.unit_active == 0) & (self.unit_gradient > 0) & (self.unit_nan == 0))

    @property
    def gets_gradient(self) -> int:
        """How many units still get a gradient."""
        return int(np.count_nonzero(self.unit_gradient))


_HISTORY = 2048  # batches in the picture, at most

# Activations, of relu_simd.nn and torch.nn, that let a gradient through below 0, too.
_LEAKY = {
    *("LeakyReLU", "PReLU", "RReLU", "ELU", "CELU", "SELU", "GELU", "SiLU", "Mish", "Hardswish", "Softplus"),
    *("Sigmoid", "LogSigmoid", "Tanh", "Softsign", "Tanhshrink", "Softshrink", "Hardshrink"),
}
_Bounds = tuple[float, float]
_BOUNDS: _Bounds = (0.0, np.inf)  # between which activations that are not leaky let a gradient through: ReLU's
_BOUNDS_OF: dict[str, Callable[[Any], _Bounds]] = {
    "ReLU6": lambda layer: (0.0, 6.0),
    "Hardtanh": lambda layer: (layer.min_val, layer.max_val),
    "Hardsigmoid": lambda layer: (0.0, 1.0),
    "Threshold": lambda layer: (layer.threshold, np.inf),
}

_MORE = 'More: docs/howto/dying-neurons.md, "Why do my neurons die?"'


@dataclass(eq=False)
class _Layer:
    """Counts of the last batches, their sums, and the fractions of batches for the picture."""

    # A row of counts for each of these: positive values, values that let a gradient through, NaNs.
    counts: deque[tuple[NDArray[np.intp], int]] = field(default_factory=deque)
    sums: Any = 0
    values: int = 0
    batches: int = 0
    history: list[tuple[int, float, float, float]] = field(default_factory=list)
    every: int = 1

    def add(self, counts: NDArray[np.intp], values: int, last: int) -> None:
        """Take one batch in, and leave out what is more than `last` batches ago."""
        self.counts.append((counts, values))
        self.sums = self.sums + counts
        self.values += values
        if len(self.counts) > last:
            counts_before, values_before = self.counts.popleft()
            self.sums -= counts_before
            self.values -= values_before

    def dead(self) -> NDArray[np.bool_]:
        """Which units let no gradient through, without being NaN."""
        return (self.sums[1] == 0) & (self.sums[2] == 0)  # type: ignore[no-any-return]

    def remember(self, active: float) -> None:
        """Keep what the picture shows: of a long training every second, fourth, ... batch."""
        self.batches += 1
        if (self.batches - 1) % self.every == 0:
            dead, nan = float(np.mean(self.dead())), float(np.mean(self.sums[2] > 0))
            self.history.append((self.batches, active, dead, nan))
        if len(self.history) == _HISTORY:
            del self.history[1::2]
            self.every *= 2


class _Watch:
    """The hook of a layer. A copy of the layer, or one that was pickled, is not watched."""

    def __init__(self, monitor: ActivationMonitor | None, name: str, leaky: bool, bounds: _Bounds) -> None:
        self.monitor, self.name, self.leaky, self.bounds = monitor, name, leaky, bounds
        self.warned = False

    def __call__(self, layer: Any, inputs: Any, output: Any) -> None:
        """Count the batch. The network must go on whatever the batch is: what cannot be counted is a warning."""
        if self.monitor is None:
            return
        try:
            x = _numbers(self.name, output)
            self.monitor._count(self.name, x[np.newaxis] if x.ndim == 1 else x, self.leaky, self.bounds)
        except (TypeError, ValueError) as error:
            if not self.warned:
                self.warned = True
                warnings.warn(f"ActivationMonitor left a batch out: {error}", stacklevel=3)

    def __reduce__(self) -> Any:
        return _Watch, (None, self.name, self.leaky, self.bounds)


def _numbers(name: str, activations: Any) -> NDArray[Any]:
    """The activations as an array; a tensor's memory, whatever its dtype and whether it needs a gradient."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(activations, torch.Tensor):
        from relu_simd.integrations._tensors import to_array

        return to_array(activations)  # type: ignore[no-any-return]
    _foreign.refuse("ActivationMonitor", f"activations of {name!r}", activations)
    return np.asarray(activations)


class ActivationMonitor:
    """Watch activations for units that no longer fire.

    A value counts as active if it is positive. A unit counts as dead if it let no gradient through in the last
    batches. A unit that had a NaN counts as NaN and not as dead, because it needs another remedy.

    Parameters
    ----------
    last : int
        How many of the most recent batches to look at. Until there are as many, all batches so far are looked at.

    Raises
    ------
    ValueError
        `last` below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from relu_simd import nn
    >>> layer = nn.ReLU()
    >>> monitor = ActivationMonitor(last=10)
    >>> monitor.attach(layer, "hidden")
    >>> for batch in np.array([[[1.0, -1.0, -2.0]], [[-1.0, -1.0, 3.0]]]):
    ...     y = layer(batch)
    >>> monitor.report("hidden").dead
    array([1])
    >>> print(monitor.summary())
    layer   units  batches  active  dead  NaN  gets gradient
    hidden      3        2  33.3 %     1    0              2
    hidden: 1 of 3 units dead (no gradient): start from kaiming_normal, take smaller steps, or use LeakyReLU or ELU.
    More: docs/howto/dying-neurons.md, "Why do my neurons die?"
    """

    def __init__(self, last: int = 100) -> None:
        if last < 1:
            raise ValueError(f"last must be 1 or more, not {last}")
        self.last = last
        self._layers: dict[str, _Layer] = {}
        self._handles: list[Any] = []

    def attach(self, layer: Any, name: str | None = None, *, leaky: bool | None = None) -> None:
        """Watch the outputs of a layer, from its next forward on.

        Parameters
        ----------
        layer : layer of `relu_simd.nn`, or `torch.nn.Module`
            Anything with their `register_forward_hook`, whose outputs are arrays or CPU tensors. An output of a single
            axis counts as one sample. For an output that cannot be counted there is a warning, and the network goes on.
        name : str, optional
            What to call the layer; by default, its class and a number.
        leaky : bool, optional
            Whether negative values let a gradient through, too. The default depends on the layer's class: for
            example, it is True for LeakyReLU, ELU and Tanh, and False for ReLU and for a class that is not known.

        Raises
        ------
        TypeError
            A layer without such a hook: give its activations to `update` instead.
        ValueError
            A name that is taken.
        """
        if not hasattr(layer, "register_forward_hook"):
            raise TypeError(
                f"layer must have register_forward_hook, and {type(layer).__name__} has not; "
                "give its activations to update(name, activations)"
            )
        name = name or f"{type(layer).__name__} {len(self._layers) + 1}"
        if name in self._layers:
            raise ValueError(f"name {name!r} is taken: choose another")
        self._layers[name] = _Layer()

        names = [kind.__name__ for kind in type(layer).__mro__]
        if leaky is None:
            leaky = not _LEAKY.isdisjoint(names)
        bounds = next((_BOUNDS_OF[kind](layer) for kind in names if kind in _BOUNDS_OF), _BOUNDS)
        self._handles.append(layer.register_forward_hook(_Watch(self, name, leaky, bounds)))

    def detach(self) -> None:
        """Stop watching all layers; what was counted stays."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def update(self, name: str, activations: ArrayLike, *, leaky: bool = False) -> None:
        """Count one batch.

        Parameters
        ----------
        name : str
            Name of the layer. A new name adds a layer.
        activations : array_like
            Shape (batch, units) or (batch, units, ...): the units are on axis 1, as channels are in PyTorch. Any dtype
            of `relu_simd.count_active`; a CPU tensor of PyTorch will do. A batch without elements is ignored.
        leaky : bool
            Whether negative values let a gradient through, too, as those of LeakyReLU and ELU do.

        Raises
        ------
        ValueError
            Fewer than two axes, or not as many units as before.
        TypeError
            A dtype that is refused.
        """
        self._count(name, _numbers(name, activations), leaky, _BOUNDS)

    def _count(self, name: str, x: NDArray[Any], leaky: bool, bounds: _Bounds) -> None:
        if x.ndim < 2:
            raise ValueError(f"activations of {name!r} must have shape (batch, units, ...), not {x.shape}")
        if x.size == 0:
            return
        axes = (0, *range(2, x.ndim))
        active, values = count_active(x, axis=axes), x.size // x.shape[1]
        layer = self._layers.setdefault(name, _Layer())
        if layer.counts and layer.counts[0][0].shape[1:] != active.shape:
            raise ValueError(f"activations of {name!r} have {x.shape[1]} units on axis 1, not {layer.sums.shape[1]}")
        passing, nan = active, np.zeros_like(active)
        with np.errstate(invalid="ignore"):  # of a NaN
            if leaky:
                passing = active + np.count_nonzero(x < 0, axis=axes)
            elif bounds != _BOUNDS:
                passing = np.count_nonzero((x > bounds[0]) & (x < bounds[1]), axis=axes)
            if np.isnan(x.min()):  # no temporary array where all is well
                nan = np.count_nonzero(np.isnan(x), axis=axes)
        layer.add(np.stack([active, passing, nan]), values, self.last)
        layer.remember(float(active.mean()) / values)

    def report(self, name: str) -> LayerReport:
        """Report on one layer over its last batches.

        Parameters
        ----------
        name : str
            Name of the layer.

        Returns
        -------
        LayerReport

        Raises
        ------
        KeyError
            A name of which no batch was counted yet.
        """
        layer = self._layers.get(name)
        if layer is None or not layer.counts:
            raise KeyError(f"no batch of {name!r} yet; there are some of: {', '.join(self._names()) or 'no layer'}")
        active, gradient, nan = layer.sums / layer.values
        return LayerReport(
            name, len(layer.counts), active, gradient, nan, np.flatnonzero(layer.dead()), np.flatnonzero(nan)
        )

    def reports(self) -> list[LayerReport]:
        """Report on all layers that had a batch, in the order in which they were added."""
        return [self.report(name) for name in self._names()]

    def summary(self) -> str:
        """Return a table of all layers and, below it, a line for each problem that says what helps.

        The columns are the number of units, the batches looked at, the fraction of values that are active, and how many
        units are dead, had a NaN, and still get a gradient.
        """
        rows = [("layer", "units", "batches", "active", "dead", "NaN", "gets gradient")]
        for report in self.reports():
            rows.append(
                (
                    report.name,
                    str(report.unit_active.size),
                    str(report.batches),
                    f"{report.active:.1%}".replace("%", " %"),
                    str(report.dead.size),
                    str(report.nan.size),
                    str(report.gets_gradient),
                )
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.rjust(width) if k else cell.ljust(width)
                for k, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        return "\n".join(lines + self.advice())

    def advice(self) -> list[str]:
        """Return a sentence for each problem: what it is, and what helps. The list is empty if there is none.

        Examples
        --------
        >>> monitor = ActivationMonitor()
        >>> monitor.update("hidden", np.array([[1.0, np.nan]]))
        >>> monitor.advice()[0].partition(":")[0]
        'NaN in hidden'
        """
        reports = self.reports()
        lines = []
        diverged = [report.name for report in reports if report.nan.size]
        if diverged:
            lines.append(
                f"NaN in {', '.join(diverged)}: the network has diverged, its units are not dead. Begin anew with "
                "smaller steps (a lower learning rate, clipped gradients) and scaled inputs."
            )
        for report in reports:
            units = report.unit_active.size
            if report.dead.size and not report.nan.size:
                lines.append(
                    f"{report.name}: {report.dead.size} of {units} units dead (no gradient): start from "
                    "kaiming_normal, take smaller steps, or use LeakyReLU or ELU."
                )
            if report.silent.size and not report.nan.size:
                lines.append(
                    f"{report.name}: {report.silent.size} of {units} units never fired, but still get a gradient and "
                    "can recover. If they do not, normalise the layer's inputs."
                )
        return [*lines, _MORE] if lines else []

    def plot(self) -> Any:
        """Draw all layers: values active by batch, units dead or NaN by batch, and how active each unit is.

        Returns
        -------
        matplotlib.figure.Figure
            A notebook shows it; elsewhere ``.savefig("activations.png")`` writes it to a file.

        Raises
        ------
        ImportError
            matplotlib is not installed.
        """
        with _needs("matplotlib", "plot"):
            from matplotlib.figure import Figure

        class Picture(Figure):
            """A figure that a notebook shows, whether pyplot was imported or not."""

            def _repr_png_(self) -> bytes:
                memory = io.BytesIO()
                self.savefig(memory, format="png")
                return memory.getvalue()

        figure = Picture(figsize=(12, 3.6), layout="constrained")
        active, dead, units = figure.subplots(1, 3)
        for name in self._names():
            batches, of_batch, dead_so_far, nan = zip(*self._layers[name].history, strict=True)
            active.plot(batches, of_batch, label=name)
            (line,) = dead.plot(batches, dead_so_far, label=name)
            if any(nan):
                dead.plot(batches, nan, linestyle=":", linewidth=3, color=line.get_color(), label=f"{name}: NaN")
                dead.legend()
            units.plot(np.linspace(0, 1, len(u := np.sort(self.report(name).unit_active))), u, label=name)
        for axes, title, x in (
            (active, "values active", "batch"),
            (dead, f"units dead, or NaN (dotted), over {self.last} batches", "batch"),
            (units, "activity of each unit", "units, least active first"),
        ):
            axes.set(title=title, xlabel=x, ylim=(-0.02, 1.02))
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        if self._names():
            active.legend()
        return figure

    def _names(self) -> list[str]:
        return [name for name, layer in self._layers.items() if layer.counts]
