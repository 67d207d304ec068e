//! A type, compiled: what its resources may hold, and which fields are indexed, unique, secret or references.

mod annotations;
mod checker;
mod expansion;
mod fields;
mod head;
mod keywords;
mod outline;
mod patterns;
mod problems;
mod shape;
#[cfg(test)]
mod tests;
mod violations;
mod work;

use admin_types::{Attributes, Error, FieldError};
use serde_json::{Value, json};

use self::checker::Checker;
use self::outline::Outline;
use self::problems::Problems;
use self::violations::MAX_VIOLATIONS;
use crate::key::{MAX_KEY, MAX_VALUES};
use crate::{Field, FieldKind};

/// The largest schema, in bytes of JSON.
const MAX_SCHEMA: usize = 64 << 10;
/// How deeply the JSON of a schema may nest; schemas alone may nest half as deep.
const MAX_DEPTH: usize = 80;
/// The most bytes of the keys on the way to one value in the JSON of a schema. Violations repeat them.
const MAX_PATH: usize = 2048;

/// A type, compiled from its resource.
#[derive(Clone, Debug)]
pub struct TypeDefinition {
    /// The type's name, such as `workspace`.
    pub name: String,
    /// The name of its collection, such as `workspaces`.
    pub plural: String,
    /// The statuses that its resources may have; never empty, the first is the default.
    pub statuses: Vec<String>,
    /// What can be done to its resources besides reading, creating, updating and deleting them, such as `approve`. Admin
    /// decides who may; the org's own programs ask, and do it.
    pub actions: Vec<String>,
    /// The type that the parents of its resources must be of; `None` when any will do.
    pub parent: Option<String>,
    /// Whether every read of its resources is recorded.
    pub sensitive: bool,
    /// The JSON Schema as given, with annotations.
    pub schema: Value,
    /// Every field that a static path of property names reaches, annotated or not, sorted by path. Properties whose
    /// names have more than 100 characters are none.
    pub fields: Vec<Field>,
    checker: Checker,
}

/// All else is derived from these.
impl PartialEq for TypeDefinition {
    fn eq(&self, other: &TypeDefinition) -> bool {
        let said =
            (&self.name, &self.plural, &self.statuses, &self.actions, &self.parent, self.sensitive, &self.schema);
        let other_said = (
            &other.name,
            &other.plural,
            &other.statuses,
            &other.actions,
            &other.parent,
            other.sensitive,
            &other.schema,
        );
        said == other_said
    }
}

impl TypeDefinition {
    /// Compiles the type `name` from the attributes of its resource:
    /// `{"plural"?, "statuses"?, "actions"?, "parent"?, "sensitive"?, "schema", "description"?}`.
    ///
    /// Errors: `validation_failed` with JSON Pointers from the resource's root, such as `/name` or
    /// `/attributes/schema/properties/x/x-foo`.
    pub fn compile(name: &str, attributes: &Attributes) -> Result<TypeDefinition, Error> {
        let mut problems = Problems::default();
        let head = head::read(name, attributes, &mut problems);
        let compiled = match attributes.get("schema") {
            Some(schema) => compile_schema(schema),
            None => Err(vec![FieldError::new("", "is required: the JSON Schema of the type's attributes")]),
        };
        match compiled {
            Ok((fields, checker)) if problems.is_empty() => Ok(TypeDefinition {
                name: name.to_owned(),
                plural: head.plural,
                statuses: head.statuses,
                actions: head.actions,
                parent: head.parent,
                sensitive: head.sensitive,
                schema: attributes.get("schema").cloned().unwrap_or_default(),
                fields,
                checker,
            }),
            compiled => {
                for error in compiled.err().into_iter().flatten() {
                    problems.add(|| format!("/attributes/schema{}", error.pointer), error.detail);
                }
                Err(Error::validation(problems.into_errors()))
            }
        }
    }

    /// Checks a resource's attributes. Errors: `validation_failed` with every violation, at most 50, each at its
    /// pointer `/attributes/…`. Of attributes so large that listing would take too much memory, the first alone.
    pub fn validate(&self, attributes: &Attributes) -> Result<(), Error> {
        let document = Value::Object(attributes.clone());
        let mut errors = self.checker.check(&document, &self.schema, "/attributes");
        self.check_keys(attributes, &mut errors);
        self.check_integers(attributes, &mut errors);
        errors.truncate(MAX_VIOLATIONS);
        if errors.is_empty() { Ok(()) } else { Err(Error::validation(errors)) }
    }

    /// What the index tables cannot hold: long texts and long arrays.
    fn check_keys(&self, attributes: &Attributes, errors: &mut Vec<FieldError>) {
        for field in self.fields.iter().filter(|field| is_keyed(field)) {
            let values = field.values(attributes);
            if values.len() > MAX_VALUES {
                errors.push(FieldError::new(field.pointer(), "must have at most 1,000 items, since it is indexed"));
                continue;
            }
            if values.iter().any(|value| value.as_str().is_some_and(|text| text.len() > MAX_KEY)) {
                let detail = "must have at most 1,024 bytes in a text, since it is indexed";
                errors.push(FieldError::new(field.pointer(), detail));
            }
        }
    }

    /// To JSON Schema 1e300 is an integer; to policies, and to most programs, an integer has 64 bits.
    fn check_integers(&self, attributes: &Attributes, errors: &mut Vec<FieldError>) {
        for field in self.fields.iter().filter(|field| field.kind == FieldKind::Integer) {
            if field.values(attributes).into_iter().any(|value| !has_64_bits(value)) {
                let detail = "must be from -9223372036854775808 to 9223372036854775807, since it is an integer";
                errors.push(FieldError::new(field.pointer(), detail));
            }
        }
    }

    /// The field at `path`.
    pub fn field(&self, path: &[String]) -> Option<&Field> {
        let at = self.fields.binary_search_by(|field| field.path.as_slice().cmp(path)).ok()?;
        self.fields.get(at)
    }

    /// The fields with `x-index`.
    pub fn indexed(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.index)
    }

    /// The fields with `x-unique`.
    pub fn unique(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.unique)
    }

    /// The fields with `x-ref`.
    pub fn references(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.reference.is_some())
    }

    /// The fields with `x-secret`.
    pub fn secrets(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.secret)
    }

    /// The fields with `x-immutable`.
    pub fn immutable(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.immutable)
    }

    /// The schema without annotations, for OpenAPI.
    pub fn plain_schema(&self) -> Value {
        keywords::without(&self.schema, |keyword| keyword.starts_with("x-"))
    }

    /// Whether attributes that are valid under `old` may be invalid under `self`. Judged with care: false only when the
    /// two schemas are equal once annotations, `title`, `description`, `examples`, `default` and `$comment` are taken
    /// out, and no more fields are keys of an index. What the annotations ask besides (`x-unique`, `x-ref`) and the
    /// statuses are not looked at here.
    pub fn must_recheck(&self, old: &TypeDefinition) -> bool {
        let silent = |keyword: &str| {
            keyword.starts_with("x-")
                || matches!(keyword, "title" | "description" | "examples" | "default" | "$comment")
        };
        let newly_keyed = |field: &Field| is_keyed(field) && !old.field(&field.path).is_some_and(is_keyed);
        keywords::without(&self.schema, silent) != keywords::without(&old.schema, silent)
            || self.fields.iter().any(newly_keyed)
    }
}

/// Whether a value, if it is a number, is one of a signed integer's; 1.0 is.
fn has_64_bits(value: &Value) -> bool {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    match (value.as_i64(), value.as_u64(), value.as_f64()) {
        (None, None, Some(double)) => (-BEYOND..BEYOND).contains(&double),
        (None, Some(_), _) => false,
        _ => true,
    }
}

/// Whether the field's values are keys in an index table.
fn is_keyed(field: &Field) -> bool {
    field.index || field.unique || field.reference.is_some()
}

/// Everything that is derived from a schema. Cheap checks stand first: what they refuse, no later one has to survive.
/// Errors have pointers from the schema's root.
fn compile_schema(schema: &Value) -> Result<(Vec<Field>, Checker), Vec<FieldError>> {
    let refused = |detail: &str| Err(vec![FieldError::new("", detail)]);
    if !schema.is_object() {
        return refused("must be a JSON Schema, an object");
    }
    let mut room = MAX_SCHEMA;
    if let Err(detail) = check_extent(schema, MAX_DEPTH, MAX_PATH, &mut room) {
        return refused(detail);
    }
    if !is_small(schema) {
        return refused("has more than 64 kB");
    }
    if schema.get("type") != Some(&json!("object")) {
        return Err(vec![FieldError::new("/type", "must be \"object\", since attributes are an object")]);
    }
    let mut problems = Problems::default();
    let outline = Outline::read(schema, &mut problems);
    if !problems.is_empty() {
        return Err(problems.into_errors());
    }
    expansion::check(&outline).map_err(|error| vec![error])?;
    let costs = patterns::check(&outline).map_err(|error| vec![error])?;
    let checker = Checker::new(schema, &outline, &costs)?;
    let fields = fields::read(&outline, &mut problems);
    if problems.is_empty() { Ok((fields, checker)) } else { Err(problems.into_errors()) }
}

/// Refuses what lies deeper than `depth` levels, what lies below more than `path` bytes of keys, and more values than
/// fit into `room` bytes.
fn check_extent(value: &Value, depth: usize, path: usize, room: &mut usize) -> Result<(), &'static str> {
    let values = match value {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => return Ok(()),
    };
    *room = room.checked_sub(values).ok_or("has more than 64 kB")?;
    let depth = depth.checked_sub(1).ok_or("nests more than 32 levels deep")?;
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| check_extent(item, depth, path, room)),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            let path = path.checked_sub(name.len()).ok_or("has more than 2,048 bytes of keys on the way to a value")?;
            check_extent(member, depth, path, room)
        }),
        _ => Ok(()),
    }
}

/// Whether the JSON of `value` has at most [`MAX_SCHEMA`] bytes. Stops writing where it has more.
fn is_small(value: &Value) -> bool {
    struct Room(usize);
    impl std::io::Write for Room {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::FileTooLarge)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Room(MAX_SCHEMA), value).is_ok()
}
