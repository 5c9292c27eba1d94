# SPDX-License-Identifier: BSD-3-Clause
"""Test and measure relu_simd.opencl on the GPU of this machine: `make gpu`.

Tests every function byte for byte against the CPU, looks at denormals, float16 and float64, measures bandwidth and the
cost of a call against the device's own copy, pyopencl.array and, where they are installed and see a GPU, CuPy and
PyTorch, and what it costs to bring arrays there and back. Writes gpu.md, a page, and gpu.json.

Where nothing can be installed, scripts/offline_wheels.sh makes a folder of wheels to bring along.
"""

import argparse
import ctypes
import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENDORS, DRIVER = Path("/etc/OpenCL/vendors"), "libnvidia-opencl.so.1"
FOLDERS = [Path(folder) for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64",
                                       "/usr/lib", "/usr/local/nvidia/lib64", "/usr/local/cuda/lib64")]  # fmt: skip
TESTS = ("test_opencl.py", "test_opencl_layouts.py", "test_opencl_sums.py", "test_opencl_nn.py", "test_opencl_plans.py",
         "test_opencl_queues.py")  # fmt: skip


def driver():
    """The library of NVIDIA's OpenCL driver, by its path or, where the loader finds it, its name; or None."""
    for folder in FOLDERS:
        if (folder / DRIVER).exists():
            return str(folder / DRIVER)
    try:
        ctypes.CDLL(DRIVER)
    except OSError:
        return None
    return DRIVER


def point_to_driver(out):
    """Where NVIDIA's driver is there and no file says so, start again with one that does."""
    if "OCL_ICD_VENDORS" in os.environ or list(VENDORS.glob("*nvidia*")):
        return
    library = driver()
    if library is None:
        return
    folder = out / "vendors"
    folder.mkdir(parents=True, exist_ok=True)
    for known in VENDORS.glob("*.icd"):
        (folder / known.name).write_text(known.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "nvidia.icd").write_text(f"{library}\n", encoding="utf-8")
    os.environ["OCL_ICD_VENDORS"] = str(folder.resolve())
    os.execv(sys.executable, [sys.executable, *sys.argv])


def looked_for(devices):
    """What there is in place of a GPU, in words."""
    files = sorted(path.name for path in VENDORS.glob("*.icd")) if VENDORS.is_dir() else []
    return (
        f"OpenCL devices: {', '.join(named(it) for it in devices) or 'none'};"
        f" {VENDORS}: {', '.join(files) or 'no ICD file'};"
        f" OCL_ICD_VENDORS: {os.environ.get('OCL_ICD_VENDORS', 'not set')}; {DRIVER}: {driver() or 'not found'}"
    )


def named(device):
    """A device's name with its platform's."""
    return f"{device.name.strip()} ({device.platform.name.strip()})"


def choose(wanted, out):
    """The device called so or, by default, the first GPU; None if there is none, with the sentence that says it."""
    point_to_driver(out)
    try:
        import pyopencl as cl

        from relu_simd import opencl

        devices = opencl.devices()
    except (ImportError, RuntimeError) as error:
        return None, f"{error}. Looked for: {looked_for([])}"
    for device in devices:
        known_as = named(device) + " PoCL" * ("Portable Computing Language" in device.platform.name)
        if wanted.lower() in known_as.lower() if wanted else device.type & cl.device_type.GPU:
            return device, ""
    if wanted:
        return None, f"no device is called {wanted}. Looked for: {looked_for(devices)}"
    return None, (
        f"no GPU with an OpenCL driver. Looked for: {looked_for(devices)}. Install the driver's OpenCL part"
        " (NVIDIA: the same driver's libnvidia-opencl1 or nvidia-opencl-icd), or say GPU_ARGS='--device PoCL' to run"
        " on a CPU"
    )


def run_tests(device, kind, out):
    """The summary of pytest on this device and its last line; of `all`, whatever is marked wide, too."""
    if kind == "none":
        return {"summary": "not run", "passed": None}
    environment = os.environ | {"RELU_SIMD_TEST_OPENCL": named(device)}
    chosen = {"all": ["-m", ""], "usual": [], "one": ["-k", "test_masks_of_every_size"]}[kind]
    words = ["-p", "no:cacheprovider", *chosen]
    log = out / "gpu-tests.log"
    begin = time.monotonic()
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run(
            # Not the package beside the tests, which is not compiled where only a wheel is installed.
            [sys.executable, "-P", "-m", "pytest", *words, *(f"tests/{name}" for name in TESTS)],
            cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    text = log.read_text(encoding="utf-8")
    counts = re.findall(r"^(?:=+ )?(\d+ (?:passed|failed).*) in ", text, re.MULTILINE)
    return {
        "summary": counts[-1] if counts else f"exit status {done.returncode}",
        "passed": done.returncode == 0,
        "seconds": round(time.monotonic() - begin),
        "failed": re.findall(r"^FAILED (\S+)", text, re.MULTILINE),
    }


def page(record):
    """Everything as a page in Markdown."""
    from gpu_measure import TRANSFERS, pays_from

    from relu_simd.bench.opencl_device import COPY_BUFFER, COPY_KERNEL, OURS

    facts, tests = record["device"], record["tests"]
    lines = [
        f"# relu_simd.opencl on {facts['name']}\n",
        f"`{record['command']}`, {record['date']}: {facts['platform']}, driver {facts['driver']}, {facts['version']},"
        f" pyopencl {facts['pyopencl']}; float16 in hardware: {facts['fp16']}, float64: {facts['fp64']}, quotients of"
        f" float32 correctly rounded: {facts['exact division']}.\n",
        f"- Tests against the CPU, byte for byte: {tests['summary']}.",
        *(f"    - failed: {name}" for name in tests.get("failed", [])),
        *(
            f"- Denormals of {dtype}: arithmetic {'equal' if found['arithmetic'] else 'DIFFERENT'}, comparisons"
            f" {'equal' if found['comparisons'] else 'DIFFERENT'}."
            for dtype, found in record["denormals"].items()
        ),
        "\n## Bandwidth\n",
        f"{record['elements']:,} elements; medians on the device's clock. A share is that of the copy's speed for as"
        " many bytes.\n",
        "| function | dtype | GB/s | of the copy kernel | of clEnqueueCopyBuffer | in place, GB/s | bytes |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in record["bandwidth"]:
        times = cell["times"]
        ours = times[OURS]
        lines.append(
            f"| {cell['op']} | {cell['dtype']} | {cell['bytes'] / ours / 1e9:.1f} | {times[COPY_KERNEL] / ours:.0%} |"
            f" {times[COPY_BUFFER] / ours:.0%} | {cell['bytes'] / times['in place'] / 1e9:.1f} |"
            f" {'equal' if cell['equal'] else 'DIFFERENT'} |"
        )
    for cell in record["others"]:
        size = 2 * cell["n"] * int(cell["dtype"][-2:]) // 8
        lines.append(f"| {cell['op']}, {cell['library']} | {cell['dtype']} | {size / cell['time'] / 1e9:.1f} | | | | |")
    lines += ["\n## CPU time of a call\n", "| call | us |", "|---|---|"]
    lines += [f"| {name} | {taken * 1e6:.1f} |" for name, taken in record["calls"].items()]
    lines += ["\n## There and back\n", "float32, milliseconds from call to completion.\n"]
    ways = list(record["transfers"][0]["times"])
    lines += [f"| elements | {' | '.join(ways)} |", f"|{'---|' * (len(ways) + 1)}"]
    for each in record["transfers"]:
        taken = [f"{each['times'][way] * 1e3:.3f}" for way in ways]
        lines.append(f"| {each['n']:,} | {' | '.join(taken)} |")
    lines.append("")
    for name in TRANSFERS:
        smallest = pays_from(record["transfers"], name)
        lines.append(
            f"- One {name} is {'never worth' if smallest is None else f'from {smallest:,} elements on worth'} the way"
            " there and back."
        )
    return "\n".join(lines) + "\n"


def facts_of(device):
    """What the device is and can."""
    from relu_simd.bench.opencl_device import Device
    from relu_simd.opencl import _kernels

    return Device(device).facts() | {
        "fp16": _kernels.has_fp16(device),
        "fp64": _kernels.has_fp64(device),
        "exact division": _kernels.divides_exactly(device),
    }


def main():
    """Run all of it; the exit status is 1 where there is no device, a test fails or bytes differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="", metavar="NAME", help="a part of the name of a device or its platform")
    parser.add_argument("--elements", type=float, default=2**26, metavar="N", help="of bandwidth (2^26)")
    parser.add_argument(
        "--tests", choices=("all", "usual", "one", "none"), default="all", help="all: as make test-wide"
    )
    parser.add_argument("--dtypes", default="float16,float32,float64", metavar="NAMES", help="of bandwidth")
    parser.add_argument("--out", type=Path, default=Path("bench-out"), metavar="FOLDER", help="bench-out by default")
    options = parser.parse_args()
    device, problem = choose(options.device, options.out)
    if device is None:
        print(f"make gpu: {problem}", file=sys.stderr)
        return 1
    import gpu_measure as measure

    options.out.mkdir(parents=True, exist_ok=True)
    n, dtypes = int(options.elements), options.dtypes.split(",")
    print(f"gpu: {named(device)}; tests", flush=True)
    record = {
        "command": " ".join(["python", "scripts/gpu.py", *sys.argv[1:]]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": facts_of(device),
        "elements": n,
        "tests": run_tests(device, options.tests, options.out),
        "denormals": measure.denormals(device),
    }
    print(f"gpu: {record['tests']['summary']}; bandwidth, calls, transfers", flush=True)
    record["bandwidth"] = list(measure.bandwidth(device, n, dtypes))
    record["others"] = measure.others(n, dtypes)
    record["calls"] = measure.calls(device)
    record["transfers"] = measure.transfers(device, [size for size in (2**k for k in range(10, 27, 4)) if size <= n])
    (options.out / "gpu.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    text = page(record)
    (options.out / "gpu.md").write_text(text, encoding="utf-8")
    print(f"{text}\ngpu: wrote {options.out / 'gpu.md'} and gpu.json")
    return int(record["tests"]["passed"] is False or not all(cell["equal"] for cell in record["bandwidth"]))


if __name__ == "__main__":
    sys.exit(main())
