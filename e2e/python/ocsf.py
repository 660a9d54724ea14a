"""Validates events, one JSON object a line, as a class of OCSF 1.3.0.

    python3 ocsf.py 6003 events.ndjson
"""

import json
import sys

from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema


def present(value):
    """A value without its nulls: OCSF leaves an unknown attribute out."""
    if isinstance(value, dict):
        return {k: v for k, v in ((k, present(v)) for k, v in value.items()) if v is not None}
    if isinstance(value, list):
        return [present(v) for v in value]
    return value


def main(uid, path):
    schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.3.0"))
    schema = schemas.get_class_schema(class_name=schemas.lookup_class_name_from_uid(class_uid=int(uid)), profiles=[])
    validator = Draft202012Validator(schema)
    if validator.is_valid({"class_uid": int(uid)}):
        sys.exit("the schema takes an event without anything")
    events = 0
    for line in open(path):
        for error in validator.iter_errors(present(json.loads(line))):
            sys.exit(f"event {events + 1}: {'/'.join(map(str, error.path))}: {error.message[:500]}")
        events += 1
    print(f"{events} events are valid")


if __name__ == "__main__":
    main(*sys.argv[1:])
