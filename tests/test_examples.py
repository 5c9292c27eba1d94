# SPDX-License-Identifier: BSD-3-Clause
"""The examples do what they say."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = {
    "train_digits": ("autograd", "matplotlib", "rich", "sklearn"),
    "resnet_vgg_onnx": ("matplotlib", "onnx", "rich", "sklearn"),
    "gpt2_block": ("matplotlib", "rich", "threadpoolctl"),
    "dask_out_of_core": ("dask.array", "matplotlib", "psutil"),
    "opencl_digits": ("pyopencl", "sklearn"),
}


def path_of(name):
    for module in EXAMPLES[name]:
        pytest.importorskip(module, reason=f"extra examples: {module} is not installed")
    return str(ROOT / "examples" / f"{name}.py")


def run(name, picture, *options):
    """Return what main returns, once it has drawn its picture."""
    result = runpy.run_path(path_of(name))["main"]([*options, "--picture", str(picture)])
    assert picture.read_bytes().startswith(b"\x89PNG")
    return result


@pytest.mark.parametrize("name", EXAMPLES)
def test_help_teaches(name, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(path_of(name), run_name="__main__")
    text = capsys.readouterr().out
    assert ("--picture" in text) == (name != "opencl_digits")
    assert len(text.split()) > 80


@pytest.mark.wide
def test_digits(tmp_path):
    best, curves, dying = run("train_digits", tmp_path / "digits.png", "--seeds", "1", "--epochs", "10")
    assert [trained.accuracy > 0.97 for trained in best] == [True]
    vanishing = {name: curves["deep", name].gradient[0] / curves["deep", name].gradient[-1] for name in
                 ("relu", "leaky_relu", "sigmoid", "tanh")}  # fmt: skip
    assert vanishing.pop("sigmoid") < 1e-5
    assert min(vanishing.values()) > 0.1
    for name in ("relu", "leaky_relu", "tanh"):
        assert curves["shallow", name].loss[-1] < 0.1 < curves["shallow", "sigmoid"].loss[-1]
    assert dying["relu", 0.05].inactive < 0.05 < 0.5 < dying["relu", 0.5].inactive
    assert dying["relu, batch norm", 0.5].inactive < 0.05


@pytest.mark.wide
def test_opencl_digits():
    main = runpy.run_path(path_of("opencl_digits"))["main"]
    equal, on_device, on_host = main(["--epochs", "12"])
    assert equal
    assert on_device == on_host > 0.85
    with pytest.raises(SystemExit, match="2"):
        main(["--device", "no such device"])


@pytest.mark.wide
def test_resnet(tmp_path):
    results = run("resnet_vgg_onnx", tmp_path / "onnx.png", "--models", "resnet50", "--repeats", "1")
    equal, relus, times = results["resnet50"]
    assert equal
    assert relus == 49
    assert len(times) == 3
    assert all(0 < relu < 0.5 * total for relu, total in times.values())


def test_gpt2(tmp_path, capsys):
    options = "--layers", "1", "--tokens", "48", "--width", "128", "--repeats", "1"
    found, differ = run("gpt2_block", tmp_path / "gpt2.png", *options)
    assert {name: each.output.dtype.name for name, each in found.items()} == {
        "as written": "float64",
        "float32 kept": "float32",
        "x * x * x": "float32",
        "relu_simd": "float32",
    }
    for each in found.values():
        np.testing.assert_allclose(each.output, found["as written"].output, atol=1e-5)
        assert 0 < each.in_gelu < each.in_all
    text = capsys.readouterr().out
    assert "1 blocks, 48 tokens, width 128" in text
    assert ("PyTorch is not installed" in text) == (differ is None)
    assert differ is None or differ < 1e-5


@pytest.mark.parametrize("name", ["as written", "relu_simd"])
def test_gpt2_gradients(name):
    """Along a random direction of all parameters and the input, against the difference of two steps in float64."""
    example = runpy.run_path(path_of("gpt2_block"))
    rng = np.random.default_rng(0)
    layers = [[p.astype("f8") for p in layer] for layer in example["random_layers"](2, 128, rng)]
    x, grad, towards = rng.standard_normal((3, 20, 128))
    away = [[rng.standard_normal(p.shape) for p in layer] for layer in layers]

    def output(h):
        moved = [
            example["Layer"](*(p + h * d for p, d in zip(*pair, strict=True)))
            for pair in zip(layers, away, strict=True)
        ]
        return example["step"](moved, x + h * towards, grad, example["GELUS"][name])

    y, by_x, by_layers = output(0.0)
    assert y.dtype == np.float64
    slope = np.vdot(by_x, towards) + sum(
        np.vdot(g, d) for pair in zip(by_layers, away, strict=True) for g, d in zip(*pair, strict=True)
    )
    h = 1e-6
    assert slope == pytest.approx(np.vdot(grad, output(h)[0] - output(-h)[0]) / (2 * h), rel=1e-6)


@pytest.mark.wide
def test_out_of_core(tmp_path):
    picture = tmp_path / "dask.png"
    command = [sys.executable, path_of("dask_out_of_core"), "--gib", "1", "--chunk-mib", "8", "--picture", str(picture)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "1.00 GiB in 128 chunks" in text
    mean, active, share = (
        float(re.search(pattern, text)[1]) for pattern in (r"mean ([\d.]+)", r"active ([\d.]+)%", r" ([\d.]+)% of the")
    )
    assert mean == pytest.approx((2 * 3.14159265) ** -0.5, rel=1e-3)
    assert active == pytest.approx(50, abs=0.05)
    assert share < 50
