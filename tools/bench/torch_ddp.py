#!/usr/bin/env python3
"""Data-parallel training with PyTorch DDP over gloo, on one machine: what `polydot-bench rivals` compares with.

    torch_ddp.py --check                                    prints the version and the GFLOP/s of a product of
                                                            one thread; exit code 77 without torch or gloo
    torch_ddp.py WORLD HIDDEN BATCH STEPS REPETITIONS RATE  prints the steps a second of each repetition

784 - HIDDEN - HIDDEN - 10, ReLU, plain SGD, BATCH samples a step of all WORLD processes together, a thread each.
"""
import os
import sys
import tempfile
import time

INPUTS, CLASSES, WARM_STEPS = 784, 10, 3


def import_torch():
    try:
        import torch
        import torch.distributed
        import torch.multiprocessing
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(77)
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        print("torch has no gloo", file=sys.stderr)
        sys.exit(77)
    return torch


def product_speed(torch):
    """GFLOP/s: what the linear algebra under torch is worth, which its version does not tell."""
    torch.set_num_threads(1)
    size, best = 1024, float("inf")
    a, b = torch.randn(size, size), torch.randn(size, size)
    for _ in range(10):
        began = time.thread_time()
        torch.mm(a, b)
        best = min(best, time.thread_time() - began)
    return 2e-9 * size ** 3 / best


def work(rank, world, hidden, batch, steps, repetitions, rate, meeting):
    import torch
    from torch import nn
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.distributed.init_process_group("gloo", init_method="file://" + meeting, rank=rank, world_size=world)
    network = nn.Sequential(nn.Linear(INPUTS, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
                            nn.Linear(hidden, CLASSES))
    # Without gradient_as_bucket_view, which is slower here.
    model = nn.parallel.DistributedDataParallel(network)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    loss_of = nn.CrossEntropyLoss()
    share = batch // world
    generator = torch.Generator().manual_seed(rank)
    samples = torch.randn(64 * share, INPUTS, generator=generator)
    labels = torch.randint(0, CLASSES, (64 * share,), generator=generator)

    def train(count):
        for step in range(count):
            first = step % 64 * share
            optimizer.zero_grad(set_to_none=False)
            loss_of(model(samples[first:first + share]), labels[first:first + share]).backward()
            optimizer.step()

    train(WARM_STEPS)
    for _ in range(repetitions):
        torch.distributed.barrier()
        began = time.perf_counter()
        train(steps)
        torch.distributed.barrier()
        if rank == 0:
            print(f"{steps / (time.perf_counter() - began):.6g}", flush=True)
    torch.distributed.destroy_process_group()


def main():
    if sys.argv[1:] == ["--check"]:
        torch = import_torch()
        print(torch.__version__, f"{product_speed(torch):.4g}")
        return 0
    if len(sys.argv) != 7:
        print(__doc__, file=sys.stderr)
        return 2
    world, hidden, batch, steps, repetitions = map(int, sys.argv[1:6])
    torch = import_torch()
    with tempfile.TemporaryDirectory() as folder:
        arguments = (world, hidden, batch, steps, repetitions, float(sys.argv[6]), folder + "/meeting")
        torch.multiprocessing.spawn(work, args=arguments, nprocs=world)
    return 0


if __name__ == "__main__":
    sys.exit(main())
