//! One property of a type that a static path of property names reaches.

use admin_types::Attributes;
use admin_types::json::escape;
use serde_json::Value;

/// A property that a static path reaches, with what its annotations say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// The property names from the root of the attributes, such as `["address", "city"]`.
    pub path: Vec<String>,
    /// The path joined with `.`, such as `address.city`: the name under which index rows are stored. At most 200 bytes
    /// when the field is annotated.
    pub key: String,
    /// What it holds; for an array of scalars, what the items are.
    pub kind: FieldKind,
    /// Whether it is an array of scalars.
    pub many: bool,
    /// `x-index`: filters and sorts by it are fast.
    pub index: bool,
    /// `x-unique`: no two resources of the type have the same value.
    pub unique: bool,
    /// `x-secret`: written, never read.
    pub secret: bool,
    /// `x-immutable`: set when created, never changed.
    pub immutable: bool,
    /// `x-ref`: the value is the id of another resource.
    pub reference: Option<Reference>,
}

/// What a field holds, `null` aside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldKind {
    /// Strings.
    Text,
    /// Integers.
    Integer,
    /// Integers and fractions.
    Number,
    /// `true` and `false`.
    Boolean,
    /// Objects, arrays of more than scalars, or values of several kinds.
    Other,
}

/// What `x-ref` says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference {
    /// The name of the type that is referred to.
    pub type_name: String,
    /// What happens when the resource that is referred to is deleted.
    pub on_delete: OnDelete,
}

/// What happens to the resources that refer to a deleted one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnDelete {
    /// The deletion is refused.
    #[default]
    Restrict,
    /// They are deleted too.
    Cascade,
    /// The property that refers is set to null, or removed where null is not allowed.
    Null,
}

impl Field {
    /// The field's value; `None` when it is missing and when it is null.
    pub fn get<'a>(&self, attributes: &'a Attributes) -> Option<&'a Value> {
        lookup(attributes, &self.path)
    }

    /// The field's values: the elements when it is an array of scalars, else none or one. Nulls are left out.
    pub fn values<'a>(&self, attributes: &'a Attributes) -> Vec<&'a Value> {
        match self.get(attributes) {
            None => vec![],
            Some(Value::Array(items)) if self.many => items.iter().filter(|item| !item.is_null()).collect(),
            Some(value) => vec![value],
        }
    }

    /// The JSON Pointer from the resource's root, such as `/attributes/address/city`.
    pub fn pointer(&self) -> String {
        let path: String = self.path.iter().map(|name| format!("/{}", escape(name))).collect();
        format!("/attributes{path}")
    }
}

/// The value at `path`; `None` when it is missing and when it is null.
pub(crate) fn lookup<'a>(attributes: &'a Attributes, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let mut value = attributes.get(first)?;
    for name in rest {
        value = value.as_object()?.get(name)?;
    }
    (!value.is_null()).then_some(value)
}
