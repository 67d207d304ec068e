//! One condition: whether the literal suits what it is compared with, and the typed [`Filter`] it becomes.

use admin_types::{ResourceId, Timestamp};

use super::problem::Problem;
use super::{Comparison, Filter, Literal, Path};
use crate::{Field, FieldKind, TypeDefinition};

/// What stands before an operator.
#[derive(PartialEq, Debug)]
pub(super) enum Subject {
    Path(Path),
    /// `attributes` without a name.
    Attributes,
    /// `labels` without a name.
    Labels,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Operator {
    Compare(Comparison),
    /// `:`
    Has,
}

/// A literal as written.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Raw {
    Text(String),
    Integer(i64),
    Number(f64),
    Bool(bool),
    Null,
}

/// A condition being checked, with the columns for its problems.
struct Draft<'a> {
    path: Path,
    path_column: usize,
    operator: Operator,
    literal_column: usize,
    definition: Option<&'a TypeDefinition>,
}

/// `path:*`
pub(super) fn present(path: Path, column: usize, definition: Option<&TypeDefinition>) -> Result<Filter, Problem> {
    known_attribute(&path, column, definition)?;
    Ok(Filter::Present { path })
}

/// `path operator literal`
pub(super) fn comparison(
    path: Path,
    path_column: usize,
    operator: Operator,
    raw: Raw,
    literal_column: usize,
    definition: Option<&TypeDefinition>,
) -> Result<Filter, Problem> {
    let draft = Draft { path, path_column, operator, literal_column, definition };
    match raw {
        Raw::Null => draft.null(),
        raw => draft.literal(raw),
    }
}

impl Draft<'_> {
    fn at_path(&self, detail: impl Into<String>) -> Problem {
        Problem::at(self.path_column, detail)
    }

    fn at_literal(&self, detail: impl Into<String>) -> Problem {
        Problem::at(self.literal_column, detail)
    }

    fn null(self) -> Result<Filter, Problem> {
        let op = self.operator;
        let absent = match op {
            Operator::Compare(Comparison::Eq) => true,
            Operator::Compare(Comparison::Ne) => false,
            _ => return Err(self.at_literal("null is compared by = and != alone")),
        };
        let present = present(self.path, self.path_column, self.definition)?;
        Ok(if absent { Filter::Not(Box::new(present)) } else { present })
    }

    fn literal(self, raw: Raw) -> Result<Filter, Problem> {
        let value = match &self.path {
            Path::Id | Path::Parent => self.id(raw)?,
            Path::Type | Path::Status => self.word(raw)?,
            Path::Name | Path::Label(_) => self.text(raw)?,
            Path::Version => self.version(raw)?,
            Path::CreatedAt | Path::UpdatedAt => self.time(raw)?,
            Path::Attribute(_) => self.attribute(raw)?,
        };
        let contains = matches!(self.path, Path::Name | Path::Label(_) | Path::Attribute(_));
        Ok(match self.operator {
            Operator::Compare(op) => Filter::Compare { path: self.path, op, value },
            Operator::Has if contains => Filter::Has { path: self.path, value },
            Operator::Has => Filter::Compare { path: self.path, op: Comparison::Eq, value },
        })
    }

    fn no_order(&self) -> Result<(), Problem> {
        match self.operator {
            Operator::Has | Operator::Compare(Comparison::Eq | Comparison::Ne) => Ok(()),
            Operator::Compare(_) => Err(self.at_path(format!("`{}` is compared by = and != alone", self.path))),
        }
    }

    fn id(&self, raw: Raw) -> Result<Literal, Problem> {
        self.no_order()?;
        let id = match &raw {
            Raw::Text(text) => ResourceId::parse(text),
            _ => None,
        };
        id.map(Literal::Id).ok_or_else(|| {
            self.at_literal(format!("`{}` is compared with an id, such as res_01jh8x5n9bfqv8xk3c6m7t2d4e", self.path))
        })
    }

    fn word(&self, raw: Raw) -> Result<Literal, Problem> {
        self.no_order()?;
        self.text(raw)
    }

    fn text(&self, raw: Raw) -> Result<Literal, Problem> {
        match raw {
            Raw::Text(text) => Ok(Literal::Text(text)),
            _ => Err(self.at_literal(format!("`{}` is a text; write the value in quotes", self.path))),
        }
    }

    fn version(&self, raw: Raw) -> Result<Literal, Problem> {
        match raw {
            Raw::Integer(version) => Ok(Literal::Integer(version)),
            _ => Err(self.at_literal("`version` is a whole number, such as 3")),
        }
    }

    fn time(&self, raw: Raw) -> Result<Literal, Problem> {
        let time = match &raw {
            Raw::Text(text) => Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z"))),
            _ => None,
        };
        time.map(Literal::Time).ok_or_else(|| {
            let detail = "is compared with a time in quotes, such as \"2025-01-10T08:30:00Z\" or \"2025-01-10\"";
            self.at_literal(format!("`{}` {detail}", self.path))
        })
    }

    fn attribute(&self, raw: Raw) -> Result<Literal, Problem> {
        let field = known_attribute(&self.path, self.path_column, self.definition)?;
        if let (Some(field), Operator::Compare(_)) = (field, self.operator)
            && field.many
        {
            let path = &self.path;
            return Err(
                self.at_path(format!("`{path}` is an array; write {path}:value for arrays that contain a value"))
            );
        }
        let value = match raw {
            Raw::Text(text) => Literal::Text(text),
            Raw::Integer(integer) => Literal::Integer(integer),
            Raw::Number(number) => Literal::Number(number),
            Raw::Bool(value) => {
                if self.no_order().is_err() {
                    return Err(self.at_literal("true and false are compared by = and != alone"));
                }
                Literal::Bool(value)
            }
            Raw::Null => return Err(self.at_literal("null is compared by = and != alone")),
        };
        let expected = match (field.map(|field| field.kind), &value) {
            (None | Some(FieldKind::Other), _)
            | (Some(FieldKind::Text), Literal::Text(_))
            | (Some(FieldKind::Integer | FieldKind::Number), Literal::Integer(_) | Literal::Number(_))
            | (Some(FieldKind::Boolean), Literal::Bool(_)) => return Ok(value),
            (Some(FieldKind::Text), _) => "texts; write the value in quotes",
            (Some(FieldKind::Integer), _) => "integers, such as 3",
            (Some(FieldKind::Number), _) => "numbers, such as 1.5",
            (Some(FieldKind::Boolean), _) => "true and false",
        };
        Err(self.at_literal(format!("`{}` holds {expected}", self.path)))
    }
}

/// The declared field that the path names. `None` for what is not an attribute, for any attribute when the type is not
/// known, and for what lies inside an object that declares no properties of its own.
fn known_attribute<'d>(
    path: &Path,
    column: usize,
    definition: Option<&'d TypeDefinition>,
) -> Result<Option<&'d Field>, Problem> {
    let (Path::Attribute(names), Some(definition)) = (path, definition) else { return Ok(None) };
    if let Some(field) = definition.field(names) {
        if field.secret {
            return Err(Problem::at(column, format!("`{path}` is secret; no filter may look at it")));
        }
        return Ok(Some(field));
    }
    let known = (1..names.len()).rev().find(|length| definition.field(&names[..*length]).is_some()).unwrap_or(0);
    let declared: Vec<&str> = definition
        .fields
        .iter()
        .filter(|field| field.path.len() == known + 1 && field.path.starts_with(&names[..known]))
        .filter_map(|field| field.path.last().map(String::as_str))
        .collect();
    let parent = definition.field(&names[..known]);
    let free_form = parent.is_none_or(|field| field.kind == FieldKind::Other && !field.many);
    if declared.is_empty() && free_form {
        return Ok(None);
    }
    let detail = match (declared.as_slice(), parent) {
        ([], Some(field)) => format!("`attributes.{}` has nothing below it", field.key),
        (some, _) => {
            let more = if some.len() > 10 { ", …" } else { "" };
            let some = some[..some.len().min(10)].join(", ");
            format!("the type {} has no `{path}`; at this place it has {some}{more}", definition.name)
        }
    };
    Err(Problem::at(column, detail))
}
