"""Reads the dashboards by Grafana's own types (grafana-foundation-sdk) and checks that nothing is lost on the way.

A field that these types do not have is misspelt, in the wrong object, or of another version of Grafana.
"""

import json
import pathlib
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

# Of Prometheus' annotations: its data source has them, the types do not.
KNOWN = ("/annotations/list[0]/titleFormat", "/annotations/list[0]/textFormat")


def lost(before, after, path=""):
    """Yields the paths of what differs; empty values may be left out."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key in after:
                yield from lost(value, after[key], f"{path}/{key}")
            elif value not in (None, {}, [], False, 0, ""):
                yield f"{path}/{key}"
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (one, other) in enumerate(zip(before, after)):
            yield from lost(one, other, f"{path}[{i}]")
    elif before != after:
        yield path


def targets(panel):
    return [link["url"] for link in panel["fieldConfig"]["defaults"].get("links", [])]


bad = []
for file in sorted(pathlib.Path("manifests/grafana/dashboards").glob("*.json")):
    dashboard = json.loads(file.read_text())
    back = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(dashboard)))
    bad += [f"{file.name}: {path} is not in Grafana's types" for path in lost(dashboard, back) if path not in KNOWN]
    names = {variable["name"] for variable in dashboard["templating"]["list"]}
    links = 0
    for panel in dashboard["panels"]:
        if not panel.get("description"):
            bad.append(f"{file.name}: {panel['title']} has no description")
        for url in targets(panel):
            links += 1
            for part in url.split("${")[1:]:
                name = part.split("}")[0].split(":")[0]
                if not name.startswith("__") and name not in names:
                    bad.append(f"{file.name}: {panel['title']} links to a variable {name} that is not there")
    print(f"{file.name}: {len(dashboard['panels'])} panels, {links} data links, as Grafana's types have them")
print("\n".join(bad))
sys.exit(1 if bad else 0)
