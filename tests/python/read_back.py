"""Prints the events of a calendar as JSON, as the caldav and icalendar libraries see them.

    python read_back.py <server> <user> <password> <calendar's path>

Another client than ours is the judge of what we write.
"""

import json
import sys

import caldav


def text(event, name):
    value = event.get(name)
    return None if value is None else str(value)


def moment(event, name):
    value = event.get(name)
    return None if value is None else value.dt.isoformat()


def main(server, user, password, path):
    with caldav.DAVClient(url=server, username=user, password=password) as client:
        calendar = client.calendar(url=path)
        events = []
        for resource in calendar.events():
            for event in resource.icalendar_instance.walk("VEVENT"):
                events.append({
                    "path": resource.url.path,
                    "uid": text(event, "UID"),
                    "summary": text(event, "SUMMARY"),
                    "description": text(event, "DESCRIPTION"),
                    "location": text(event, "LOCATION"),
                    "status": text(event, "STATUS"),
                    "sequence": event.get("SEQUENCE"),
                    "start": moment(event, "DTSTART"),
                    "end": moment(event, "DTEND"),
                })
    events.sort(key=lambda event: (event["start"], event["uid"]))
    json.dump(events, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
