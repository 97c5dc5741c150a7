"""Follows the change feed and keeps a copy of the directory in a file.

Usage: follow.py URL TOKEN FILE
"""
import json
import os
import sys
import urllib.request

url, token, path = sys.argv[1:]
after, rows = "", {}  # rows by kind and id; after: "", or where to go on
if os.path.exists(path):
    with open(path) as file:
        after, rows = json.load(file)
while True:
    ask = urllib.request.Request(
        f"{url}/api/v1/changes?limit=200&wait=30s{after}",
        headers={"Authorization": "Bearer " + token})
    with urllib.request.urlopen(ask) as answer:  # 410: begin anew with after=now and the lists
        page = json.load(answer)
    for event in page["items"]:
        kind, what = event["type"].split(".")
        key = kind + " " + event["object"]["id"]
        if what == "deleted" and (kind.endswith("membership") or kind == "administrator"):
            rows.pop(key, None)
        else:
            rows[key] = event["object"]
    after = "&after=" + page["next"]  # kept together with the rows: killed in between, nothing is lost
    with open(path + ".new", "w") as file:
        json.dump([after, rows], file)
    os.replace(path + ".new", path)
