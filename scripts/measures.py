"""How long things take: what chaos --measure plays. Each returns a sentence; times are those of the
traces, which all members write by one clock."""

import random
import statistics
import threading
import time

from lab import Failure, percentile, wait_for
from voices import HEALED_WITHIN


def start(test):
    """One after another, so that the order of age is known; each says something."""
    for index in range(test.options.members):
        test.voice(index + 1).start()
        test.agree(15)
    for voice in test.live():
        voice.send(service="agreed")


def views_since(voice, t):
    """The views in the trace since `t` (nanoseconds since 1970): time, sessions, primary."""
    return [(record["t"], record["members"], record["primary"]) for record in voice.records()
            if record["kind"] == "view" and record["t"] >= t]


def first_view(voices, t, wanted):
    """Milliseconds from `t` until the last of `voices` had a view that is `wanted`."""
    def times():
        found = [[at for at, sessions, _ in views_since(voice, t) if wanted(sessions)]
                 for voice in voices]
        return found if all(found) else None
    found = wait_for("a view as it should be at all", times, HEALED_WITHIN)
    return max(times[0] for times in found) / 1e6 - t / 1e6


def summary(values):
    ordered = sorted(values)
    return (f"median {statistics.median(ordered):.0f} ms, p90 {percentile(ordered, 0.9):.0f} ms, "
            f"max {ordered[-1]:.0f} ms, of {len(ordered)}")


def kill_oldest(test):
    """kill -9 of the oldest of 5 in mid-burst, until all survivors have the new view"""
    return killing(test, lambda sessions: sessions[0])


def kill_one(test):
    """kill -9 of one of 20 in mid-burst, until all survivors have the new view"""
    return killing(test, random.choice)


kill_oldest.settings = {"members": 5, "loss": 10}
kill_one.settings = {"members": 20, "loss": 5, "rate": 10}


def killing(test, choose):
    start(test)
    took = []
    for _ in range(test.options.repeat):
        for voice in test.live():
            test.speak(voice, 2, test.options.rate)
        time.sleep(0.5)
        session = choose(test.live()[0].sessions())
        victim = next(voice for voice in test.live() if voice.session() == session)
        at = time.time_ns()
        victim.kill()
        test.fired["kills"] += 1
        took.append(first_view(test.live(), at, lambda sessions: session not in sessions))
        victim.start()
        test.agree(HEALED_WITHIN)
        for thread in test.threads:
            thread.join()
    return f"{summary(took)}; {test.options.loss:g} % loss; target: median 1000 ms"


def leaving(test):
    """a graceful leave, from the leave to the new view of all the others"""
    start(test)
    took = []
    for _ in range(test.options.repeat):
        leaver = random.choice(test.live())
        session = leaver.session()
        leaver.quit((0, 5))
        at = next(record["t"] for record in leaver.records() if record["kind"] == "leave")
        took.append(first_view(test.live(), at, lambda sessions: session not in sessions))
        leaver.start()
        test.agree(HEALED_WITHIN)
    return f"{summary(took)}; target: 5 GRTT (GRTT is at least 1 ms)"


leaving.settings = {"members": 5, "loss": 0}


def healing(test):
    """a partition healed, from the heal to the view of all"""
    start(test)
    took = []
    for _ in range(test.options.repeat):
        numbers = [voice.number for voice in test.live()]
        random.shuffle(numbers)
        cut = random.randint(1, len(numbers) - 1)
        test.network.part(numbers[:cut], numbers[cut:])
        wait_for("two views", lambda: all(
            len(voice.sessions()) == (cut if voice.number in numbers[:cut] else len(numbers) - cut)
            for voice in test.live()), HEALED_WITHIN)
        at = time.time_ns()
        test.network.rejoin()
        size = len(numbers)
        took.append(first_view(test.live(), at, lambda sessions: len(sessions) == size))
        test.agree(HEALED_WITHIN)
    return f"{summary(took)}; target: 2000 ms"


healing.settings = {"members": 5, "loss": 0}


def joining(test):
    """a late joiner behind 10,000 messages at 5 % loss, while the others go on talking"""
    start(test)
    # One only listens, as the joiner will: safe messages wait for its acknowledgements, too.
    talkers = test.live()[:-1]
    each = 10_000 // len(talkers)
    bursts = [threading.Thread(target=voice.burst, args=(each, 400)) for voice in talkers]
    for thread in bursts:
        thread.start()
    for thread in bursts:
        thread.join()
    test.hush()
    streams = {voice.stream: each for voice in talkers}
    before, during, after, took = {}, {}, {}, []
    for round_ in range(test.options.repeat):
        live_latencies(test, talkers, before, lambda: time.sleep(SPAN))
        joiner = test.voice(test.options.members + 1 + round_)
        begin = time.monotonic()
        live_latencies(test, talkers, during, lambda: join(test, joiner, streams))
        took.append(1000 * (joined_at(joiner, streams) - begin))
        live_latencies(test, talkers, after, lambda: time.sleep(SPAN))
        joiner.quit((0, 5))
    return (f"complete and in order: {summary(took)} (target 5 s)\n"
            + "\n".join(f"  {service}: {ratios(before[service], during[service], after[service])}"
                        for service in sorted(before))
            + f"\n  all: {ratios(*map(pooled, (before, during, after)))}"
            + "\n  live latency before, during, and after it, with one more; target: 1.5 ×")


joining.settings = {"members": 5, "loss": 5, "repeat": 10}


MEASURES = (kill_oldest, kill_one, leaving, healing, joining)

# Seconds of talk that a time without a joiner is measured over.
SPAN = 2


def old_at(joiner, streams):
    """What of the 10,000 messages has come to the joiner."""
    return [arrival for arrival in list(joiner.arrivals)
            if arrival.number < streams.get(arrival.stream, 0)]


def join(test, joiner, streams):
    joiner.start()
    total = sum(streams.values())
    wait_for(lambda: f"all {total} at the joiner, not {len(old_at(joiner, streams))}",
             lambda: len(old_at(joiner, streams)) >= total, test.options.timeout)


def joined_at(joiner, streams):
    """When the last of them came; all must have come in order."""
    for stream, count in streams.items():
        got = [number for number in joiner.numbers(stream) if number < count]
        if got != list(range(count)):
            raise Failure(f"of {stream}: {len(got)} of {count}, not all in order")
    return max(arrival.at for arrival in old_at(joiner, streams))


def live_latencies(test, talkers, into, meanwhile, rate=50):
    """Adds to `into`, by service, the live latencies of the talkers, who talk while `meanwhile` goes
    on."""
    for voice in talkers:
        test.speak(voice, SPAN, rate)
    time.sleep(0.2)
    begin = time.time_ns()
    meanwhile()
    end = time.time_ns()
    for thread in test.threads:
        thread.join()
    time.sleep(0.5)
    for service, nanos in one_ways(talkers, begin, end):
        into.setdefault(service, []).append(nanos / 1e6)


def pooled(by_service):
    return [value for values in by_service.values() for value in values]


def ratios(before, during, after):
    """Quantiles in ms, and how what was during the catch-up compares with before."""
    parts = []
    for share in (0.5, 0.9, 0.99):
        old, new, late = (percentile(sorted(values), share) for values in (before, during, after))
        parts.append(f"p{share * 100:g} {old:.2f}, {new:.2f}, {late:.2f} ms ({new / old:.2f} ×)")
    return f"{'; '.join(parts)}; of {len(before)}, {len(during)}, {len(after)}"


def one_ways(talkers, begin, end):
    """From the moment a member's group took a message, in that time, to each delivery at another
    (service, nanoseconds): by the traces, as this harness itself is slow where many lines come at
    once."""
    records = {voice.session(): voice.records() for voice in talkers}
    taken = {(session, record["number"]): record["t"] for session, all in records.items()
             for record in all
             if record["kind"] == "acknowledge" and begin <= record["t"] < end}
    for session, all in records.items():
        for record in all:
            if record["kind"] == "deliver" and record["from"] != session:
                at = taken.get((record["from"], record["number"]))
                if at is not None:
                    yield record["service"], record["t"] - at
