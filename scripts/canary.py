"""Who judges the judge: copies of traces that pass are spoilt, one record each, and must fail."""

import json
import shutil

from lab import Failure


def one_session(trace):
    """The records of a trace that holds one session, whole; none of another."""
    try:
        records = [json.loads(line) for line in trace.read_text().splitlines()]
    except ValueError:
        return []  # cut off by a kill
    sessions = {record["session"] for record in records}
    return records if len(sessions) == 1 and records[-1]["kind"] == "end" else []


def spoil(records, how, rng):
    """The records of a session, with one fault in them; none where there is no place for it."""
    live = [index for index, record in enumerate(records) if record["kind"] == "deliver"
            and not record.get("history") and record["from"] != record["session"]]
    nexts = [(a, b) for a, b in zip(live, live[1:]) if records[b]["view"] == records[a]["view"]]
    runs = [(a, b) for a, b in nexts if records[a]["from"] == records[b]["from"]]
    views = [index for index, record in enumerate(records)
             if record["kind"] == "view" and len(record["members"]) > 2]
    if not runs or not views:
        return None
    first, second = rng.choice(runs)
    if how == "lost":
        del records[first]
    elif how == "twice":
        records.insert(second, dict(records[first]))
    elif how == "swapped":
        records[first], records[second] = records[second], records[first]
    elif how == "changed":
        records[first]["digest"] = "0123456789abcdef"
    elif how == "forged":
        records[first]["number"] += 1_000_000
    elif how == "another view":
        records[rng.choice(views)]["members"].pop()
    for index, record in enumerate(records):
        record["i"] = index
    return records


def canary(test, rng):
    """Spoils copies of the traces, one record each: the judge must see every one."""
    good = test.traces
    for how in ("lost", "twice", "swapped", "changed", "forged", "another view"):
        test.traces = test.folder / "spoilt"
        shutil.copytree(good, test.traces)
        victims = sorted(test.traces.glob("*.jsonl"))
        rng.shuffle(victims)
        for victim in victims:
            if spoilt := spoil(one_session(victim), how, rng):
                victim.write_text("".join(json.dumps(record) + "\n" for record in spoilt))
                break
        else:
            raise Failure("no trace can be spoilt")
        verdict = test.judge()["verdict"]
        shutil.rmtree(test.traces)
        test.traces = good
        if verdict != "FAIL":
            raise Failure(f"the judge says {verdict} of traces in which a record is {how}")
