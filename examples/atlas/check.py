#!/usr/bin/env python3
"""Checks the files of the atlas: ids, names, references, unique values, schemas, and the counts in README.md.

Needs the standard library only. Prints every fault and exits with 1 when there is one.
"""

import json
import re
import sys
import unicodedata
from pathlib import Path

HERE = Path(__file__).resolve().parent
TYPE_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
ID = re.compile(r"res_[0-7][0-9a-hjkmnp-tv-z]{25}")
LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
MEMBERS = {"id", "type", "name", "status", "attributes", "labels", "parent"}
KEYWORDS = {"type", "properties", "required", "additionalProperties", "propertyNames", "items", "uniqueItems",
            "maxItems", "minLength", "maxLength", "pattern", "minimum", "maximum", "enum", "description",
            "x-index", "x-unique", "x-immutable", "x-ref"}
JSON_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
              "integer": int, "number": (int, float)}
ON_DELETE = ("restrict", "cascade", "null")
MAX_TYPE_BYTES, MAX_FOLDER_BYTES = 64 * 1024, 12 * 1024 * 1024

faults = []


def fault(where, what):
    faults.append(f"{where}: {what}")


def lines(name):
    """The objects of an NDJSON file, each with its place. Every line must end, and none may be blank."""
    content = (HERE / name).read_bytes().decode("utf-8")
    if not content.endswith("\n"):
        fault(name, "the last line does not end")
    for number, line in enumerate(content.split("\n")[:-1], 1):
        try:
            yield f"{name}:{number}", json.loads(line)
        except ValueError as error:
            fault(f"{name}:{number}", f"not JSON: {error}")


def texts(value):
    """Every string in a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def is_type(value, name):
    return isinstance(value, JSON_TYPES[name]) and not (isinstance(value, bool) and name in ("integer", "number"))


def check_value(where, schema, value):
    """The part of JSON Schema 2020-12 that the atlas uses."""
    allowed = schema.get("type", list(JSON_TYPES))
    if not any(is_type(value, name) for name in ([allowed] if isinstance(allowed, str) else allowed)):
        return fault(where, f"{value!r} is not {allowed}")
    if "enum" in schema and value not in schema["enum"]:
        fault(where, f"{value!r} is not one of {schema['enum']}")
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", sys.maxsize):
            fault(where, f"{value!r} has {len(value)} characters")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            fault(where, f"{value!r} does not match {schema['pattern']}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            fault(where, f"{value} is out of bounds")
    elif isinstance(value, list):
        if len(value) > schema.get("maxItems", len(value)):
            fault(where, f"{len(value)} items")
        if schema.get("uniqueItems") and len(set(value)) < len(value):
            fault(where, "an item twice")
        for item in value:
            check_value(where, schema.get("items", {}), item)
    elif isinstance(value, dict):
        check_object(where, schema, value)


def check_object(where, schema, value):
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    for key in schema.get("required", []):
        if key not in value:
            fault(where, f"{key} is missing")
    for key, member in value.items():
        check_value(where, schema.get("propertyNames", {}), key)
        if key in properties:
            check_value(f"{where} {key}", properties[key], member)
        elif others is False:
            fault(where, f"{key} is not in the schema")
        else:
            check_value(f"{where} {key}", others, member)


def references(schema):
    """The type that a property's values are ids of; None for other properties."""
    target = schema.get("x-ref")
    return target["type"] if isinstance(target, dict) else target


def check_types():
    """The types by name, each checked to be well formed and to refer only to types before it."""
    types = {}
    for where, request in lines("types.ndjson"):
        name, attributes = request["name"], request["attributes"]
        if request["type"] != "type" or not TYPE_NAME.fullmatch(name) or name in types:
            fault(where, f"{name!r} is not a new type")
        if len(json.dumps(request)) > MAX_TYPE_BYTES:
            fault(where, "the type is too large")
        for key, schema in attributes["schema"]["properties"].items():
            if unknown := set(schema) - KEYWORDS:
                fault(f"{where} {key}", f"unknown keywords {unknown}")
            target = references(schema)
            if target and target not in types:
                fault(f"{where} {key}", f"refers to {target}, which does not come earlier")
            if target and isinstance(schema["x-ref"], dict) and schema["x-ref"]["on_delete"] not in ON_DELETE:
                fault(f"{where} {key}", "on_delete is not known")
        types[name] = attributes
    return types


def check_members(where, resource, statuses):
    """What every resource has, whatever its type."""
    if not set(resource) <= MEMBERS:
        fault(where, f"unknown members {set(resource) - MEMBERS}")
    if not ID.fullmatch(resource["id"]):
        fault(where, f"{resource['id']} is not a TypeID")
    if not 1 <= len(resource["name"]) <= 200 or resource["name"] != resource["name"].strip():
        fault(where, f"the name {resource['name']!r}")
    if resource["status"] not in statuses:
        fault(where, f"the status {resource['status']!r}")
    for key, value in resource.get("labels", {}).items():
        if not LABEL.fullmatch(key) or not isinstance(value, str) or len(value) > 200:
            fault(where, f"the label {key}={value}")
    for text in texts(resource):
        if not unicodedata.is_normalized("NFC", text):
            fault(where, f"{text!r} is not in NFC")
        if any(unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn") for character in text):
            fault(where, f"{text!r} has a control or an unassigned character")


def check_references(where, properties, resource, earlier):
    """`earlier` has the type of every resource before this one, by id."""
    if "parent" in resource and resource["parent"] not in earlier:
        fault(where, f"the parent {resource['parent']} does not come earlier")
    for key, schema in properties.items():
        target, value = references(schema), resource["attributes"].get(key)
        if target and value is not None:
            for each in value if isinstance(value, list) else [value]:
                if earlier.get(each) != target:
                    fault(f"{where} {key}", f"{each} is no {target} that comes earlier")


def check_resources(types):
    """The number of resources by type."""
    earlier, last, counts = {}, "", {}
    for name, kind in types.items():
        properties, seen = kind["schema"]["properties"], {}
        counts[name] = 0
        for where, resource in lines(f"{kind['plural']}.ndjson"):
            counts[name] += 1
            if resource["type"] != name:
                fault(where, f"a {resource['type']} among {kind['plural']}")
            if resource["id"] <= last:
                fault(where, "the id is not greater than the one before it")
            check_members(where, resource, kind["statuses"])
            check_object(where, kind["schema"], resource["attributes"])
            check_references(where, properties, resource, earlier)
            for key, schema in properties.items():
                value = resource["attributes"].get(key)
                if schema.get("x-unique") and value is not None:
                    first = seen.setdefault((key, value), where)
                    if first != where:
                        fault(f"{where} {key}", f"{value!r} is also in {first}")
            last = resource["id"]
            earlier[last] = name
    return counts


def check_readme(counts):
    """The table of README.md has a line for each type: | `airport` | 19,557 | …"""
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `([a-z_]+)` \| ([0-9,]+) \|", readme, re.MULTILINE))
    for name, count in counts.items():
        if told.get(name) != f"{count:,}":
            fault("README.md", f"tells of {told.get(name)} of the type {name}, there are {count:,}")
    total = f"{sum(counts.values()):,}"
    if f" {total} resources" not in readme:
        fault("README.md", f"does not tell of {total} resources")


def check_size():
    size = sum(file.stat().st_size for file in HERE.rglob("*") if file.is_file() and "node_modules" not in file.parts)
    if size > MAX_FOLDER_BYTES:
        fault("the folder", f"has {size:,} bytes")
    return size


def main():
    counts = check_resources(check_types())
    check_readme(counts)
    size = check_size()
    for each in faults[:100]:
        print(each)
    if faults:
        sys.exit(f"{len(faults)} faults")
    print(f"{', '.join(f'{count:,} of {name}' for name, count in counts.items())}; {size:,} bytes; no faults")


if __name__ == "__main__":
    main()
