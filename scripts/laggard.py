"""One of several members stands still while another sends at full rate: what that costs the others,
and what becomes of the one that stood still. A scenario of loss-test."""

import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from lab import Failure, Segment, wait_for

MEMBERS = 8
# The others' rate is back at so much of what it was, so many seconds after one stops.
SHARE, WITHIN = 0.9, 2.0
# Seconds: until the rate is steady, over which it is measured before, and left for coming back.
STEADY, BEFORE, AFTER = 2.0, 4.0, 8.0
SAMPLE = 0.05


class Race:
    """One sender, and receivers; the bytes that the bridge sent to each are read all the time."""

    def __init__(self, options, count):
        self.options, self.network = options, Segment(options.ipv6)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="laggard."))
        self.names = [f"m{number}" for number in range(1, count + 1)]
        for number in range(1, count + 1):
            self.network.attach(number)
        self.processes, self.reports, self.notes, self.samples = {}, {}, {}, []

    def start(self, seconds):
        common = ["--json", "--group", self.options.group, "--timeout", "30s", "--no-history"]
        sends = ["bench", "send", "--rate", 0, "--members", len(self.names) - 1,
                 "--seconds", seconds, "--size", 1024, "--service", "fifo"]
        for name in self.names:
            what = sends if name == "m1" else ["bench", "receive", "--rate", 0]
            command = ["ip", "netns", "exec", name, self.options.binary, *what, *common,
                       "--name", name]
            home = dict(os.environ, HOME=self.folder, XDG_DATA_HOME=f"{self.folder}/{name}.data")
            self.processes[name] = subprocess.Popen(
                [str(word) for word in command], env=home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=(self.folder / name).open("w"), text=True)
        threading.Thread(target=self.sample, daemon=True).start()

    def sample(self):
        while any(process.poll() is None for process in self.processes.values()):
            table = pathlib.Path("/proc/net/dev").read_text().splitlines()
            sent = {line.split(":")[0].strip(): int(line.split()[9]) for line in table[2:]}
            ports = [sent[f"v{name[1:]}"] for name in self.names]
            self.samples.append((time.monotonic(), dict(zip(self.names, ports))))
            time.sleep(SAMPLE)

    def rate(self, names, begin, seconds):
        """MB/s that the slowest of `names` was sent from `begin` on."""
        inside = [sample for sample in list(self.samples) if begin <= sample[0] <= begin + seconds]
        (first, before), (last, after) = inside[0], inside[-1]
        return min(after[name] - before[name] for name in names) / (last - first) / 1e6

    def standstill(self, names, begin, seconds):
        """The longest time in which less than a tenth of a MB came to one of `names`."""
        inside = [sample for sample in list(self.samples) if begin <= sample[0] <= begin + seconds]
        worst = 0
        for name in names:
            moved = inside[0]
            for sample in inside:
                if sample[1][name] - moved[1][name] > 100_000:
                    moved = sample
                worst = max(worst, sample[0] - moved[0])
        return worst

    def sleep_until(self, when):
        time.sleep(max(0, when - time.monotonic()))
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise Failure(f"{name} has ended: {(self.folder / name).read_text()[-300:]}")

    def end(self, seconds):
        """Waits for all, and takes what they measured."""
        for name, process in self.processes.items():
            try:
                self.reports[name] = json.loads(process.communicate(timeout=seconds)[0])
            except (subprocess.TimeoutExpired, ValueError) as error:
                raise Failure(f"{name} did not end with a report: {error!r}") from None

    def rows(self):
        keys = ("messages", "lost", "mb_per_s", "repairs", "recovered", "rss_mib")
        return [{"member": name, **{key: round(report[key], 1) for key in keys}}
                for name, report in self.reports.items()]

    def quit(self):
        """They have ended by themselves."""

    def clean(self, keep):
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()
        if not keep:
            shutil.rmtree(self.folder)


def laggard(options):
    """One of eight stands still while another sends at full rate: the others go on, it comes back."""
    race = Race(options, max(MEMBERS, options.members))
    yield race
    stopped, others = race.names[-1], race.names[1:-1]
    race.start(STEADY + BEFORE + options.stopped + AFTER)
    flows = lambda: len(race.samples) > 1 and any(  # noqa: E731
        b[1]["m2"] - a[1]["m2"] > 100_000 for a, b in itertools.pairwise(race.samples[-20:]))
    wait_for("the sender sends", flows, 40)
    begin = time.monotonic() + STEADY
    stop = begin + BEFORE
    race.sleep_until(stop)
    race.processes[stopped].send_signal(signal.SIGSTOP)
    try:
        race.sleep_until(stop + options.stopped)
    finally:
        race.processes[stopped].send_signal(signal.SIGCONT)
    race.end(AFTER + 60)
    before = race.rate(others, begin, BEFORE)
    # As long as before, and close to it: over a minute a machine that others use is another one.
    during = race.rate(others, stop + WITHIN, min(BEFORE, options.stopped - WITHIN))
    later = race.rate(others, stop + WITHIN, options.stopped - WITHIN)
    race.notes.update({
        "stopped for (s)": options.stopped,
        "the others before, MB/s on the wire": round(before, 1),
        f"from {WITHIN:g} s after it stopped on": round(during, 1),
        "ratio": round(during / before, 2),
        "until it went on": round(later, 1),
        "longest standstill of one of the others (s)":
            round(race.standstill(others, stop, options.stopped), 2),
        "after it came back": round(race.rate(others, stop + options.stopped + WITHIN,
                                              AFTER - 2 * WITHIN), 1),
    })
    check(race, stopped, others)
    if during < SHARE * before:
        raise Failure(f"{during:.0f} MB/s once one stands still, {before:.0f} MB/s before")


def check(race, stopped, others):
    """Who went on has all; who stood still is in the group again, and knows how much it missed."""
    sent = race.reports["m1"]["messages"]
    for name in others:
        if race.reports[name]["messages"] != sent:
            raise Failure(f"{name} has {race.reports[name]['messages']} of {sent}")
    report = race.reports[stopped]
    race.notes[f"{stopped}, which stood still: has, and knows that it missed"] = [
        report["messages"], report["lost"]]
    if report["messages"] + report["lost"] != sent:
        raise Failure(f"{stopped} knows of {report['messages']} + {report['lost']} of {sent}")
