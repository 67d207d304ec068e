//! The filter language: the text of `filter=`, its tree, its evaluator in memory. `docs/filter.md` has the grammar.

mod canonical;
mod condition;
mod lexer;
mod matches;
mod parser;
mod problem;
mod related;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use admin_types::{Error, Resource, ResourceId, Timestamp};
use serde_json::Value;

use crate::TypeDefinition;

/// A condition on a resource. Two-valued: what is missing makes a comparison false, never unknown.
#[derive(Clone, PartialEq, Debug)]
pub enum Filter {
    /// Every resource.
    True,
    /// No resource.
    False,
    /// All of these.
    And(Vec<Filter>),
    /// At least one of these.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A comparison with a literal; false when there is no value.
    Compare {
        /// What is compared.
        path: Path,
        /// How.
        op: Comparison,
        /// With what.
        value: Literal,
    },
    /// `:`, an array contains the scalar, or a text contains the text (case-sensitive).
    Has {
        /// What is looked into.
        path: Path,
        /// What it must contain.
        value: Literal,
    },
    /// `path:*`, there is a value other than null.
    Present {
        /// What must be there.
        path: Path,
    },
    /// The text at the path is like the pattern, from its first character to its last; false when there is no text.
    Like {
        /// What is looked at.
        path: Path,
        /// What it must be like.
        pattern: Vec<Piece>,
    },
    /// The array at the path contains the scalar; false when there is no array.
    Element {
        /// Where the array is.
        path: Path,
        /// What it must contain.
        value: Literal,
    },
    /// The resource is this one, or lies below it by `parent`, at any depth.
    Below {
        /// The top.
        id: ResourceId,
    },
    /// The resource that a reference leads to meets the filter; false when there is none, or when it is in the trash or
    /// of another type. What is in the trash itself refers to nothing.
    Of {
        /// The reference: `parent`, or an attribute with `x-ref` that is not an array.
        path: Path,
        /// The type that the other resource must be of.
        type_name: String,
        /// What must hold for it.
        filter: Box<Filter>,
    },
}

/// A piece of the pattern of [`Filter::Like`]. No two texts stand side by side: they are one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Piece {
    /// This text.
    Text(String),
    /// Any number of any characters.
    Any,
}

/// The resources that a filter may have to look at besides the one in question.
pub trait Related {
    /// The resource, live or in the trash; `None` when there is none.
    fn get(&self, id: ResourceId) -> Option<&Resource>;
}

/// For filters that look at nothing but the resource itself, such as those that clients write.
#[derive(Clone, Copy, Debug)]
pub struct NoRelated;

impl Related for NoRelated {
    fn get(&self, _: ResourceId) -> Option<&Resource> {
        None
    }
}

/// What a condition looks at.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Path {
    /// `id`
    Id,
    /// `type`
    Type,
    /// `name`
    Name,
    /// `status`
    Status,
    /// `parent`
    Parent,
    /// `version`
    Version,
    /// `created_at`
    CreatedAt,
    /// `updated_at`
    UpdatedAt,
    /// `attributes.a.b`, never empty.
    Attribute(Vec<String>),
    /// `labels.team`
    Label(String),
}

/// How two values are compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Comparison {
    /// `=`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// What a value is compared with. `Time` stands only beside `created_at` and `updated_at`, `Id` beside `id` and
/// `parent`, and both stand nowhere else.
#[derive(Clone, PartialEq, Debug)]
pub enum Literal {
    /// `true` or `false`
    Bool(bool),
    /// An integer of 64 bits.
    Integer(i64),
    /// Any other number; finite.
    Number(f64),
    /// A string.
    Text(String),
    /// An instant.
    Time(Timestamp),
    /// The id of a resource.
    Id(ResourceId),
}

impl Filter {
    /// Parses the text of a filter. An empty text is [`Filter::True`].
    ///
    /// `definition` is the type that the list is of, when it is of one: then unknown attributes, literals of another
    /// kind and `x-secret` fields are errors. Without it any attribute may be named.
    ///
    /// Errors: `invalid_parameter` for `filter`, with the column, counted in characters from 1.
    pub fn parse(text: &str, definition: Option<&TypeDefinition>) -> Result<Filter, Error> {
        Ok(parser::parse(text, definition)?)
    }

    /// Whether the resource meets the condition. Every other evaluator must agree with this one. Where a reference leads
    /// back to the resource, it is seen as it is given, not as `related` knows it: the state in question may be a past or a
    /// coming one.
    pub fn matches(&self, resource: &Resource, related: &dyn Related) -> bool {
        matches::matches(self, resource, &related::Rooted { root: resource, related })
    }

    /// The resources, besides this one, that the filter asks `related` for and does not find there. Whoever brings them and
    /// asks again until all that is missing does not exist has all that [`Filter::matches`] needs.
    pub fn missing(&self, resource: &Resource, related: &dyn Related) -> BTreeSet<ResourceId> {
        let mut missing = BTreeSet::new();
        related::collect(self, resource, &related::Rooted { root: resource, related }, &mut missing);
        missing
    }

    /// Whether the filter looks at resources besides the one in question.
    pub fn looks_beyond(&self) -> bool {
        match self {
            Filter::Below { .. } | Filter::Of { .. } => true,
            Filter::And(parts) | Filter::Or(parts) => parts.iter().any(Filter::looks_beyond),
            Filter::Not(inner) => inner.looks_beyond(),
            _ => false,
        }
    }

    /// The filter as text: equal for filters that differ only in white space and redundant parentheses, and parsing it
    /// gives an equal filter, if it is one that a client can write.
    pub fn canonical(&self) -> String {
        canonical::text(self)
    }

    /// All of `parts`, simplified: what is always true falls out, what is never true makes the whole so, and an AND
    /// within the AND is taken in.
    pub fn all(parts: impl IntoIterator<Item = Filter>) -> Filter {
        let mut all = vec![];
        for part in parts {
            match part {
                Filter::True => {}
                Filter::False => return Filter::False,
                Filter::And(inner) => all.extend(inner),
                other => all.push(other),
            }
        }
        match all.len() {
            0 => Filter::True,
            1 => all.remove(0),
            _ => Filter::And(all),
        }
    }

    /// At least one of `parts`, simplified as [`Filter::all`] is.
    pub fn any(parts: impl IntoIterator<Item = Filter>) -> Filter {
        let mut any = vec![];
        for part in parts {
            match part {
                Filter::False => {}
                Filter::True => return Filter::True,
                Filter::Or(inner) => any.extend(inner),
                other => any.push(other),
            }
        }
        match any.len() {
            0 => Filter::False,
            1 => any.remove(0),
            _ => Filter::Or(any),
        }
    }
}

impl Literal {
    /// The literal as JSON: what [`crate::key::encode`] takes. Times and ids are their texts.
    pub fn to_value(&self) -> Value {
        match self {
            Literal::Bool(value) => (*value).into(),
            Literal::Integer(value) => (*value).into(),
            Literal::Number(value) => (*value).into(),
            Literal::Text(value) => value.as_str().into(),
            Literal::Time(value) => value.to_string().into(),
            Literal::Id(value) => value.to_string().into(),
        }
    }
}
