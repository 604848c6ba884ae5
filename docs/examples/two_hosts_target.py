#!/usr/bin/env python3
"""A target on two hosts in plain Python: a coordinator on the first, workers on the second, TCP between them.

Every agent is a process. The hosts are network namespaces that the harness makes; the target finds them in
SHAKEDOWN_NETWORK, a JSON list of {host, address, netns}. It starts in the first and enters another with setns(2).
What a worker has not answered is sent again over its next connection, and a worker executes nothing twice, so
that packets may be late or lost and connections may end. It speaks the control protocol as echo_target.py does.

    target:
      command: [python3, docs/examples/two_hosts_target.py]
      agents: { coordinator: 1, worker: 4 }
      network: { hosts: 2 }
"""
import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
import time
import zlib

CLONE_NEWNET = 0x40000000
AGAIN_AFTER = 0.05  # seconds until a worker tries to connect again
REMEMBERED = 10_000  # answers that a worker keeps, should it be asked again

out_lock = threading.Lock()
idle = threading.Condition()  # guards `open_tasks`, tells when one was answered
open_tasks = 0


def report(kind, /, **fields):
    with out_lock:
        sys.stdout.write(json.dumps({kind: fields}) + "\n")
        sys.stdout.flush()


def enter(netns):
    """Moves this process to another host."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(netns) as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {netns}")


# The worker's side: a process of its own on another host.

def perform(work):
    (kind, args), = work.items()
    if kind == "sleep":
        time.sleep(args["p50_us"] / 1e6)


def work_forever(agent, address, port, netns):
    enter(netns)
    answers, executed = {}, 0
    while True:
        try:
            with socket.create_connection((address, port), timeout=2) as link:
                link.settimeout(None)
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                link.sendall(f"{agent}\n".encode())
                for line in link.makefile("r"):
                    token, payload, work = json.loads(line)
                    if token not in answers:
                        perform(work)
                        executed += 1
                        answers[token] = [token, executed, zlib.crc32(bytes.fromhex(payload))]
                        if len(answers) > REMEMBERED:
                            del answers[next(iter(answers))]
                    link.sendall((json.dumps(answers[token]) + "\n").encode())
        except OSError:
            pass  # the coordinator sends again what was not answered
        time.sleep(AGAIN_AFTER)


# The coordinator's side.

class Worker:
    """What the coordinator knows of a worker: its process, its connection, and what it owes."""

    def __init__(self, agent, address, port, netns):
        self.agent, self.executed, self.link = agent, 0, None
        self.owed, self.lock = {}, threading.Lock()
        own = [sys.executable, os.path.abspath(__file__)]
        told = [str(agent), address, str(port), netns]
        self.process = subprocess.Popen([*own, "worker", *told], stdin=subprocess.DEVNULL, stdout=sys.stderr)
        self.connected = threading.Event()

    def give(self, token, payload, work, round_):
        line = (json.dumps([token, payload.hex(), work]) + "\n").encode()
        with self.lock:
            self.owed[token] = [line, 0, round_]
            self.send(token)

    def send(self, token):
        """With the lock held. What cannot be sent now goes over the next connection."""
        task = self.owed[token]
        if self.link:
            try:
                self.link.sendall(task[0])
                task[1] += 1
            except OSError:
                self.link = None

    def serve(self, link, lines):
        """Reads the answers of one connection, after having sent again what is owed."""
        with self.lock:
            self.link = link
            for token in list(self.owed):
                self.send(token)
        self.connected.set()
        try:
            for line in lines:
                self.answered(*json.loads(line))
        except (OSError, ValueError):
            pass  # the worker comes again
        with self.lock:
            if self.link is link:
                self.link = None

    def answered(self, token, seq, digest):
        global open_tasks
        with self.lock:
            if token not in self.owed:
                return  # answered over an earlier connection
            _, attempts, round_ = self.owed.pop(token)
            self.executed = max(self.executed, seq)
        report("answers", items=[[token, self.agent, 1, seq, max(attempts, 1), digest]])
        with idle:
            open_tasks -= 1
            idle.notify_all()
        if round_:
            round_.answered()


class Round:
    """Counts the answers of one round and reports when it is complete or its time is over."""

    def __init__(self, number, tasks):
        self.number, self.count, self.delivered, self.over = number, tasks["count"], 0, False
        self.began, self.lock = time.monotonic_ns(), threading.Lock()
        self.timer = threading.Timer(tasks["timeout_ms"] / 1000, self.end)
        self.timer.daemon = True
        self.timer.start()

    def answered(self):
        with self.lock:
            self.delivered += not self.over
            complete = self.delivered == self.count
        if complete:
            self.end()

    def end(self):
        with self.lock:
            if self.over:
                return
            self.over = True
        self.timer.cancel()
        elapsed = time.monotonic_ns() - self.began
        missing = self.count - self.delivered
        report("round", round=self.number, delivered=self.delivered, timed_out=missing, elapsed_ns=elapsed)


def give_out(tasks, workers, round_=None):
    global open_tasks
    first, count, size = tasks["first"], tasks["count"], tasks["payload"]
    with idle:
        open_tasks += count
    report("accepted", first=first, count=count)
    for token in range(first, first + count):
        payload = (token.to_bytes(8, "little") * (size // 8 + 1))[:size]
        workers[token % len(workers)].give(token, payload, tasks["work"], round_)


def accept_forever(listener, workers):
    while True:
        link, _ = listener.accept()
        threading.Thread(target=greet, args=(link, workers), daemon=True).start()


def greet(link, workers):
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    lines = link.makefile("r")
    try:
        agent = int(lines.readline())
    except (OSError, ValueError):
        return
    workers[agent - 1].serve(link, lines)


def launch(count):
    hosts = json.loads(os.environ["SHAKEDOWN_NETWORK"])
    here, there = hosts[0], hosts[-1]
    listener = socket.create_server((here["address"], 0))
    port = listener.getsockname()[1]
    workers = [Worker(agent, here["address"], port, there["netns"]) for agent in range(1, count + 1)]
    threading.Thread(target=accept_forever, args=(listener, workers), daemon=True).start()
    for worker in workers:
        worker.connected.wait()
    lead = {"agent": 0, "role": "coordinator", "pid": os.getpid(), "epoch": 1}
    led = [{"agent": w.agent, "role": "worker", "pid": w.process.pid, "epoch": 1, "parent": 0} for w in workers]
    report("ready", members=[lead, *led])
    return workers


def main():
    workers = []
    for line in sys.stdin:
        (name, args), = json.loads(line).items()
        if name == "hello":
            tells = ["round_time", "effects"]
            report("hello", protocol=1, name="two_hosts_target.py", version="1", tells=tells)
        elif name == "launch":
            workers = launch((args["config"] or {}).get("workers", 4))
        elif name == "round":
            give_out(args["tasks"], workers, Round(args["round"], args["tasks"]))
        elif name == "send":
            give_out(args["tasks"], workers)
        elif name == "quiesce":
            report("quiesced")
        elif name == "drain":
            with idle:
                idle.wait_for(lambda: open_tasks == 0, timeout=args["deadline_ms"] / 1000)
            report("drained", outstanding=open_tasks)
        elif name == "snapshot":
            report("snapshot", gauges={"effects": sum(w.executed for w in workers)})
        elif name == "stop":
            for worker in workers:
                worker.process.terminate()
            for worker in workers:
                worker.process.wait()
            report("stopped")
            return


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        work_forever(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5])
    else:
        main()
