"""Members that write traces, the network they talk in, and what is done to them: what chaos, its
measurements and its canary share."""

import collections
import json
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from lab import Failure, Member, Segment, flat, wait_for

SERVICES = ("fifo", "causal", "agreed", "safe")
# What was said so long before the end must have arrived (`verify --settle`), and the pause before
# the end that makes it so.
SETTLE = 1.0
# Silence of all members after which nothing is under way any more: several tries of a repair at
# 20 % loss, and a heartbeat.
QUIET = 1.5
# How long a healed group may take to agree on one view (the target is 2 s without loss).
HEALED_WITHIN = 30


class Voice(Member):
    """A member that writes a trace; its runs of one round are appended to one file."""

    def start(self):
        """What it kept on disk in this round is there again; what was kept before it is not."""
        self.views, self.stopped, self.killed = [], False, False
        self.home = self.test.homes / self.name
        self.home.mkdir(parents=True, exist_ok=True)
        super().start()

    def arguments(self):
        return [*self.test.options.extra, "--trace", str(self.trace)]

    @property
    def trace(self):
        return self.test.traces / f"{self.name}.jsonl"

    def environment(self):
        return {**super().environment(), "MCAST_CHAT_RUN": self.test.run}

    def on_view(self, event, now):
        super().on_view(event, now)
        sessions = tuple(member["session"] for member in event["members"])
        self.views.append((now, event["view"], sessions))

    def sessions(self):
        """The sessions of the last view, by rank."""
        return self.views[-1][2] if self.views else ()

    def session(self):
        return self.hello and self.hello["self"]["session"]

    def records(self):
        """The records of this run's session."""
        records, session = [], None
        for line in self.trace.read_text(errors="replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue  # cut off by a kill
            if record["kind"] == "begin":
                records, session = [], record["session"]
            if record["session"] == session:
                records.append(record)
        return records

    def is_synced(self):
        """Whether its last view brought nobody new, or all it missed of the time before came."""
        synced = True
        for record in self.records():
            if record["kind"] == "view":
                alone = record["members"] == [record["session"]]
                merged = len(record["transitional"]) < len(record["members"])
                synced = (synced and not merged) or alone
            synced |= record["kind"] == "synced"
        return synced

    def kill(self):
        """kill -9, seen in the exit status; told to the judge behind the trace."""
        super().kill()
        if self.process.returncode != -signal.SIGKILL:
            raise Failure(f"{self.name} was to be killed, and had ended with "
                          f"{self.process.returncode}")
        begun = self.records()
        if begun and begun[-1]["kind"] not in ("end", "kill"):
            with self.trace.open("a") as trace:
                cut = not self.trace.read_bytes().endswith(b"\n")
                kill = json.dumps({"session": begun[0]["session"], "kind": "kill"})
                trace.write("\n" * cut + kill + "\n")

    def freeze(self):
        self.signal(signal.SIGSTOP)
        wait_for(f"{self.name} is stopped", lambda: self.state() in "TX", 2)

    def thaw(self):
        if self.running():
            self.signal(signal.SIGCONT)

    def state(self):
        try:
            stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        except OSError:
            return "X"
        return stat.rsplit(")", 1)[1].split()[0]

    def peak_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status")
        try:
            return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1])
        except (OSError, TypeError):
            return 0

    def talk(self, seconds, rate, rng):
        """Talks in all services until the time is over, or it is killed."""
        begin, count = time.monotonic(), 0
        process = self.process
        while (due := begin + count / rate) < begin + seconds:
            time.sleep(max(0, due - time.monotonic()))
            count += 1
            try:
                if self.process is not process:
                    return  # it was started again, and has a voice of its own
                self.send(service=rng.choice(self.test.services))
            except (OSError, ValueError):
                return


class Test:
    """A network with its members, and what was done to them."""

    def __init__(self, options):
        self.options, self.run, self.voices = options, f"{options.seed}", []
        self.services = options.services.split(",")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="chaos."))
        self.network = Segment(False)
        self.log, self.begin, self.traces = [], time.monotonic(), None
        self.threads = []

    def open_round(self, number):
        self.run = f"{self.options.seed}.{number}"
        self.traces, self.homes = self.folder / f"round.{number}", self.folder / f"homes.{number}"
        self.traces.mkdir()
        self.log, self.begin, self.threads = [], time.monotonic(), []
        self.fired = collections.Counter()
        self.peak, self.tallies = 0, collections.Counter()

    def voice(self, number):
        """The member of that number; its namespace is made once."""
        while len(self.voices) < number:
            voice = Voice(self, len(self.voices) + 1)
            self.network.lose(voice.number, self.options.loss)
            self.voices.append(voice)
        return self.voices[number - 1]

    def note(self, text):
        """What was done, and when."""
        self.log.append(f"{time.monotonic() - self.begin:7.3f} {text}")
        if self.options.verbose:
            print(f"    {self.log[-1]}", flush=True)

    def live(self):
        return [voice for voice in self.voices if voice.process and voice.running()]

    def agreed(self, voices=None):
        """Whether all that run have one view, which holds them all and nobody else."""
        voices = voices or self.live()
        views = {voice.views[-1][1:] if voice.views else None for voice in voices}
        if len(views) != 1 or None in views:
            return False
        sessions = next(iter(views))[1]
        return sorted(sessions) == sorted(voice.session() or "" for voice in voices)

    def agree(self, seconds, what="one view of all"):
        def who():
            shown = {voice.name: [v[:8] for v in voice.sessions()] for voice in self.live()}
            return f"{what}: {shown}"
        wait_for(who, self.agreed, seconds)

    def speak(self, voice, seconds, rate):
        rng = random.Random(f"{self.run} {voice.stream}")
        thread = threading.Thread(target=voice.talk, args=(seconds, rate, rng), daemon=True)
        thread.start()
        self.threads.append(thread)

    def hush(self):
        """Waits until nobody says, or delivers, anything any more."""
        for thread in self.threads:
            thread.join(60)
            if thread.is_alive():
                raise Failure("a member takes no more input")
        heard = lambda: [len(voice.arrivals) for voice in self.live()]
        before, since = heard(), time.monotonic()
        deadline = since + self.options.timeout
        while time.monotonic() - since < QUIET:
            if time.monotonic() > deadline:
                raise Failure(f"still not quiet after {self.options.timeout:g} s")
            time.sleep(0.05)
            if heard() != before:
                before, since = heard(), time.monotonic()

    def caught_up(self):
        """Waits until catch-up has ended at all whose last view brought others together."""
        def behind():
            return [voice.name for voice in self.live() if not voice.is_synced()]
        wait_for(lambda: f"catch-up has ended at all but {behind()}", lambda: not behind(), 15)

    def leave(self):
        """All leave properly, one after another."""
        time.sleep(SETTLE)
        voices = self.live()
        for voice in voices:
            self.tallies.update(numbers(voice.stats()))
            self.peak = max(self.peak, voice.peak_kib())
        for voice in voices:
            voice.quit((0, 5) if self.fired["kills"] else (0,))

    def check_members(self):
        """Nobody died unasked, and nobody was refused anything."""
        for voice in [voice for voice in self.voices if voice.process]:
            stderr = (voice.home / f"stderr.{voice.runs}").read_text()
            if "panicked" in stderr:
                raise Failure(f"{voice.name} panicked: {stderr.strip().splitlines()[0]}")
            if not voice.killed and voice.process.poll() not in (0, 5, None):
                raise Failure(f"{voice.name} ended with {voice.process.poll()}: {stderr.strip()}")
            # "not confirmed by all" is an honest word where somebody was killed.
            errors = [error for error in voice.errors if '"unconfirmed"' not in error]
            if errors:
                raise Failure(f"{voice.name}: {len(errors)} errors, first {errors[0]}")

    def check_loss(self):
        """Datagrams dropped by loss, and all that came; the loss asked for must have happened."""
        counts = [self.network.counted(voice.number) for voice in self.voices]
        lost, seen = (sum(count.get(key, 0) for count in counts) for key in ("lost", "seen"))
        since, self.counted = getattr(self, "counted", (0, 0)), (lost, seen)
        lost, seen = lost - since[0], seen - since[1]
        if self.options.loss and not lost:
            raise Failure("no datagram was lost: the round proves nothing")
        return lost, seen

    def judge(self):
        """What `mcast-chat verify` says of the round's traces."""
        files = sorted(str(file) for file in self.traces.iterdir())
        command = [self.options.binary, "--json", "verify", "--settle", f"{SETTLE:g}s", *files]
        done = subprocess.run(command, capture_output=True, text=True)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise Failure(f"verify says {done.stdout!r} {done.stderr!r}") from None

    def end(self):
        """Ends whatever still runs."""
        for voice in self.live():
            voice.process.kill()
            voice.process.wait()
        self.network.rejoin()


def numbers(stats):
    return {name: value for name, value in flat(stats).items() if isinstance(value, int)}
