"""A target for tests: it answers after `answer_ms` and misbehaves as its config says.

Agent 0 is a coordinator, the others are workers. With `processes` every agent is a process of its own that does
nothing but live; the work is done here. What its config asks for after some milliseconds happens so long after its
first answer, however long the machine took until then.
"""
import heapq
import json
import os
import select
import signal
import subprocess
import sys
import time
import zlib

config = {}
agents = {}  # agent -> [pid, epoch, Popen]
due = []  # (time, serial, function)
serial = 0
seq = {}
executed = 0
open_work = 0
began = None  # when it answered first


def now():
    return time.monotonic()


def report(kind, /, **fields):
    sys.stdout.write(json.dumps({kind: fields}) + "\n")
    sys.stdout.flush()


def later(delay, function):
    global serial
    serial += 1
    heapq.heappush(due, (now() + delay, serial, function))


def member(agent):
    pid, epoch, _ = agents[agent]
    role = "coordinator" if agent == 0 else "worker"
    m = {"agent": agent, "role": role, "pid": pid, "epoch": epoch}
    return m if agent == 0 else m | {"parent": 0}


def start(agent, epoch):
    if not config.get("processes"):
        agents[agent] = [0, epoch, None]
        return
    process = subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    agents[agent] = [process.pid, epoch, process]


def watch():
    """Reports processes that have died and starts them again."""
    for agent, (pid, epoch, process) in list(agents.items()):
        if process is None or process.poll() is None:
            continue
        status = f"signal {-process.returncode}" if process.returncode < 0 else f"exit {process.returncode}"
        at = time.monotonic_ns()
        report("member", member=member(agent), state="left", status=status, at_ns=at)
        report("suspected", agent=agent, how="death", at_ns=at)
        start(agent, epoch + 1)
        report("member", member=member(agent), state="replaced", at_ns=time.monotonic_ns())


def answer(token, size, agent, again=False):
    global executed
    if not again:
        executed += 1
        seq[agent] = seq.get(agent, 0) + 1
    payload = bytearray((token.to_bytes(8, "little") * (size // 8 + 1))[:size])
    if one_in("corrupt_1_in", token):
        payload[0] ^= 1
    return [token, agent, agents[agent][1], seq[agent], 1, zlib.crc32(bytes(payload))]


def one_in(what, token):
    return config.get(what) and token % config[what] == 0


def begin():
    """The first answer was given."""
    global began
    if began is not None:
        return
    began = now()
    for name, function in [
        ("dies_after_ms", lambda: os.kill(os.getpid(), signal.SIGKILL)),
        ("closes_output_after_ms", lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 1)),
        ("talks_nonsense_after_ms", lambda: print("oops, a log line", flush=True)),
        ("error_after_ms", lambda: report("error", message="a disk is slow")),
        ("worker_dies_after_ms", lambda: os.kill(agents[1][0], signal.SIGKILL)),
        ("floods_after_ms", flood),
        ("stops_after_ms", stop),
    ]:
        if name in config:
            later(config[name] / 1000, function)


def work(tasks, round_=None):
    global open_work
    first, count, size = tasks["first"], tasks["count"], tasks["payload"]
    refused = count if config.get("refuses") else 0
    if not config.get("never_accepts"):
        report("accepted", first=first, count=count - refused, refused=refused)
    if refused:
        return
    delay = config.get("answer_ms", 1) / 1000
    stall = config.get("stall_ms")
    if stall and began is not None and stall[0] <= (now() - began) * 1000 < stall[1]:
        delay = began + stall[1] / 1000 - now()
    began_round = time.monotonic_ns()
    open_work += 1

    def done():
        global open_work
        open_work -= 1
        items = []
        workers = len(agents) - 1
        for token in range(first, first + count):
            agent = (token // 2 if config.get("reorder") else token) % workers + 1
            if one_in("drop_1_in", token):
                answer(token, size, agent)
                continue
            items.append(answer(token, size, agent))
            if one_in("duplicate_1_in", token):
                items.append(answer(token, size, agent, again=True))
            if one_in("execute_again_1_in", token):
                items.append(answer(token, size, agent))
            if one_in("phantom_1_in", token):
                items.append(answer(token + 1_000_000, size, agent))
        if config.get("reorder"):
            items.reverse()
        if items:
            report("answers", items=items)
        if round_ is not None:
            elapsed = time.monotonic_ns() - began_round
            report("round", round=round_, delivered=len(items), timed_out=0, elapsed_ns=elapsed)
        if items:
            begin()

    later(delay, done)


def launch(given):
    global config
    config = given or {}
    if config.get("dies_in_launch"):
        print("no room for agents", file=sys.stderr, flush=True)
        os._exit(3)
    if config.get("never_ready"):
        return
    for agent in range(config.get("workers", 4) + 1):
        start(agent, 1)
    report("ready", members=[member(agent) for agent in agents])


def flood():
    for epoch in range(5_000):
        at = time.monotonic_ns()
        report("assigned", **{"from": 0}, to=list(range(200)), workers=0, resent=0, epoch=epoch, at_ns=at)


def stop():
    for _, _, process in agents.values():
        if process is not None:
            process.kill()
            process.wait()
    if config.get("ignores_stop"):
        return
    report("stopped")
    sys.exit(0)


def drain(deadline):
    if config.get("never_drains"):
        return
    if open_work == 0 or now() >= deadline:
        report("drained", outstanding=open_work)
    else:
        later(0.005, lambda: drain(deadline))


def obey(line):
    (name, args), = json.loads(line).items()
    if name == "hello":
        if "--nonsense" in sys.argv:
            print("Listening on port 80", flush=True)
        elif "--refuses-in-colour" in sys.argv:
            print("\x1b[2Jhidden\x9b", file=sys.stderr, flush=True)
            report("error", message="no \x1b[31mroom\n")
        elif "--silent" not in sys.argv:
            version = 99 if "--other-version" in sys.argv else 1
            report("hello", protocol=version, name="scripted", version="1", tells=["members", "effects", "round_time"])
    elif name == "launch":
        launch(args["config"])
    elif name == "round":
        work(args["tasks"], args["round"])
    elif name == "send":
        work(args["tasks"])
    elif name == "quiesce":
        report("quiesced")
    elif name == "drain":
        drain(now() + args["deadline_ms"] / 1000)
    elif name == "snapshot":
        report("snapshot", gauges={"effects": executed})
    elif name == "stop":
        stop()


def main():
    partial = b""
    while True:
        timeout = max(0, min(due[0][0] - now(), 0.005)) if due else 0.005
        readable, _, _ = select.select([0], [], [], timeout)
        if readable:
            chunk = os.read(0, 1 << 16)
            if not chunk:
                stop()
                return
            *whole, partial = (partial + chunk).split(b"\n")
            for line in whole:
                obey(line)
        while due and due[0][0] <= now():
            heapq.heappop(due)[2]()
        watch()


main()
