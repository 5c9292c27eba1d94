# SPDX-License-Identifier: BSD-3-Clause
"""Dying ReLUs: which units of a network are still active, batch by batch."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relu_simd import count_active
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
        How many batches this covers: the monitor's `last`, or fewer if there were not so many yet.
    unit_active : ndarray of float64
        For each unit, the fraction of values that were positive.
    dead : ndarray of int
        Indices of the units that were positive for nothing in these batches.
    """

    name: str
    batches: int
    unit_active: NDArray[np.float64]
    dead: NDArray[np.intp]

    @property
    def active(self) -> float:
        """Fraction of all values that were positive."""
        return float(self.unit_active.mean())


_HISTORY = 2048  # batches in the picture, at most


@dataclass(eq=False)
class _Layer:
    """Counts of the last batches, their sums, and the fractions of batches for the picture."""

    counts: deque[tuple[NDArray[np.intp], int]] = field(default_factory=deque)
    active: Any = 0
    values: int = 0
    batches: int = 0
    history: list[tuple[int, float, float]] = field(default_factory=list)
    every: int = 1

    def remember(self, active: float, dead: float) -> None:
        """Keep what the picture shows: of a long training every second, fourth, ... batch."""
        self.batches += 1
        if (self.batches - 1) % self.every == 0:
            self.history.append((self.batches, active, dead))
        if len(self.history) == _HISTORY:
            del self.history[1::2]
            self.every *= 2


class ActivationMonitor:
    """Watch activations for units that have stopped to fire.

    A value counts as active if it is positive, a NaN as not: outputs of a ReLU, or inputs of any rectifier.

    Parameters
    ----------
    last : int
        Over how many batches a unit must be silent to count as dead.

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
    layer   units  batches  active  dead
    hidden      3        2  33.3 %     1
    """

    def __init__(self, last: int = 100) -> None:
        if last < 1:
            raise ValueError(f"last must be 1 or more, not {last}")
        self.last = last
        self._layers: dict[str, _Layer] = {}
        self._handles: list[Any] = []

    def attach(self, layer: Any, name: str | None = None) -> None:
        """Watch what a layer puts out, from its next forward on.

        Parameters
        ----------
        layer : layer of `relu_simd.nn`, or `torch.nn.Module`
            Anything with their `register_forward_hook`, whose outputs are arrays or CPU tensors of two axes or more.
        name : str, optional
            How to call it; by default its class and a number.

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

        def hook(layer: Any, inputs: Any, output: Any) -> None:
            self.update(name, output.detach() if hasattr(output, "detach") else output)

        self._handles.append(layer.register_forward_hook(hook))

    def detach(self) -> None:
        """Leave all layers alone; what was counted stays."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def update(self, name: str, activations: ArrayLike) -> None:
        """Count one batch.

        Parameters
        ----------
        name : str
            The layer's; a new one is a new layer.
        activations : array_like
            Shape (batch, units) or (batch, units, ...): the units are on axis 1, as channels are in PyTorch. Any dtype
            of `relu_simd.count_active`. A batch without elements counts for nothing.

        Raises
        ------
        ValueError
            Fewer than two axes, or not as many units as before.
        TypeError
            A dtype that is refused.
        """
        x = np.asarray(activations)
        if x.ndim < 2:
            raise ValueError(f"activations of {name!r} must have shape (batch, units, ...), not {x.shape}")
        if x.size == 0:
            return
        counts, values = count_active(x, axis=(0, *range(2, x.ndim))), x.size // x.shape[1]
        layer = self._layers.setdefault(name, _Layer())
        if layer.counts and layer.counts[0][0].shape != counts.shape:
            raise ValueError(f"activations of {name!r} have {x.shape[1]} units on axis 1, not {layer.active.size}")
        layer.counts.append((counts, values))
        layer.active = layer.active + counts
        layer.values += values
        if len(layer.counts) > self.last:
            counts_before, values_before = layer.counts.popleft()
            layer.active -= counts_before
            layer.values -= values_before
        layer.remember(float(counts.mean()) / values, float(np.mean(layer.active == 0)))

    def report(self, name: str) -> LayerReport:
        """State of one layer over its last batches.

        Raises
        ------
        KeyError
            A name without a batch yet.
        """
        layer = self._layers.get(name)
        if layer is None or not layer.counts:
            raise KeyError(f"no batch of {name!r} yet; there are some of: {', '.join(self._names()) or 'no layer'}")
        return LayerReport(name, len(layer.counts), layer.active / layer.values, np.flatnonzero(layer.active == 0))

    def reports(self) -> list[LayerReport]:
        """All layers that had a batch, in the order they came."""
        return [self.report(name) for name in self._names()]

    def summary(self) -> str:
        """All layers as a table: units, batches looked at, values active, units dead."""
        rows = [("layer", "units", "batches", "active", "dead")]
        for report in self.reports():
            rows.append(
                (
                    report.name,
                    str(report.unit_active.size),
                    str(report.batches),
                    f"{report.active:.1%}".replace("%", " %"),
                    str(report.dead.size),
                )
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if k else cell.ljust(width)
                for k, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        )

    def plot(self) -> Any:
        """A picture of all layers: values active by batch, units dead by batch, and how active each unit is.

        Returns
        -------
        matplotlib.figure.Figure
            ``.savefig("activations.png")`` it, or leave it to a notebook.

        Raises
        ------
        ImportError
            matplotlib is not installed.
        """
        with _needs("matplotlib", "plot"):
            from matplotlib.figure import Figure
        figure = Figure(figsize=(12, 3.6), layout="constrained")
        active, dead, units = figure.subplots(1, 3)
        for name in self._names():
            batches, of_batch, dead_so_far = zip(*self._layers[name].history, strict=True)
            active.plot(batches, of_batch, label=name)
            dead.plot(batches, dead_so_far, label=name)
            units.plot(np.linspace(0, 1, len(u := np.sort(self.report(name).unit_active))), u, label=name)
        for axes, title, x in (
            (active, "values active", "batch"),
            (dead, f"units dead over {self.last} batches", "batch"),
            (units, "activity of each unit", "units, least active first"),
        ):
            axes.set(title=title, xlabel=x, ylim=(-0.02, 1.02))
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        if self._names():
            active.legend()
        return figure

    def _names(self) -> list[str]:
        return [name for name, layer in self._layers.items() if layer.counts]
