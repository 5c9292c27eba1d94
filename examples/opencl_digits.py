# SPDX-License-Identifier: BSD-3-Clause
"""Train a network of relu_simd's layers on scikit-learn's handwritten digits, on an OpenCL device and on the CPU.

The same program runs twice: once on pyopencl arrays, all of whose work is done on the device (a GPU if there is one,
else PoCL, which computes on the CPU), and once on NumPy arrays. The layers are those of relu_simd.nn; PReLU learns its
slopes. The products of matrices are a small kernel here, and a loop over NumPy arrays there, which add the same float32
products in the same order. Since relu_simd gives the same bytes on both, the weights come out equal to the last bit,
which the program checks after every epoch.

The kernel is meant to be read, not to be fast: each work item computes one element of the product.
"""

import argparse
import time
from itertools import pairwise

import numpy as np
import pyopencl as cl
import pyopencl.array
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from relu_simd import nn, opencl
from relu_simd.init import kaiming_normal

SIZES = (64, 48, 32, 32, 10)
BATCH, RATE = 64, np.float32(0.1)

KERNELS = """
#pragma OPENCL FP_CONTRACT OFF  // a fused multiply-add would round differently from NumPy

kernel void product(int inner, global float *out, global const float *start, int start_step,
                    global const float *a, ulong a_at, int a_row, int a_column,
                    global const float *b, ulong b_at, int b_row, int b_column)
{
    const int row = get_global_id(0), column = get_global_id(1), columns = get_global_size(1);
    float sum = start[column * start_step];
    for (int k = 0; k < inner; k++) {
        const float term = a[a_at + row * a_row + k * a_column] * b[b_at + k * b_row + column * b_column];
        sum += term;
    }
    out[row * columns + column] = sum;
}

kernel void subtract(global float *x, global const float *y, ulong y_at, float factor)
{
    const int i = get_global_id(0);
    const float term = factor * y[y_at + i];
    x[i] -= term;
}
"""


class Host:
    """NumPy arrays."""

    def array(self, values):
        return np.array(values, order="C")

    def numpy(self, array):
        return array

    def product(self, start, a, b):
        """start + a @ b, the terms added one after the other."""
        out = np.empty((a.shape[0], b.shape[1]), np.float32)
        out[:] = start
        for k in range(a.shape[1]):
            out += a[:, k, None] * b[k]
        return out

    def subtract(self, x, factor, y):
        x -= factor * y


class Device:
    """pyopencl arrays: nothing waits for the device until a result is asked for."""

    def __init__(self, device):
        self.queue = cl.CommandQueue(cl.Context([device]))
        program = cl.Program(self.queue.context, KERNELS).build()
        self.kernels = cl.Kernel(program, "product"), cl.Kernel(program, "subtract")
        whole, place = np.int32, np.uint64
        self.kernels[0].set_scalar_arg_dtypes([whole, None, None, whole, *[None, place, whole, whole] * 2])
        self.kernels[1].set_scalar_arg_dtypes([None, None, place, np.float32])

    def array(self, values):
        return cl.array.to_device(self.queue, np.array(values, order="C"))

    def numpy(self, array):
        return array.get()

    def product(self, start, a, b):
        out = cl.array.empty(self.queue, (a.shape[0], b.shape[1]), np.float32)
        start_step = int(start.size > 1)
        where = [(x.base_data, x.offset // 4, *(stride // 4 for stride in x.strides)) for x in (a, b)]
        self.kernels[0](
            self.queue, out.shape, None, a.shape[1], out.base_data, start.base_data, start_step, *where[0], *where[1]
        )
        return out

    def subtract(self, x, factor, y):
        self.kernels[1](self.queue, (x.size,), None, x.base_data, y.base_data, y.offset // 4, factor)


class Network:
    """Affine maps, each followed by a layer; the gradients are written by hand."""

    def __init__(self, on, seed):
        rng = np.random.default_rng(seed)
        self.on = on
        self.layers = [nn.PReLU(SIZES[1]), nn.ReLU(), nn.GELU(), nn.Sigmoid()]
        self.layers[0].weight = on.array(self.layers[0].weight)
        self.weights = [on.array(kaiming_normal((out, into), rng=rng)) for into, out in pairwise(SIZES)]
        self.biases = [on.array(np.zeros(out, np.float32)) for out in SIZES[1:]]
        self.zero = on.array(np.zeros(1, np.float32))
        self.ones = on.array(np.ones((1, BATCH), np.float32))

    def forward(self, x):
        """Return the outputs, and what each affine map was given."""
        given = []
        for weight, bias, layer in zip(self.weights, self.biases, self.layers, strict=True):
            given.append(x)
            x = layer(self.on.product(bias, x, weight.T))
        return x, given

    def step(self, x, target):
        """One step down the gradient of the cross entropy of ten yes-or-no questions: which digit is it?"""
        outputs, given = self.forward(x)
        gradient = outputs - target  # of that loss with respect to what sigmoid was given
        rate = RATE / np.float32(x.shape[0])
        for k in range(len(self.weights) - 1, -1, -1):
            of_weight = self.on.product(self.zero, gradient.T, given[k])
            of_bias = self.on.product(self.zero, self.ones[:, : x.shape[0]], gradient)
            if k:
                before = self.on.product(self.zero, gradient, self.weights[k])
            self.on.subtract(self.weights[k], rate, of_weight)
            self.on.subtract(self.biases[k], rate, of_bias.reshape(-1))
            if k:
                gradient = self.layers[k - 1].backward(before)
        self.on.subtract(self.layers[0].weight, rate, self.layers[0].grad_weight)

    def learned(self):
        """Return all that training changes."""
        return [self.on.numpy(each) for each in (*self.weights, *self.biases, self.layers[0].weight)]

    def right(self, x, digits):
        """How many of these images are recognised, in all."""
        return np.mean(self.on.numpy(self.forward(x)[0]).argmax(1) == digits)


def main(arguments=None):
    """Return whether all weights were equal after every epoch, and the accuracy on both sides."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20, metavar="N", help="how often each image is seen (20)")
    parser.add_argument("--device", metavar="NAME", default="", help="a part of the name of the device or its platform")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the weights and the order of images (0)")
    options = parser.parse_args(arguments)
    device = next(
        (it for it in opencl.devices() if options.device.lower() in f"{it.name} {it.platform.name}".lower()), None
    )
    if device is None:
        parser.error(f"no device is called {options.device}; there are {[it.name.strip() for it in opencl.devices()]}")
    images, digits = load_digits(return_X_y=True)
    split = train_test_split((images / 16).astype("f4"), digits, test_size=360, random_state=options.seed)
    train, test, of_train, of_test = split
    target = np.eye(10, dtype="f4")[of_train]
    print(f"{device.name.strip()} ({device.platform.name.strip()}) and NumPy, {len(train)} images")

    equal, networks, took = True, [Network(on, options.seed) for on in (Device(device), Host())], [0.0, 0.0]
    data = [[net.on.array(each) for each in (train, target, test)] for net in networks]
    for epoch in range(options.epochs):
        for k, (net, (x, t, _)) in enumerate(zip(networks, data, strict=True)):
            begin = time.perf_counter()
            for first in range(0, len(train), BATCH):
                net.step(x[first : first + BATCH], t[first : first + BATCH])
            learned = net.learned()  # waits for the device
            took[k] += time.perf_counter() - begin
            if k == 0:
                of_device = learned
        equal &= all(a.tobytes() == b.tobytes() for a, b in zip(of_device, learned, strict=True))
        if epoch % 5 == 4 or epoch == options.epochs - 1:
            print(f"epoch {epoch + 1}: {'equal' if equal else 'different'} weights")
    right = [net.right(x, of_test) for net, (_, _, x) in zip(networks, data, strict=True)]
    print(f"right on {len(test)} test images: {right[0]:.1%} and {right[1]:.1%}; {took[0]:.1f} s and {took[1]:.1f} s")
    return equal, *right


if __name__ == "__main__":
    main()
