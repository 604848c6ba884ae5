#!/usr/bin/env python3
"""A small target in plain Python: agents are threads, and they echo.

It speaks the control protocol (docs/reference/control-protocol.md): one JSON object a line, commands on
standard input, reports on standard output, anything else on standard error. Try it:

    target: { command: [python3, docs/examples/echo_target.py], config: { workers: 8 }, agents: { coordinator: 1, worker: 8 } }
"""
import json
import queue
import sys
import threading
import time
import zlib

out_lock = threading.Lock()
idle = threading.Condition()  # guards `open_tasks`, tells when one was answered
open_tasks = 0
executed = 0


def report(kind, /, **fields):
    with out_lock:
        sys.stdout.write(json.dumps({kind: fields}) + "\n")
        sys.stdout.flush()


def perform(work):
    """What a worker does before it answers. A target may know fewer kinds of work than there are."""
    (kind, args), = work.items()
    if kind == "sleep":
        time.sleep(args["p50_us"] / 1e6)
    elif kind != "echo":
        report("error", message=f"this target can echo and sleep, not {kind}")


class Worker(threading.Thread):
    """Executes its tasks one after the other. Its process is the target's own: pid 0, one life: epoch 1."""

    def __init__(self, agent):
        super().__init__(daemon=True)
        self.agent, self.seq, self.inbox = agent, 0, queue.Queue()

    def run(self):
        global open_tasks, executed
        while True:
            token, size, work, round_ = self.inbox.get()
            perform(work)
            payload = (token.to_bytes(8, "little") * (size // 8 + 1))[:size]
            self.seq += 1
            report("answers", items=[[token, self.agent, 1, self.seq, 1, zlib.crc32(payload)]])
            with idle:
                open_tasks, executed = open_tasks - 1, executed + 1
                idle.notify_all()
            if round_:
                round_.answered()


class Round:
    """Counts the answers of one round and reports when it is complete."""

    def __init__(self, number, count):
        self.number, self.count, self.delivered = number, count, 0
        self.began, self.lock = time.monotonic_ns(), threading.Lock()

    def answered(self):
        with self.lock:
            self.delivered += 1
            if self.delivered == self.count:
                elapsed = time.monotonic_ns() - self.began
                report("round", round=self.number, delivered=self.count, timed_out=0, elapsed_ns=elapsed)


def give_out(tasks, workers, round_=None):
    global open_tasks
    first, count = tasks["first"], tasks["count"]
    with idle:
        open_tasks += count
    report("accepted", first=first, count=count)
    for token in range(first, first + count):
        workers[token % len(workers)].inbox.put((token, tasks["payload"], tasks["work"], round_))


def main():
    workers = []
    for line in sys.stdin:
        if not line.strip():  # another harness ends what the one before could not write to its end
            continue
        try:
            (name, args), = json.loads(line).items()
        except (ValueError, AttributeError):
            report("error", message="this is no command")
            continue
        if name == "hello":
            report("hello", protocol=1, name="echo_target.py", version="1", tells=["round_time", "effects", "attach"])
        elif name == "launch":
            workers = [Worker(agent) for agent in range(1, (args["config"] or {}).get("workers", 4) + 1)]
            for worker in workers:
                worker.start()
            lead = {"agent": 0, "role": "coordinator", "pid": 0, "epoch": 1}
            led = [{"agent": w.agent, "role": "worker", "pid": 0, "epoch": 1, "parent": 0} for w in workers]
            report("ready", members=[lead, *led])
        elif name == "attach":
            report("attached", members=[lead, *led])
        elif name == "round":
            give_out(args["tasks"], workers, Round(args["round"], args["tasks"]["count"]))
        elif name == "send":
            give_out(args["tasks"], workers)
        elif name == "quiesce":
            report("quiesced")
        elif name == "drain":
            with idle:
                idle.wait_for(lambda: open_tasks == 0, timeout=args["deadline_ms"] / 1000)
            report("drained", outstanding=open_tasks)
        elif name == "snapshot":
            report("snapshot", gauges={"effects": executed})
        elif name == "stop":
            report("stopped")
            return


if __name__ == "__main__":
    main()
