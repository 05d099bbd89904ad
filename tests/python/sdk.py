"""Runs calls of official SDKs, each against a server of its own.

    python sdk.py < calls.json

`calls.json` is a list of {"server": address, "code": text}. The code sees `server`; nobody looks at what it gives back,
but a call that raises ends the program.
"""

import json
import sys


def main():
    for call in json.load(sys.stdin):
        exec(compile(call["code"], "<sdk>", "exec"), {"server": call["server"]})


if __name__ == "__main__":
    main()
