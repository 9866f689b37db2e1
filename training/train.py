"""Trains the model from token ids, from scratch or from a checkpoint.

    train.py --train mix_train.npy --val mix_val.npy --out run/ --minutes 110 --workers 2
    train.py ... --resume run/checkpoint.pt          goes on where it stopped
    train.py ... --init run/checkpoint.pt            new schedule and optimiser from those weights

The schedule is a function of progress, 0 to 1, and progress is that of the step count (--steps, which repeats
exactly) or of the clock (--minutes, which ends on time on a busy machine). Two stages, as in the training
recipe of BitNet b1.58 (Ma et al. 2024, "The Era of 1-bit LLMs: Training Tips, Code and FAQ"): a high learning
rate with weight decay, then a lower one without, since decay keeps ternary weights flipping.

Workers are processes that share parameters and take micro-batches from one queue, so a core that others use
slows the run down by its share only; OpenMP threads would wait for the slower core at every operation.
"""
import argparse
import dataclasses
import json
import os
import time

import numpy
import torch
import torch.multiprocessing as multiprocessing

from model import Config, Model
from optimizer import Optimizer

STAGE_TWO = 0.5  # progress at which weight decay ends and the rate drops


def schedule(progress, peak, decay):
    """(learning rate, weight decay) at progress 0..1: stage one 1 -> 0.7, stage two 0.5 -> 0 of the peak."""
    if progress < STAGE_TWO:
        return peak * (1 - 0.3 * progress / STAGE_TWO), decay
    return peak * 0.5 * (1 - progress) / (1 - STAGE_TWO), 0.0


class Windows:
    """Windows of `length` tokens from one long row of ids, each epoch in a new order and at a new offset.

    The first input of a window is always bos: that is how a prompt from the middle of a text looks to the
    engine, and how evaluate.py cuts its windows.
    """

    def __init__(self, ids, length, bos, seed):
        self.ids, self.length, self.bos, self.seed = ids, length, bos, seed
        self.per_epoch = len(ids) // length - 1
        self.epoch = None

    def window(self, index):
        """Inputs and targets of window `index` >= 0 of the endless sequence, each [length] int64."""
        epoch, place = divmod(index, self.per_epoch)
        if epoch != self.epoch:
            rng = numpy.random.default_rng([self.seed, epoch])
            self.epoch, self.offset, self.order = epoch, int(rng.integers(1, self.length)), rng.permutation(self.per_epoch)
        start = self.offset + self.order[place] * self.length
        span = self.ids[start - 1:start + self.length].astype(numpy.int64)
        span[0] = self.bos
        return span[:-1], span[1:]

    def batch(self, first, count):
        pairs = [self.window(first + i) for i in range(count)]
        return tuple(torch.from_numpy(numpy.stack(side)) for side in zip(*pairs))


@torch.no_grad()
def validation_loss(model, windows, count):
    model.ternarise()
    losses = [model.loss(*windows.batch(i, 8)) for i in range(0, count, 8)]
    return float(sum(losses)) / len(losses)


def shared_parameters(model):
    """Moves the parameters into one shared flat tensor and returns [(name, view, is_matrix)]."""
    named = list(model.named_parameters())
    flat = torch.cat([p.data.reshape(-1) for _, p in named]).share_memory_()
    listed, offset = [], 0
    for name, p in named:
        p.data = flat[offset:offset + p.numel()].view_as(p)
        offset += p.numel()
        listed.append((name, p.data, p.dim() > 1 and name != "embedding"))
    return flat, listed


class Gradients:
    """One flat gradient a worker, in shared memory; each parameter's .grad is a view of its worker's."""

    def __init__(self, size, workers):
        self.flat = torch.zeros(workers, size).share_memory_()
        self.loss = torch.zeros(workers).share_memory_()

    def norm(self, count):
        """Euclidean norm of the mean gradient of `count` micro-batches."""
        total = self.flat[0] if len(self.flat) == 1 else self.flat.sum(dim=0)
        return float(total.norm()) / count

    def attach(self, model, rank):
        offset = 0
        for p in model.parameters():
            p.grad = self.flat[rank, offset:offset + p.numel()].view_as(p)
            offset += p.numel()


def owners(parameters, workers):
    """Which worker steps which parameter: the largest first, each to the worker with least to do."""
    load, owner = [0] * workers, [0] * len(parameters)
    for i in sorted(range(len(parameters)), key=lambda i: -parameters[i][1].numel()):
        owner[i] = load.index(min(load))
        load[owner[i]] += parameters[i][1].numel()
    return owner


@dataclasses.dataclass
class Shared:
    """What the workers have in common: parameters, gradients and optimiser state lie in shared memory."""
    args: argparse.Namespace
    config: Config
    model: Model
    parameters: list        # (name, tensor, is_matrix)
    optimizer: Optimizer
    gradients: Gradients
    owner: list             # which worker steps which parameter
    position: dict          # step, tokens, progress; worker 0 moves it
    barrier: object
    ticket: object          # the next micro-batch of this step
    control: torch.Tensor   # [4] float64 of worker 0: learning rate, weight decay, whether to stop, number of this step


class Leader:
    """What worker 0 does besides: schedule, log, checkpoints."""

    def __init__(self, shared):
        self.shared, self.args, self.position = shared, shared.args, shared.position
        self.log = open(os.path.join(self.args.out, "log.jsonl"), "a", buffering=1)
        self.val = Windows(numpy.load(self.args.val, mmap_mode="r"), 256, self.args.bos, 0)
        self.begun = self.saved = self.noted = time.time()
        self.begun_at, self.noted_tokens = self.position["progress"], self.position["tokens"]
        self.losses = []

    def open_step(self):
        """Waits while paused, then says what the coming step shall do."""
        args, position = self.args, self.position
        while args.pause_file and os.path.exists(args.pause_file):
            time.sleep(0.5)
        if args.steps:
            progress = position["step"] / args.steps
        else:
            progress = self.begun_at + (1 - self.begun_at) * (time.time() - self.begun) / (args.minutes * 60)
        position["progress"] = min(progress, 1.0)
        stop = progress >= 1 or (args.stop and position["step"] >= args.stop)
        rate, decay = schedule(position["progress"], args.rate, args.decay)
        rate *= min(1.0, (position["step"] + 1) / args.warmup)
        self.shared.control[:] = torch.tensor([rate, decay, stop, position["step"] + 1], dtype=torch.float64)
        self.shared.ticket.value = 0

    def close_step(self, loss, norm):
        args, position = self.args, self.position
        position["step"] += 1
        position["tokens"] += args.batch * args.window
        self.losses.append(loss)
        last = args.steps and position["step"] == args.steps
        if position["step"] % args.log_every == 0 or last:
            self.note(norm, position["step"] % args.val_every == 0 or last)
        if time.time() - self.saved > args.save_minutes * 60:
            self.save()

    def note(self, norm, validate):
        position, now = self.position, time.time()
        speed = (position["tokens"] - self.noted_tokens) / (now - self.noted)
        entry = {"step": position["step"], "tokens": position["tokens"], "progress": round(position["progress"], 5),
                 "rate": round(float(self.shared.control[0]), 7), "norm": round(norm, 4),
                 "loss": round(sum(self.losses) / len(self.losses), 4), "tokens_per_second": round(speed)}
        if validate:
            entry["val_loss"] = round(validation_loss(self.shared.model, self.val, self.args.val_windows), 4)
        self.log.write(json.dumps(entry) + "\n")
        print(entry, flush=True)
        self.noted, self.noted_tokens, self.losses = time.time(), position["tokens"], []

    def save(self):
        """Writes a checkpoint through a temporary file, so that a reader never sees half of one."""
        s, path = self.shared, os.path.join(self.args.out, "checkpoint.pt")
        torch.save({"config": dataclasses.asdict(s.config), "model": s.model.state_dict(), "args": vars(s.args),
                    "optimizer": s.optimizer.state(), "position": self.position}, path + ".new")
        os.replace(path + ".new", path)
        self.saved = time.time()


def accumulate(shared, windows, count):
    """Adds the gradients of the micro-batches of step `count` that this worker gets; returns the sum of their losses."""
    args, total = shared.args, 0.0
    shared.model.ternarise()
    while True:
        with shared.ticket.get_lock():
            mine = shared.ticket.value
            shared.ticket.value += 1
        if mine >= args.batch // args.micro:
            return total
        loss = shared.model.loss(*windows.batch((count - 1) * args.batch + mine * args.micro, args.micro))
        loss.backward()
        total += float(loss.detach())


def update(shared, rank, learning_rate, decay, count):
    """Steps the parameters that this worker owns with everybody's gradients; returns the norm of the whole gradient."""
    micro_batches = shared.args.batch // shared.args.micro
    norm = shared.gradients.norm(micro_batches)
    factor = min(1.0, shared.args.clip / (norm + 1e-9)) / micro_batches
    offset = 0
    for i, (_, p, _) in enumerate(shared.parameters):
        if shared.owner[i] == rank:
            g = shared.gradients.flat[:, offset:offset + p.numel()].sum(dim=0).mul_(factor).view_as(p)
            shared.optimizer.step(i, g, learning_rate, decay, count)
        offset += p.numel()
    return norm


def work(rank, shared):
    """The life of one worker. The barriers part what one step reads from what it writes."""
    args, gradients = shared.args, shared.gradients
    torch.set_num_threads(1)
    gradients.attach(shared.model, rank)
    if args.kernels == "c":
        import layers_c
        shared.model.kernels = layers_c
    windows = Windows(numpy.load(args.train, mmap_mode="r"), args.window, args.bos, args.seed)
    leader = Leader(shared) if rank == 0 else None
    while True:
        if leader:
            leader.open_step()
        gradients.flat[rank].zero_()
        shared.barrier.wait()
        learning_rate, decay, stop, count = shared.control.tolist()
        if stop:
            break
        gradients.loss[rank] = accumulate(shared, windows, int(count))
        shared.barrier.wait()
        norm = update(shared, rank, learning_rate, decay, int(count))
        shared.barrier.wait()
        if leader:
            leader.close_step(float(gradients.loss.sum()) / (args.batch // args.micro), norm)
    if leader:
        leader.save()


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--train", required=True, help="token ids, uint16 .npy")
    p.add_argument("--val", required=True, help="held-out token ids, uint16 .npy")
    p.add_argument("--out", required=True, help="folder for checkpoint.pt and log.jsonl")
    p.add_argument("--resume", help="go on from this checkpoint: weights, optimiser, place in data and schedule")
    p.add_argument("--init", help="start anew from the weights of this checkpoint (fine-tuning)")
    p.add_argument("--steps", type=int, default=0, help="length of the schedule in steps")
    p.add_argument("--stop", type=int, default=0, help="stop at this step, short of the schedule, to be resumed")
    p.add_argument("--minutes", type=float, default=0, help="length of the schedule (or of its rest) in minutes")
    p.add_argument("--workers", type=int, default=1)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--bos", type=int, default=4094)
    p.add_argument("--window", type=int, default=256, help="tokens of a training window")
    p.add_argument("--batch", type=int, default=32, help="windows a step")
    p.add_argument("--micro", type=int, default=4, help="windows a micro-batch; divides --batch")
    p.add_argument("--kernels", choices=("torch", "c"), default="torch",
                   help="c: kernels.c, needs AVX-512 VNNI and a C compiler, about three times as fast")
    p.add_argument("--optimizer", choices=("muon", "adamw"), default="muon")
    p.add_argument("--rate", type=float, default=3e-3, help="peak learning rate")
    p.add_argument("--decay", type=float, default=0.1, help="weight decay of stage one")
    p.add_argument("--clip", type=float, default=1.0, help="greatest norm of the gradient")
    p.add_argument("--warmup", type=int, default=50, help="steps")
    p.add_argument("--log-every", type=int, default=10)
    p.add_argument("--val-every", type=int, default=200)
    p.add_argument("--val-windows", type=int, default=64)
    p.add_argument("--save-minutes", type=float, default=4)
    p.add_argument("--pause-file", help="while this file exists, compute nothing")
    for field in dataclasses.fields(Config):
        p.add_argument("--" + field.name.replace("_", "-"), type=field.type, default=field.default)
    a = p.parse_args()
    if bool(a.steps) == bool(a.minutes):
        p.error("exactly one of --steps and --minutes is wanted")
    if a.batch % a.micro:
        p.error("--batch %d is not a multiple of --micro %d" % (a.batch, a.micro))
    return a


def main():
    args = arguments()
    torch.set_num_threads(1)
    os.makedirs(args.out, exist_ok=True)
    source = torch.load(args.resume or args.init) if args.resume or args.init else None
    if source:
        config = Config(**source["config"])
    else:
        config = Config(**{f.name: getattr(args, f.name) for f in dataclasses.fields(Config)})
    model = Model(config, args.seed)
    if source:
        model.load_state_dict(source["model"])
    flat, parameters = shared_parameters(model)
    optimizer = Optimizer(parameters, args.optimizer == "muon")
    position = {"step": 0, "tokens": 0, "progress": 0.0}
    if args.resume:
        optimizer.load(source["optimizer"])
        position = source["position"]
    print("%.2f M parameters, %.1f M tokens of text" % (len(flat) / 1e6, os.path.getsize(args.train) / 2e6), flush=True)
    shared = Shared(args, config, model, parameters, optimizer, Gradients(len(flat), args.workers),
                    owners(parameters, args.workers), position, multiprocessing.Barrier(args.workers),
                    multiprocessing.Value("l", 0), torch.zeros(4, dtype=torch.float64).share_memory_())
    if args.workers == 1:
        work(0, shared)
    else:
        multiprocessing.start_processes(work, (shared,), nprocs=args.workers, start_method="fork")


if __name__ == "__main__":
    main()
