//! The filter as text, one text for one tree.

use std::fmt::{self, Write};

use super::lexer::is_word;
use super::{Comparison, Filter, Literal, Path, Piece};

/// How tightly the place around a filter binds: what binds less needs parentheses there.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Place {
    Or,
    And,
    Not,
}

/// Writes `filter`. Writing to a `String` cannot fail.
pub(super) fn text(filter: &Filter) -> String {
    let mut text = String::new();
    let _ = write_filter(&mut text, filter, Place::Or);
    text
}

fn write_filter(out: &mut String, filter: &Filter, place: Place) -> fmt::Result {
    match filter {
        Filter::True => out.write_str("true"),
        Filter::False => out.write_str("false"),
        Filter::And(parts) => join(out, parts, " AND ", "true", Place::And, place),
        Filter::Or(parts) => join(out, parts, " OR ", "false", Place::Or, place),
        Filter::Not(inner) => {
            out.write_str("NOT ")?;
            write_filter(out, inner, Place::Not)
        }
        Filter::Compare { path, op, value } => write!(out, "{path} {op} {value}"),
        Filter::Has { path, value } => write!(out, "{path}:{value}"),
        Filter::Present { path } => write!(out, "{path}:*"),
        // These are not of the language; the texts tell them apart from all others.
        Filter::Like { path, pattern } => {
            write!(out, "{path} LIKE ")?;
            pattern.iter().try_for_each(|piece| match piece {
                Piece::Text(text) => write_quoted(out, text),
                Piece::Any => out.write_char('*'),
            })
        }
        Filter::Element { path, value } => write!(out, "{path} CONTAINS {value}"),
        Filter::Below { id } => write!(out, "BELOW {id}"),
        Filter::Of { path, type_name, filter } => {
            write!(out, "{path}->{type_name}(")?;
            write_filter(out, filter, Place::Or)?;
            out.write_char(')')
        }
    }
}

fn join(out: &mut String, parts: &[Filter], word: &str, empty: &str, own: Place, place: Place) -> fmt::Result {
    match parts {
        [] => out.write_str(empty),
        [one] => write_filter(out, one, place),
        parts => {
            let parentheses = own < place;
            out.write_str(if parentheses { "(" } else { "" })?;
            for (at, part) in parts.iter().enumerate() {
                out.write_str(if at > 0 { word } else { "" })?;
                write_filter(out, part, own)?;
            }
            out.write_str(if parentheses { ")" } else { "" })
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Id => f.write_str("id"),
            Path::Type => f.write_str("type"),
            Path::Name => f.write_str("name"),
            Path::Status => f.write_str("status"),
            Path::Parent => f.write_str("parent"),
            Path::Version => f.write_str("version"),
            Path::CreatedAt => f.write_str("created_at"),
            Path::UpdatedAt => f.write_str("updated_at"),
            Path::Attribute(names) => {
                f.write_str("attributes")?;
                names.iter().try_for_each(|name| write_name(f, name))
            }
            Path::Label(name) => {
                f.write_str("labels")?;
                write_name(f, name)
            }
        }
    }
}

fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    f.write_char('.')?;
    if is_word(name) { f.write_str(name) } else { write_quoted(f, name) }
}

/// In double quotes, with the escapes that the parser knows.
fn write_quoted(f: &mut impl Write, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Comparison::Eq => "=",
            Comparison::Ne => "!=",
            Comparison::Lt => "<",
            Comparison::Le => "<=",
            Comparison::Gt => ">",
            Comparison::Ge => ">=",
        })
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Bool(value) => write!(f, "{value}"),
            Literal::Integer(value) => write!(f, "{value}"),
            // `{:?}` keeps the point or the exponent, so that a double reads back as a double.
            Literal::Number(value) => write!(f, "{value:?}"),
            Literal::Text(text) => write_quoted(f, text),
            Literal::Time(time) => write_quoted(f, &time.to_string()),
            Literal::Id(id) => write_quoted(f, &id.to_string()),
        }
    }
}
