"""Writes tests/data/recurrence.tsv: rules made at random, and the first twelve times that dateutil gives for each.

    pip install python-dateutil==2.9.0.post0 && python tests/python/recurrence.py > tests/data/recurrence.tsv

Rules with BYWEEKNO are left out: dateutil takes 1 January 2039 to be in week 53, which ISO 8601 does not.
"""

import random
import signal
from datetime import datetime, timedelta

from dateutil.rrule import rrulestr

CASES = 300
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def some(values, least, most):
    return ",".join(str(it) for it in sorted(random.sample(values, random.randint(least, most)), key=str))


def a_case():
    start = datetime(
        random.randint(2015, 2027), random.randint(1, 12), random.randint(1, 28),
        random.choice([0, 9, 14, 23]), random.choice([0, 30]),
    )
    freq = random.choice(["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "MONTHLY", "YEARLY"])
    parts = [f"FREQ={freq}"]
    if random.random() < 0.5:
        parts.append(f"INTERVAL={random.randint(2, 5)}")
    bound = random.random()
    if bound < 0.25:
        parts.append(f"COUNT={random.randint(1, 20)}")
    elif bound < 0.5:
        parts.append(f"UNTIL={start + timedelta(days=random.randint(5, 900)):%Y%m%dT%H%M%S}")
    if random.random() < 0.5:
        if freq == "MONTHLY" and random.random() < 0.6:
            parts.append("BYDAY=" + random.choice(["1", "2", "3", "4", "-1", "-2"]) + random.choice(DAYS))
        else:
            parts.append("BYDAY=" + some(DAYS, 1, 3))
    if freq in ("DAILY", "MONTHLY", "YEARLY") and random.random() < 0.25:
        parts.append("BYMONTHDAY=" + some([1, 5, 13, 15, 28, 29, 30, 31, -1, -2], 1, 2))
    if random.random() < 0.25:
        parts.append("BYMONTH=" + some(range(1, 13), 1, 3))
    if random.random() < 0.1:
        parts.append("BYHOUR=" + some(range(24), 2, 2))
    if freq in ("MONTHLY", "YEARLY") and random.random() < 0.2 and any(it.startswith("BY") for it in parts):
        parts.append(f"BYSETPOS={random.choice([1, -1, 2, -2])}")
    if random.random() < 0.15:
        parts.append(f"WKST={random.choice(['SU', 'MO'])}")
    return start, ";".join(parts)


class TooLong(Exception):
    """The rule has so few times that looking for twelve takes too long."""


def too_long(*_):
    raise TooLong


def main():
    random.seed(5545)
    signal.signal(signal.SIGALRM, too_long)
    print("# start, rule, its first twelve times: by tests/python/recurrence.py")
    cases = 0
    while cases < CASES:
        start, rule = a_case()
        times = []
        try:
            signal.alarm(2)
            for time in rrulestr(rule, dtstart=start):
                times.append(f"{time:%Y%m%dT%H%M%S}")
                if len(times) == 12:
                    break
        except (TooLong, ValueError):
            continue
        finally:
            signal.alarm(0)
        print(f"{start:%Y%m%dT%H%M%S}", rule, ",".join(times), sep="\t")
        cases += 1


if __name__ == "__main__":
    main()
