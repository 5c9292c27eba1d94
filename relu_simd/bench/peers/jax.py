# SPDX-License-Identifier: BSD-3-Clause
"""The functions as people write them in jax, compiled."""

from __future__ import annotations

import os
from importlib import import_module

from relu_simd import _core
from relu_simd._rows import Way
from relu_simd.bench.functions import FUNCTIONS, Function
from relu_simd.bench.ways import Library, Names, booleans

SMOOTH = {
    "relu_squared": "lambda x: jnp.square(jax.nn.relu(x))",
    "hardsigmoid": "jax.nn.hard_sigmoid",
    "hardswish": "jax.nn.hard_silu",
    "softsign": "jax.nn.soft_sign",
    "elu": "lambda x: jax.nn.elu(x, alpha)",
    "celu": "lambda x: jax.nn.celu(x, alpha)",
    "selu": "jax.nn.selu",
    "silu": "lambda x: x * jax.nn.sigmoid(beta * x)",
    "gelu": "lambda x: jax.nn.gelu(x, approximate=False)",
    "gelu_tanh": "lambda x: jax.nn.gelu(x, approximate=True)",
    "mish": "jax.nn.mish",
    "softplus": "lambda x: jax.nn.softplus(beta * x) / beta",
    "logsigmoid": "jax.nn.log_sigmoid",
    "tanhshrink": "lambda x: x - jnp.tanh(x)",
}

# Each with the function's arrays as arguments, in its order.
SOURCES = {
    **SMOOTH,
    **{f"{name}_backward": f"lambda g, x: jax.vjp({source}, x)[1](g)[0]" for name, source in SMOOTH.items()},
    "relu": "jax.nn.relu",
    "relu_backward": "lambda g, x: jnp.where(x > 0, g, 0)",
    "leaky_relu": "lambda x: jax.nn.leaky_relu(x, slope)",
    "leaky_relu_backward": "lambda g, x: jnp.where(x > 0, g, g * slope)",
    "prelu": "lambda x, weight: jnp.where(x > 0, x, x * weight)",
    "prelu_backward": "lambda g, x, weight: "
    "(jnp.where(x > 0, g, g * weight), jnp.where(x > 0, 0, g * x).sum(0, dtype=sums).astype(x.dtype))",
    "relu6": "lambda x: jnp.clip(x, 0, 6)",
    "relu6_backward": "lambda g, x: jnp.where((x > 0) & (x < 6), g, 0)",
    "hardtanh": "lambda x: jnp.clip(x, min_val, max_val)",
    "hardtanh_backward": "lambda g, x: jnp.where((x > min_val) & (x < max_val), g, 0)",
    "threshold": "lambda x: jnp.where(x > threshold, x, value)",
    "threshold_backward": "lambda g, x: jnp.where(x > threshold, g, 0)",
    "add_relu": "lambda a, b: jax.nn.relu(a + b)",
    "add_relu_bias": "lambda a, bias: jax.nn.relu(a + bias)",
    "sigmoid": "jax.nn.sigmoid",
    "sigmoid_backward": "lambda g, y: g * y * (1 - y)",
    "tanh": "jnp.tanh",
    "tanh_backward": "lambda g, y: g * (1 - y * y)",
    "relu_with_mask": "lambda x: (jax.nn.relu(x), x > 0)",
    "relu_backward_from_mask": "lambda g, mask: jnp.where(mask, g, 0)",
    "count_active": "lambda x: jnp.count_nonzero(x > 0)",
    "count_active_axis0": "lambda x: jnp.count_nonzero(x > 0, axis=0)",
}


def _arrays(function: Function) -> list[str]:
    return [name for name in function.inputs if name not in dict(function.params)]


def _way(name: str) -> Way:
    call = f"function({', '.join(_arrays(FUNCTIONS[name]))})"
    several = len(FUNCTIONS[name].outputs) > 1
    return Way(f"jax.block_until_ready({call})" if several else f"{call}.block_until_ready()")


def load_jax(threads: int) -> Library:
    """Load jax: compiled functions; its arrays cannot be written to, so there is no `out`."""
    os.environ["PJRT_NPROC"] = str(threads)  # read when the first array is made
    jax, jnp = import_module("jax"), import_module("jax.numpy")

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")

    def prepare(function: Function, names: Names) -> Names:
        names = names | booleans(names)
        arrays = {each: jnp.asarray(names[each]) for each in _arrays(function)}
        wide = jnp.float64 if next(iter(arrays.values())).dtype == jnp.float64 else jnp.float32
        params = {each: names[each] for each, _ in function.params}
        scope = {"jax": jax, "jnp": jnp, "sums": wide} | params
        return arrays | {"jax": jax, "function": jax.jit(eval(SOURCES[function.name], scope))}

    return Library("jax", {name: (_way(name),) for name in SOURCES}, prepare, _core.DTYPES)
