//! The fields of a type: what `properties` alone lead to, from the root, through objects and `$ref`. And the places
//! where annotations stand but mean nothing, which are errors.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::annotations::Annotations;
use super::keywords::Route;
use super::outline::Outline;
use super::problems::Problems;
use super::shape::{Shape, layers};
use crate::{Field, FieldKind, OnDelete, Reference};

/// The longest name of a property that is a field, in characters.
const MAX_NAME: usize = 100;
/// The longest key of an annotated field, in bytes.
const MAX_FIELD_KEY: usize = 200;

/// Reads the fields, sorted by path. What is wrong goes to `problems`, with pointers from the document's root.
pub(super) fn read(outline: &Outline<'_>, problems: &mut Problems) -> Vec<Field> {
    let mut reader = Reader { outline, fields: vec![], used: BTreeSet::new(), problems };
    let root = layers(outline, [0]);
    reader.object(&mut vec![], &root);
    reader.misplaced(&root);
    reader.fields.sort_by(|a, b| a.path.cmp(&b.path));
    reader.fields
}

struct Reader<'r, 'a> {
    outline: &'r Outline<'a>,
    fields: Vec<Field>,
    /// The positions that describe a field.
    used: BTreeSet<usize>,
    problems: &'r mut Problems,
}

impl<'a> Reader<'_, 'a> {
    fn wrong(&mut self, id: usize, word: &str, detail: impl Into<String>) {
        self.problems.add(|| format!("{}/{word}", self.outline.pointer(id)), detail);
    }

    /// Reads the properties of the object that the positions `object` describe.
    fn object(&mut self, path: &mut Vec<String>, object: &[usize]) {
        let outline = self.outline;
        let mut properties: BTreeMap<&'a str, Vec<usize>> = BTreeMap::new();
        let mut required: BTreeSet<&'a str> = BTreeSet::new();
        for position in object.iter().map(|id| &outline.positions[*id]) {
            for edge in position.edges.iter().filter(|edge| edge.route == Route::Property) {
                properties.entry(edge.name).or_default().push(edge.to);
            }
            let names = position.schema.and_then(|schema| schema.get("required")).and_then(Value::as_array);
            required.extend(names.into_iter().flatten().filter_map(Value::as_str));
        }
        for (name, schemas) in properties {
            let schemas = layers(outline, schemas);
            self.used.extend(&schemas);
            path.push(name.to_owned());
            self.field(path, &schemas, required.contains(name));
            self.object(path, &schemas);
            path.pop();
        }
    }

    fn field(&mut self, path: &[String], schemas: &[usize], required: bool) {
        let shape = Shape::of(self.outline, schemas);
        let merged = self.merge(schemas);
        let key = path.join(".");
        for id in schemas {
            let annotations = &self.outline.positions[*id].annotations;
            if let Some(word) = annotations.words.first() {
                self.check_name(*id, word, path, &key);
                self.check_kind(*id, annotations, &merged, &shape, required);
            }
        }
        if path.iter().any(|name| name.chars().count() > MAX_NAME) {
            return;
        }
        self.fields.push(Field {
            path: path.to_vec(),
            key,
            kind: shape.kind,
            many: shape.many,
            index: merged.index,
            unique: merged.unique,
            secret: merged.secret,
            immutable: merged.immutable,
            reference: merged.reference,
        });
    }

    /// What the positions that describe one field say together.
    fn merge(&mut self, schemas: &[usize]) -> Annotations<'a> {
        let mut merged = Annotations::default();
        for id in schemas {
            let one = &self.outline.positions[*id].annotations;
            merged.index |= one.index;
            merged.unique |= one.unique;
            merged.secret |= one.secret;
            merged.immutable |= one.immutable;
            let reference: &Option<Reference> = &one.reference;
            match (&merged.reference, reference) {
                (None, _) => merged.reference = reference.clone(),
                (Some(first), Some(second)) if first != second => {
                    self.wrong(*id, "x-ref", "says another than the `x-ref` of the property that refers here");
                }
                _ => {}
            }
        }
        merged
    }

    fn check_name(&mut self, id: usize, word: &str, path: &[String], key: &str) {
        let odd = |name: &&String| name.is_empty() || name.contains('.') || name.chars().count() > MAX_NAME;
        if let Some(name) = path.iter().find(odd) {
            let shown: String = name.chars().take(40).collect();
            let detail = format!(
                "an annotated property and the objects around it need names of 1 to 100 characters without dots, \
                 unlike `{shown}`"
            );
            self.wrong(id, word, detail);
        } else if key.len() > MAX_FIELD_KEY {
            let detail =
                format!("the path `{key}` has {} bytes; an annotated property's may have at most 200", key.len());
            self.wrong(id, word, detail);
        }
    }

    fn check_kind(&mut self, id: usize, own: &Annotations<'_>, all: &Annotations<'_>, shape: &Shape, required: bool) {
        let scalar = shape.kind != FieldKind::Other;
        if own.index && !scalar {
            let detail = "only texts, numbers, booleans and arrays of one of these can be indexed; say so by `type`";
            self.wrong(id, "x-index", detail);
        }
        if own.unique && (!scalar || shape.many || shape.kind == FieldKind::Boolean) {
            self.wrong(id, "x-unique", "only texts and numbers can be unique; say so by `type`");
        }
        if let Some(reference) = &own.reference {
            if shape.kind != FieldKind::Text {
                let detail = "a reference is a text or an array of texts, the ids of resources; say so by `type`";
                self.wrong(id, "x-ref", detail);
            } else if reference.on_delete == OnDelete::Null && required && !shape.nullable {
                let detail = "`on_delete`: \"null\" needs a property that may be null or is not required";
                self.wrong(id, "x-ref", detail);
            } else if reference.on_delete == OnDelete::Null && all.immutable {
                let detail =
                    "`on_delete`: \"null\" would change a property that is `x-immutable`; take one of them out";
                self.wrong(id, "x-ref", detail);
            }
        }
        if own.secret && (shape.kind != FieldKind::Text || shape.many) {
            self.wrong(id, "x-secret", "only a text can be secret; say so by `type`");
        } else if own.secret && (all.index || all.unique || all.reference.is_some()) {
            self.wrong(id, "x-secret", "a secret can be neither indexed nor unique nor a reference");
        }
    }

    /// Finds annotations that describe no field, or that describe something else too.
    fn misplaced(&mut self, root: &[usize]) {
        let elsewhere = elsewhere(self.outline);
        for (id, position) in self.outline.positions.iter().enumerate() {
            let Some(word) = position.annotations.words.first() else { continue };
            let detail = match elsewhere[id] {
                Some(keyword) => format!(
                    "may stand only on a property that `properties` alone lead to; \
                     this schema is used under `{keyword}`"
                ),
                None if root.contains(&id) => "may stand on a property, not on the whole object".to_owned(),
                None if !self.used.contains(&id) => "has no effect: no property uses this schema".to_owned(),
                None => continue,
            };
            self.wrong(id, word, detail);
        }
    }
}

/// For each position the keyword, if any, by which it describes something that is not reached by `properties` alone.
fn elsewhere<'a>(outline: &Outline<'a>) -> Vec<Option<&'a str>> {
    let mut found = vec![None; outline.positions.len()];
    let mut open: Vec<usize> = vec![];
    for position in &outline.positions {
        for edge in &position.edges {
            if !matches!(edge.route, Route::Property | Route::Reference | Route::Shelf) && found[edge.to].is_none() {
                found[edge.to] = Some(edge.keyword);
                open.push(edge.to);
            }
        }
    }
    while let Some(id) = open.pop() {
        for edge in outline.positions[id].edges.iter().filter(|edge| edge.route != Route::Shelf) {
            if found[edge.to].is_none() {
                found[edge.to] = found[id];
                open.push(edge.to);
            }
        }
    }
    found
}
