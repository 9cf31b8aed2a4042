"""What the scripts that run real members share: the network of namespaces, and the processes.

A script enters namespaces of its own with `enter_namespaces` before anything else, so nothing ever
touches a real interface. Then each `Member` is a process `mcast-chat --json`: in a namespace of its
own on the bridge of a `Segment`, on a veth of MTU 1500 without offloads (which would lose 32
datagrams at once) and without a default route; or in this namespace, which has only `lo`.
"""

import collections
import json
import os
import pathlib
import queue
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
INSIDE = "MCAST_CHAT_LAB"
GROUP = "239.77.1.1"
MTU = 1500


class Failure(Exception):
    """What was promised did not happen."""


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def wait_for(what, condition, seconds):
    """Waits until `condition()` is true; raises with `what` when it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise Failure(f"not within {seconds:g} s: {what() if callable(what) else what}")
        time.sleep(0.01)
    return result


# ---- the network ------------------------------------------------------------


def wait_for_carrier(space):
    """The kernel tells of a carrier a moment after the link is up; until then no member begins there."""
    wait_for(f"a carrier of {space}",
             lambda: "state UP" in run("ip", "-n", space, "link", "show", "eth0"), 5)


class Segment:
    """A bridge in this namespace, and a namespace with one veth for each member."""

    def __init__(self, ipv6):
        self.ipv6 = ipv6
        run("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        run("ip", "link", "set", "br0", "up")

    def attach(self, number):
        """The namespace of member `number`, at 10.77.1.`number`."""
        space, port = f"m{number}", f"v{number}"
        run("ip", "netns", "add", space)
        if not self.ipv6:
            run("ip", "netns", "exec", space, "sh", "-c",
                "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
        run("ip", "link", "add", port, "mtu", str(MTU), "type", "veth",
            "peer", "name", "eth0", "mtu", str(MTU), "netns", space)
        run("ip", "link", "set", port, "master", "br0", "up")
        run("ip", "-n", space, "link", "set", "lo", "up")
        run("ip", "-n", space, "addr", "add", f"{address(number)}/24", "dev", "eth0")
        run("ip", "-n", space, "link", "set", "eth0", "up")
        offloads = ("gso", "off", "gro", "off", "tso", "off", "tx", "off")
        run("ethtool", "-K", port, *offloads)
        run("ip", "netns", "exec", space, "ethtool", "-K", "eth0", *offloads)
        run("ip", "netns", "exec", space, "nft", "add table inet faults;"
            "add chain inet faults input { type filter hook input priority 0; };"
            "add chain inet faults cut; add rule inet faults input jump cut")
        wait_for_carrier(space)
        return space

    def lose(self, number, percent):
        """Drops `percent` of the UDP datagrams from others; its own, looped back, are kept."""
        rule = "add rule inet faults input"
        foreign = f'iifname "eth0" ip saddr != {address(number)} meta l4proto udp'
        if self.ipv6:
            foreign = 'iifname "eth0" meta l4proto udp'
        self.nft(number, f"{rule} {foreign} counter comment seen")
        if percent:
            chance = f"numgen random mod 1000 < {round(percent * 10)}"
            self.nft(number, f"{rule} {foreign} {chance} counter drop comment lost")

    def cut(self, number, sender):
        """From now on the member receives nothing of `sender`."""
        rule = f"ip saddr {address(sender)} counter drop comment cut"
        self.nft(number, f"add rule inet faults cut {rule}")

    def mend(self, number):
        self.nft(number, "flush chain inet faults cut")

    def part(self, side, other, one_way=False):
        """Nothing passes the bridge from `side` to `other` any more, nor back if not `one_way`."""
        self.rejoin()
        run("nft", "add table bridge faults; add chain bridge faults forward "
            "{ type filter hook forward priority 0; }")
        for name, near, far in (("there", side, other), ("back", other, side)):
            if name == "back" and one_way:
                continue
            ports = [", ".join(f"v{number}" for number in sorted(part)) for part in (near, far)]
            run("nft", "add rule bridge faults forward "
                f"iifname {{ {ports[0]} }} oifname {{ {ports[1]} }} counter drop comment {name}")

    def rejoin(self):
        """Everything passes the bridge again; frames dropped since `part`, by direction."""
        listing = json.loads(run("nft", "-j", "list", "ruleset"))
        if not any(entry.get("table", {}).get("name") == "faults" for entry in listing["nftables"]):
            return {}
        dropped = commented(run("nft", "-j", "list", "table", "bridge", "faults"))
        run("nft", "delete table bridge faults")
        return dropped

    def counted(self, number):
        """Datagrams by the rule's comment: seen, lost."""
        return commented(self.nft(number, "list table inet faults", "-j"))

    def link(self, number, state):
        run("ip", "-n", f"m{number}", "link", "set", "eth0", state)

    @staticmethod
    def nft(number, command, *options):
        return run("ip", "netns", "exec", f"m{number}", "nft", *options, command)


class Loopback:
    """One namespace that has only `lo`: this one."""

    def __init__(self):
        run("ip", "link", "set", "lo", "up")

    def attach(self, _number):
        return None

    def counted(self, _number):
        return {}


def address(number):
    return f"10.77.1.{number}"


def commented(listing):
    """The packets that each rule counted, by its comment."""
    rules = [entry["rule"] for entry in json.loads(listing)["nftables"] if "rule" in entry]
    return {rule["comment"]: counter(rule) for rule in rules if "comment" in rule}


def counter(rule):
    return next((part["counter"]["packets"] for part in rule["expr"] if "counter" in part), 0)


# ---- the members ------------------------------------------------------------

Arrival = collections.namedtuple("Arrival", "stream number seq latency at history")


class Member:
    """A process, what it was told and what it said."""

    def __init__(self, test, number):
        self.test, self.number, self.name = test, number, f"m{number}"
        self.space = test.network.attach(number)
        self.home = test.folder / self.name
        self.home.mkdir()
        self.runs, self.process, self.stopped, self.killed = 0, None, False, False

    def start(self):
        """Starts the program, a second time as a restart under the same HOME."""
        self.runs += 1
        self.stream = f"{self.name}.{self.runs}"
        self.hello, self.members, self.gaps = None, [], 0
        self.arrivals, self.said, self.errors, self.warnings = [], 0, [], []
        self.answers = queue.Queue()
        options = self.test.options
        command = [options.binary, "--json", "--group", options.group, "--name", self.name]
        command += self.arguments()
        if self.space:
            command = ["ip", "netns", "exec", self.space, *command]
        self.process = subprocess.Popen(
            command, env=self.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=(self.home / f"stderr.{self.runs}").open("w"), text=True, bufsize=1)
        self.reader = threading.Thread(target=self.read, args=(self.process.stdout,), daemon=True)
        self.reader.start()

    def arguments(self):
        """More of the command line."""
        return self.test.options.extra

    def environment(self):
        home = str(self.home)
        kept = {name: os.environ[name] for name in ("PATH", "RUST_BACKTRACE") if name in os.environ}
        kinds = ("DATA", "CONFIG", "STATE", "CACHE")
        dirs = {f"XDG_{kind}_HOME": f"{home}/{kind.lower()}" for kind in kinds}
        return {**kept, **dirs, "HOME": home, "XDG_RUNTIME_DIR": home, "LANG": "C.UTF-8"}

    def read(self, lines):
        for line in lines:
            now = time.monotonic()
            try:
                event = json.loads(line)
                getattr(self, "on_" + event["type"], lambda *_: None)(event, now)
            except (ValueError, KeyError, TypeError) as fault:
                self.errors.append(f"unreadable line {line!r}: {fault!r}")

    def on_hello(self, event, _now):
        self.hello = event

    def on_view(self, event, _now):
        self.members = event["members"]

    def on_msg(self, event, now):
        stream, number, sent_at, *_ = event["text"].split(" ")
        latency = now - float(sent_at)
        self.arrivals.append(
            Arrival(stream, int(number), event["seq"], latency, now, event["history"]))

    def on_gap(self, event, _now):
        if event["state"] == "lost":
            self.gaps += event["last"] - event["first"] + 1

    def on_stats(self, event, _now):
        self.answers.put(event)

    def on_warning(self, event, _now):
        self.warnings.append(event)

    def on_error(self, event, _now):
        self.errors.append(json.dumps(event))

    def tell(self, **operation):
        self.process.stdin.write(json.dumps(operation) + "\n")
        self.process.stdin.flush()

    def send(self, **more):
        """Sends the next message of this run: stream, number, time, padding; `more` fields."""
        text = f"{self.stream} {self.said} {time.monotonic():.6f} "
        self.said += 1
        text = text.ljust(self.test.options.size, "x")
        self.tell(op="send", ref=f"a{self.said}", text=text, **more)

    def burst(self, total, rate):
        """Sends at `rate` a second, in the calling thread, until `total` were sent in this run."""
        begin, before = time.monotonic(), self.said
        while self.said < total:
            due = begin + (self.said - before) / rate
            time.sleep(max(0, due - time.monotonic()))
            try:
                self.send()
            except OSError:
                return  # killed: that is the scenario's business

    def stats(self):
        """The counters, or nothing where the process is gone."""
        if not self.running():
            return {}
        self.tell(op="stats", ref="stats")
        try:
            return flat(self.answers.get(timeout=5))
        except queue.Empty:
            raise Failure(f"{self.name} does not answer the op stats") from None

    def running(self):
        return self.process.poll() is None

    def signal(self, which):
        self.process.send_signal(which)

    def kill(self):
        self.killed = True
        self.process.kill()
        self.process.wait()
        self.reader.join(5)

    def quit(self, codes=(0,)):
        """Leaves properly; the exit code must be one of `codes`."""
        self.tell(op="quit")
        self.process.stdin.close()
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} does not quit") from None
        if code not in codes:
            raise Failure(f"{self.name} ended with {code}")

    def numbers(self, stream):
        return [arrival.number for arrival in list(self.arrivals) if arrival.stream == stream]

    def has(self, streams):
        """Whether of all `streams` as many messages arrived as it says (name to number)."""
        got = collections.Counter(arrival.stream for arrival in list(self.arrivals))
        return all(got[stream] >= count for stream, count in streams.items())


def flat(value, into=None):
    """All numbers of a nested object by their own names."""
    into = {} if into is None else into
    for name, inner in value.items():
        if isinstance(inner, dict):
            flat(inner, into)
        else:
            into[name] = inner
    return into


# ---- the script -------------------------------------------------------------


def enter_namespaces(script, argv):
    """Starts `script` again where it can do no harm, then checks that it is there."""
    if INSIDE not in os.environ:
        os.environ[INSIDE] = "1"
        command = ["unshare", "-Urnm", sys.executable, script, *argv]
        os.execvp(command[0], command)
    links = json.loads(run("ip", "-j", "link"))
    if [link["ifname"] for link in links] != ["lo"]:
        sys.exit("this is not a fresh network namespace: refusing to touch it")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")


def is_inside():
    return INSIDE in os.environ


def binary(options):
    """The program: as given, or built from this tree."""
    if options.binary:
        return str(pathlib.Path(options.binary).resolve())
    target = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    return str(target / "release" / "mcast-chat")


def as_arguments(options):
    """The options as they would be typed."""
    argv = []
    for name, value in vars(options).items():
        # Not `in (None, False)`: 0 is equal to False, and a loss or a seed of 0 must not be lost.
        if name in ("extra", "random") or value is None or value is False:
            continue
        argv += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return [*argv, "--", *options.extra]


def percentile(sorted_values, share):
    last = len(sorted_values) - 1
    return sorted_values[min(last, int(share * len(sorted_values)))] if sorted_values else 0


def print_table(rows):
    """Rows that are dictionaries with the same keys."""
    if not rows:
        return
    table = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    for line in table:
        print("  " + "  ".join(cell.rjust(width) for cell, width in zip(line, widths)))
