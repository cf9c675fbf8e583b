"""Runs a rotation function as Lambda does: one process, one event after another.
An event is a line of standard input, its outcome a line of standard output.
"""

import importlib
import json
import sys

handler = importlib.import_module(sys.argv[1]).handler
for line in sys.stdin:
    outcome = {}
    try:
        handler(json.loads(line), None)
    except Exception as error:
        outcome = {"errorType": type(error).__name__, "errorMessage": str(error)}
    print(json.dumps(outcome), flush=True)
