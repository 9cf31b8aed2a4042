"""The other systems that bench-peers measures: each a way to start it in the namespaces of a run.

Their programs come from a folder that `../shared/bench/build.sh` fills (see its README): adapters
with the roles send, recv, ping and pong that all take the same arguments, a driver for Aeron, and,
under `j2`, the compiled JGroups adapter of `../shared/bench/group/jgroups`. Nothing of them is part
of this project.
"""

import json
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import threading
import time

from lab import Failure, address, wait_for

# Not ours: a member must not hear them. Aeron takes odd addresses only.
RAW_GROUP = "239.77.1.3"
# After the time of the flood: the slowest of them crawls on under loss, and is cut off.
GRACE = 12
# Aeron's default window of 128 KiB limits it without loss: these are its readme's larger buffers.
BIG_WINDOW = {
    "AERON_SOCKET_SO_RCVBUF": "4194304",
    "AERON_SOCKET_SO_SNDBUF": "4194304",
    "AERON_RCV_INITIAL_WINDOW_LENGTH": "2097152",
}


class Process:
    """A program in the namespace of a member: its lines, as they come."""

    def __init__(self, number, command, more=None):
        self.lines, self.said = queue.Queue(), []
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", f"m{number}", *map(str, command)], text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, **(more or {})})
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.said.append(line)
            self.lines.put(line)
        self.lines.put(None)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def line(self, begin, seconds):
        """The next line that begins so; none where it does not come, or the program ends."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                return None
            if line is None or line.startswith(begin):
                return line

    def result(self, seconds):
        """The last line, once it has ended; nothing where it does not."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return {}
        lines = [line for line in self.said if line.startswith("{")]
        return json.loads(lines[-1]) if lines else {}

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Adapter:
    """A program with roles; where it has a driver, one for each member."""

    def __init__(self, name, program, *, options=(), driver=None, environment=None):
        self.name, self.program, self.driver = name, program, driver
        self.options, self.environment = options, environment or {}
        self.port = 20_000

    def flood(self, folder, receivers, size, seconds):
        """Messages a second at the slowest receiver, and how many did not come."""
        self.port += 4
        both = ["--group", RAW_GROUP, "--port", self.port, "--size", size, "--secs", seconds,
                "--peers", receivers, "--hard", seconds + GRACE - 1, *self.options]
        drivers, takes, sends = [], [], []
        try:
            if self.driver:
                drivers = [Process(number, [folder / self.driver], self.surroundings(number))
                           for number in range(1, receivers + 2)]
                for driver in drivers:
                    driver.line("READY", 10)
            takes = [self.start(folder, "recv", number, both) for number in range(2, receivers + 2)]
            for taker in takes:
                taker.line("READY", 10)
            time.sleep(0.3)
            sends = [self.start(folder, "send", 1, both)]
            sent = sends[0].result(seconds + GRACE)
            taken = [taker.result(seconds + GRACE) for taker in takes]
        finally:
            for process in (*sends, *takes, *drivers):
                process.end()
            for number in range(1, len(drivers) + 1):
                shutil.rmtree(self.folder_of(number), ignore_errors=True)
        return judged(sent.get("sent", 0), taken)

    def start(self, folder, role, number, both):
        program = [folder / self.program, role, "--if", address(number), "--id", number - 1, *both]
        return Process(number, program, self.surroundings(number))

    def surroundings(self, number):
        own = {"AERON_DIR": self.folder_of(number)}
        return {**self.environment, **(own if self.driver else {})}

    @staticmethod
    def folder_of(number):
        """Where the driver keeps its memory; it leaves that behind."""
        return f"/dev/shm/mcast-chat-aeron-{os.getpid()}-{number}"


def judged(sent, taken):
    rates = [one["got"] / one["secs"] if one.get("secs") else 0 for one in taken]
    missing = sum(max(0, sent - one.get("got", 0)) for one in taken)
    ran = sent > 0 or any(one.get("got") for one in taken)
    return {"msgs_per_s": min(rates, default=0), "ran": ran,
            "lost %": 100 * missing / max(1, sent * len(taken))}


class JGroups:
    """Members of a JGroups channel, one Java machine each; warmed up, then measured."""

    name = "JGroups 2.12"
    jars = "/usr/share/java/jgroups.jar:/usr/share/java/commons-logging.jar"

    def flood(self, folder, receivers, size, seconds):
        members = [Process(number, self.command(folder, number))
                   for number in range(1, receivers + 2)]
        try:
            wait_for("a view of all JGroups members", lambda: all(
                whole(member, len(members)) for member in members), 60)
            for warm in (1, 2):
                self.run(members, warm, size, 2)
            return self.run(members, 3, size, seconds)
        except (Failure, BrokenPipeError) as failure:
            return {"msgs_per_s": 0, "lost %": 100, "ran": False, "note": str(failure)}
        finally:
            for member in members:
                member.end()

    def command(self, folder, number):
        at = address(number)
        return ["java", "-Xmx512m", "-Djava.net.preferIPv4Stack=true",
                f"-Djgroups.bind_addr={at}", f"-Dbind.address={at}",
                "-cp", f"{folder / 'j2'}:{self.jars}", "Jg2", "udp.xml", f"m{number}"]

    @staticmethod
    def run(members, run, size, seconds):
        for index, member in enumerate(members):
            member.tell(f"run {run} tput {size} {seconds} 1000 1 {0 if index == 0 else -1}")
        for member in members:
            member.line('{"ev":"ready"', 10)
        members[0].tell("go")
        patience = seconds + GRACE
        ends = [event(member, "done", run, patience) for member in members[1:]]
        sent = event(members[0], "sent", run, 1) or {"sent": 0, "start": 0}
        for member in members:
            member.tell("stop")
        ends = [end or event(member, "done", run, 5) or {} for end, member in zip(ends, members[1:])]
        took = lambda end: (end.get("last", 0) - sent["start"]) / 1e9
        return judged(sent["sent"], [{"got": end.get("recv", 0), "secs": max(0, took(end))}
                                     for end in ends])


def event(member, name, run, seconds):
    line = member.line(f'{{"ev":"{name}","run":{run},', seconds)
    return line and json.loads(line)


def whole(member, size):
    if member.process.poll() is not None:
        raise Failure("a JGroups member ended")
    views = [line for line in list(member.said) if line.startswith('{"ev":"view"')]
    return bool(views) and re.search(r'"n":(\d+)', views[-1])[1] == str(size)


def systems(folder):
    """Those whose programs are there."""
    folder = pathlib.Path(folder)
    all_of_them = (
        Adapter("raw UDP", "raw-bench", options=("--io", "plain", "--rio", "plain")),
        Adapter("raw UDP, GSO/GRO", "raw-bench", options=("--io", "gso", "--rio", "gro")),
        Adapter("Aeron, big window", "aeron-bench", driver="aeron-driver", environment=BIG_WINDOW),
        Adapter("NORM, 400 Mbit/s", "norm-bench", options=("--cc", 0, "--txrate", "400e6")),
        JGroups(),
    )
    there = lambda system: (folder / getattr(system, "program", "j2")).exists()
    return [system for system in all_of_them if there(system)]
