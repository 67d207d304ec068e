"""The five types of the atlas, in the order in which they have to be created.

A property is one line: what it is, then the annotations that Admin reads. `build.py` writes them to `types.ndjson`.
"""


def text(description, limit, **more):
    """A string of 1 to `limit` characters."""
    return {"type": "string", "description": description, "minLength": 1, "maxLength": limit, **more}


def code(description, pattern, **more):
    """A string of one fixed shape. The pattern bounds its length."""
    return {"type": "string", "description": description, "pattern": pattern, **more}


def one_of(description, values, **more):
    """One of a few strings."""
    return {"type": "string", "description": description, "enum": values, **more}


def integer(description, low, high, **more):
    return {"type": "integer", "description": description, "minimum": low, "maximum": high, **more}


def number(description, low, high, **more):
    return {"type": "number", "description": description, "minimum": low, "maximum": high, **more}


def flag(description, **more):
    return {"type": "boolean", "description": description, **more}


def ref(description, target, on_delete, **more):
    """The id of a resource of the type `target`."""
    return {"type": "string", "description": description, "x-ref": {"type": target, "on_delete": on_delete}, **more}


def refs(description, target, **more):
    """The ids of up to 40 resources of the type `target`, none twice."""
    return {"type": "array", "description": description, "items": {"type": "string"}, "maxItems": 40,
            "uniqueItems": True, "x-ref": {"type": target, "on_delete": "restrict"}, **more}


def texts(description, count, limit, **more):
    """Up to `count` strings of 1 to `limit` characters, none twice."""
    return {"type": "array", "description": description, "maxItems": count, "uniqueItems": True,
            "items": {"type": "string", "minLength": 1, "maxLength": limit}, **more}


def nullable(schema):
    """The same, or null."""
    allowed = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        allowed["enum"] = [*schema["enum"], None]
    return allowed


INDEX = {"x-index": True}
UNIQUE = {"x-unique": True, "x-index": True}
KEY = {**UNIQUE, "x-immutable": True}
DATE = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
CONTINENTS = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"]
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
KINDS = ["large", "medium", "small", "seaplane_base", "heliport", "balloonport"]

LANGUAGE = {
    "code": code("BCP 47 subtag: ISO 639-1, or ISO 639-3 where that has none.", "^[a-z]{2,3}$", **KEY),
    "alpha_2": nullable(code("ISO 639-1.", "^[a-z]{2}$", **UNIQUE)),
    "alpha_3": nullable(code("ISO 639-3 (ISO 639-2 for a group of languages).", "^[a-z]{3}$", **UNIQUE)),
    "native_name": nullable(text("Its name in itself.", 100)),
    "script": nullable(code("The script it is most often written in, ISO 15924.", "^[A-Z][a-z]{3}$", **INDEX)),
    "right_to_left": nullable(flag("Whether that script runs from right to left.", **INDEX)),
}

CURRENCY = {
    "code": code("ISO 4217, three letters.", "^[A-Z]{3}$", **KEY),
    "numeric": nullable(code("ISO 4217, three digits.", "^[0-9]{3}$", **INDEX)),
    "symbol": nullable(text("The short sign.", 10)),
    "native_name": nullable(text("Its name in a language of its home.", 100)),
    "minor_units": nullable(integer("Digits after the decimal point.", 0, 4, **INDEX)),
    "legal_tender": flag("False for metals, funds, units of account and test codes.", **INDEX),
    "introduced": nullable(code("First day in use anywhere.", DATE, **INDEX)),
    "withdrawn": nullable(code("Last day in use anywhere; null while it is in use.", DATE, **INDEX)),
}

COUNTRY = {
    "alpha_2": code("ISO 3166-1, two letters.", "^[A-Z]{2}$", **KEY),
    "alpha_3": code("ISO 3166-1, three letters.", "^[A-Z]{3}$", **KEY),
    "numeric": nullable(code("ISO 3166-1, three digits.", "^[0-9]{3}$", **UNIQUE)),
    "native_names": {"type": "object", "description": "Its name in its official languages, by language tag.",
                     "propertyNames": {"pattern": "^[a-z]{2,3}(-[A-Z][a-z]{3})?$"},
                     "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 120}},
    "capital": nullable(text("The capital.", 80, **INDEX)),
    "continent": one_of("The continent.", CONTINENTS, **INDEX),
    "region": nullable(text("The UN M.49 region.", 60, **INDEX)),
    "languages": refs("Official languages, in law or in fact.", "language", **INDEX),
    "regional_languages": refs("Languages that are official in a part of it.", "language", **INDEX),
    "currencies": refs("Currencies that are legal tender.", "currency", **INDEX),
    "population": nullable(integer("Estimated population.", 0, 2_000_000_000, **INDEX)),
    "literacy_percent": nullable(number("Estimated share of adults who read and write.", 0, 100, **INDEX)),
    "calling_codes": texts("Telephone country codes, without the plus.", 10, 8, **INDEX),
    "un_member": flag("A member of the United Nations.", **INDEX),
    "eu_member": flag("A member of the European Union.", **INDEX),
    "first_day_of_week": one_of("The day that a week starts with in a calendar.", DAYS),
    "flag": nullable(text("The flag, as an emoji.", 8)),
}

SUBDIVISION = {
    "code": code("ISO 3166-2.", "^[A-Z]{2}-[A-Z0-9]{1,3}$", **KEY),
    "country": ref("The country it is part of.", "country", "cascade", **INDEX, **{"x-immutable": True}),
    "kind": text("What ISO 3166-2 calls it: province, state, county, …", 60, **INDEX),
    "iso_name": text("Its name in ISO 3166-2: romanised, in a local language.", 120),
    "aliases": texts("Other names, in any language and script.", 40, 120, **INDEX),
    "geonames_id": nullable(integer("Its number at GeoNames.", 1, 2_000_000_000, **INDEX)),
}

AIRPORT = {
    "code": code("OurAirports' identifier: most often the ICAO code.", "^[A-Z0-9-]{2,8}$", **KEY),
    "iata": nullable(code("IATA code.", "^[A-Z0-9]{3}$", **UNIQUE)),
    "icao": nullable(code("ICAO location indicator.", "^[A-Z0-9]{4}$", **UNIQUE)),
    "kind": nullable(one_of("Size or kind; null for an airport that has closed.", KINDS, **INDEX)),
    "city": nullable(text("The town or city it serves.", 80, **INDEX)),
    "country": ref("The country it is in.", "country", "restrict", **INDEX),
    "subdivision": nullable(ref("The subdivision it is in.", "subdivision", "null", **INDEX)),
    "latitude": number("Degrees north.", -90, 90),
    "longitude": number("Degrees east.", -180, 180),
    "elevation_ft": nullable(integer("Feet above mean sea level.", -1500, 20_000, **INDEX)),
    "runway_ft": nullable(integer("Length of its longest runway in use, in feet.", 1, 50_000, **INDEX)),
    "scheduled": flag("Whether an airline flies there by a timetable.", **INDEX),
    "aliases": texts("Other names and former codes, in any language and script.", 40, 120, **INDEX),
}


def create_request(name, plural, statuses, description, properties):
    """The body that creates one type. Every attribute is required: where the source has no value, it is null."""
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    attributes = {"plural": plural, "description": description, "statuses": statuses, "schema": schema}
    return {"type": "type", "name": name, "attributes": attributes}


TYPES = [
    create_request("language", "languages", ["active", "retired"], "A language that people speak somewhere.", LANGUAGE),
    create_request("currency", "currencies", ["active", "retired"], "Money, today's and that of the past.", CURRENCY),
    create_request("country", "countries", ["active", "retired"], "A country or territory, ISO 3166-1.", COUNTRY),
    create_request("subdivision", "subdivisions", ["active", "retired"], "A part of a country, ISO 3166-2.",
                   SUBDIVISION),
    create_request("airport", "airports", ["active", "closed"], "Where aircraft take off and land.", AIRPORT),
]
