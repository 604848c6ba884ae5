#!/usr/bin/env python3
"""A target of Shakedown in plain Python: a handful of in-process workers that answer at once.

It shows the whole control protocol (docs/reference/control-protocol.md) from the target's side. One JSON
object a line comes in on standard input, one a line goes out on standard output. Agents live inside this
process, so their pid is 0 and Shakedown samples no memory of theirs.
"""

import json
import sys
import time
import zlib

PROTOCOL = 1
MASTER = 0


class Swarm:
    def __init__(self):
        self.workers = []
        self.executed = {}
        self.turn = 0

    def launch(self, config):
        count = config.get("workers", 4)
        if not isinstance(count, int) or count < 1:
            report("error", message=f"launch: config.workers is {count!r}; it must be a whole number from 1")
            sys.exit(1)
        self.workers = list(range(1, count + 1))
        self.executed = dict.fromkeys(self.workers, 0)
        members = [member(MASTER, "master", None)]
        members += [member(agent, "worker", MASTER) for agent in self.workers]
        report("ready", members=members)

    def execute(self, tasks):
        """Accepts a run of tasks, executes them and reports their answers."""
        first, count = tasks["first"], tasks["count"]
        report("accepted", first=first, count=count, refused=0)
        answers = []
        for token in range(first, first + count):
            agent = self.workers[self.turn % len(self.workers)]
            self.turn += 1
            self.executed[agent] += 1
            work(tasks["work"])
            digest = zlib.crc32(payload(token, tasks["payload"]))
            epoch, attempt = 1, 1
            answers.append([token, agent, epoch, self.executed[agent], attempt, digest])
        for start in range(0, len(answers), 4096):
            report("answers", items=answers[start : start + 4096])
        return count

    def round(self, number, tasks):
        began = time.monotonic_ns()
        delivered = self.execute(tasks)
        report("round", round=number, delivered=delivered, timed_out=0, elapsed_ns=time.monotonic_ns() - began)


def member(agent, role, parent):
    return {"agent": agent, "role": role, "pid": 0, "epoch": 1, **({} if parent is None else {"parent": parent})}


def payload(token, size):
    """The payload is defined by its token: the token's eight little-endian bytes, repeated."""
    return (token.to_bytes(8, "little") * (size // 8 + 1))[:size]


def work(kind):
    (name, details), = kind.items()
    if name == "sleep":
        time.sleep(details["p50_us"] / 1e6)
    elif name != "echo":
        report("error", message=f"this target cannot do the work {name!r}; it knows echo and sleep")
        sys.exit(1)


def report(kind, /, **fields):
    sys.stdout.write(json.dumps({kind: fields}) + "\n")
    sys.stdout.flush()


def main():
    swarm = Swarm()
    for line in sys.stdin:
        (command, fields), = json.loads(line).items()
        if command == "hello":
            tells = ["round_time", "effects"]
            report("hello", protocol=PROTOCOL, name="echo_target.py", version="1", tells=tells)
        elif command == "launch":
            swarm.launch(fields["config"])
        elif command == "round":
            swarm.round(fields["round"], fields["tasks"])
        elif command == "send":
            swarm.execute(fields["tasks"])
        elif command == "quiesce":
            report("quiesced")
        elif command == "drain":
            report("drained", outstanding=0)
        elif command == "snapshot":
            report("snapshot", gauges={"effects": float(sum(swarm.executed.values()))})
        elif command == "stop":
            report("stopped")
            return


if __name__ == "__main__":
    main()
