//! A schema document as a graph: every place where a schema stands, and which other schemas it applies to what.
//! Later passes look at the graph and never ask again which words are keywords, names or data.

use std::collections::HashMap;

use admin_types::json::escape;
use serde_json::{Map, Value};

use super::annotations::{self, Annotations};
use super::keywords::{Layout, Route, applicator};
use super::problems::Problems;

/// The most properties that `properties` may declare in the whole document.
pub(super) const MAX_PROPERTIES: usize = 1000;
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A schema document as a graph.
pub(super) struct Outline<'a> {
    /// The document's root is the first.
    pub(super) positions: Vec<Position<'a>>,
}

/// A place where a schema stands.
pub(super) struct Position<'a> {
    /// The keywords; `None` for the schemas `true` and `false`.
    pub(super) schema: Option<&'a Map<String, Value>>,
    /// The schemas that it applies.
    pub(super) edges: Vec<Edge<'a>>,
    pub(super) annotations: Annotations<'a>,
    /// The schema that holds it, and where in there.
    parent: Option<(usize, Place<'a>)>,
}

/// One schema applies another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge<'a> {
    pub(super) route: Route,
    pub(super) keyword: &'a str,
    /// The property's name; empty on other routes.
    pub(super) name: &'a str,
    /// The other's index among the positions.
    pub(super) to: usize,
}

#[derive(Clone, Copy)]
enum Place<'a> {
    Keyword(&'a str),
    Index(&'a str, usize),
    Name(&'a str, &'a str),
}

impl<'a> Outline<'a> {
    /// Reads a document of bounded depth. What stands wrong goes to `problems`, with pointers from the document's root.
    pub(super) fn read(document: &'a Value, problems: &mut Problems) -> Outline<'a> {
        let mut reader =
            Reader { outline: Outline { positions: vec![] }, by_address: HashMap::new(), properties: 0, problems };
        reader.position(document, None);
        if reader.properties > MAX_PROPERTIES {
            let detail = format!("declares {} properties; at most 1,000 are allowed", reader.properties);
            reader.problems.add(String::new, detail);
        }
        reader.resolve_references(document);
        reader.outline
    }

    /// The JSON Pointer of a position, from the document's root.
    pub(super) fn pointer(&self, id: usize) -> String {
        let mut segments = vec![];
        let mut at = id;
        while let Some((parent, place)) = self.positions[at].parent {
            segments.push(match place {
                Place::Keyword(keyword) => format!("/{}", escape(keyword)),
                Place::Index(keyword, index) => format!("/{}/{index}", escape(keyword)),
                Place::Name(keyword, name) => format!("/{}/{}", escape(keyword), escape(name)),
            });
            at = parent;
        }
        segments.iter().rev().map(String::as_str).collect()
    }
}

struct Reader<'a, 'e> {
    outline: Outline<'a>,
    /// Positions by the address of their value: where a `$ref` leads.
    by_address: HashMap<*const Value, usize>,
    properties: usize,
    problems: &'e mut Problems,
}

impl<'a> Reader<'a, '_> {
    fn position(&mut self, value: &'a Value, parent: Option<(usize, Place<'a>)>) -> usize {
        let id = self.outline.positions.len();
        let schema = value.as_object();
        self.outline.positions.push(Position { schema, edges: vec![], annotations: Annotations::default(), parent });
        self.by_address.insert(std::ptr::from_ref(value), id);
        let Some(schema) = schema else { return id };
        let annotations = annotations::read(schema, || self.outline.pointer(id), self.problems);
        self.outline.positions[id].annotations = annotations;
        for (keyword, value) in schema {
            self.refuse(id, keyword, value);
            if let Some((layout, route)) = applicator(keyword) {
                self.subschemas(id, keyword, value, layout, route);
            }
        }
        id
    }

    fn subschemas(&mut self, id: usize, keyword: &'a str, value: &'a Value, layout: Layout, route: Route) {
        let add = |reader: &mut Self, value: &'a Value, place, name| {
            // Anything else is not a schema; the meta-schema says so later.
            if value.is_object() || value.is_boolean() {
                let to = reader.position(value, Some((id, place)));
                reader.outline.positions[id].edges.push(Edge { route, keyword, name, to });
            }
        };
        match (layout, value) {
            (Layout::One, value) => add(self, value, Place::Keyword(keyword), ""),
            (Layout::List, Value::Array(list)) => {
                for (index, value) in list.iter().enumerate() {
                    add(self, value, Place::Index(keyword, index), "");
                }
            }
            (Layout::Map, Value::Object(map)) => {
                self.properties += if route == Route::Property { map.len() } else { 0 };
                for (name, value) in map {
                    let property = if route == Route::Property { name.as_str() } else { "" };
                    add(self, value, Place::Name(keyword, name), property);
                }
            }
            _ => {}
        }
    }

    /// Refuses keywords that would make the schema depend on more than this document, and formats nobody checks.
    fn refuse(&mut self, id: usize, keyword: &str, value: &Value) {
        let detail = match (keyword, value) {
            ("$id" | "$anchor" | "$dynamicAnchor" | "$dynamicRef" | "$recursiveRef" | "$recursiveAnchor", _)
            | ("$vocabulary", _) => {
                format!("`{keyword}` is not supported; refer to a part of this schema by `$ref`: \"#/$defs/<name>\"")
            }
            ("$schema", _) if id > 0 => "may stand only at the schema's root".to_owned(),
            ("$schema", value) if value.as_str().map(|text| text.trim_end_matches('#')) != Some(DIALECT) => {
                format!("must be \"{DIALECT}\": other dialects are not supported")
            }
            ("format", Value::String(format)) if !is_known_format(format) => {
                format!(
                    "the format `{format}` is not known; there are date-time, date, time, duration, email, hostname, \
                     ipv4, ipv6, uri, uri-reference, uri-template, iri, iri-reference, uuid, json-pointer, \
                     relative-json-pointer and regex"
                )
            }
            _ => return,
        };
        self.problems.add(|| format!("{}/{}", self.outline.pointer(id), escape(keyword)), detail);
    }

    fn resolve_references(&mut self, document: &'a Value) {
        for id in 0..self.outline.positions.len() {
            let reference = self.outline.positions[id].schema.and_then(|schema| schema.get("$ref"));
            let Some(Value::String(reference)) = reference else { continue };
            match self.target(document, reference) {
                Ok(to) => {
                    let edge = Edge { route: Route::Reference, keyword: "$ref", name: "", to };
                    self.outline.positions[id].edges.push(edge);
                }
                Err(detail) => {
                    self.problems.add(|| format!("{}/$ref", self.outline.pointer(id)), detail);
                }
            }
        }
    }

    fn target(&self, document: &Value, reference: &str) -> Result<usize, String> {
        let Some(pointer) = reference.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
            return Err("must point into this schema: \"#/$defs/<name>\"".to_owned());
        };
        if pointer.contains('%') {
            return Err("may not hold percent-encoded characters; give the definition a plain name".to_owned());
        }
        document
            .pointer(pointer)
            .and_then(|value| self.by_address.get(&std::ptr::from_ref(value)).copied())
            .ok_or_else(|| format!("points to {reference}, where no schema stands"))
    }
}

fn is_known_format(format: &str) -> bool {
    jsonschema::options().is_known_format(jsonschema::Draft::Draft202012, format)
}
