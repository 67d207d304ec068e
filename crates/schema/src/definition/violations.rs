//! What a validator found, as sentences that say what is wrong and what would be right. They never quote the document:
//! it may hold secrets.

use std::collections::BTreeSet;

use admin_types::FieldError;
use admin_types::json::escape;
use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind as Kind};
use serde_json::Value;

/// The most violations of one list.
pub(super) const MAX_VIOLATIONS: usize = 50;
/// The most values or names that one sentence lists.
const MAX_LISTED: usize = 10;
/// The longest value that a sentence quotes from the schema, in characters.
const MAX_QUOTED: usize = 80;

/// The violations, sorted by pointer, each once, with pointers below `base`. `schema` is what was checked against; from
/// it come the names that would have been right.
pub(super) fn describe<'e>(
    errors: impl Iterator<Item = ValidationError<'e>>,
    base: &str,
    schema: Option<&Value>,
) -> Vec<FieldError> {
    let mut found: BTreeSet<(String, String)> = BTreeSet::new();
    for error in errors {
        let at = format!("{base}{}", error.instance_path().as_str());
        match error.kind() {
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                let detail = format!("is not allowed here{}", known_names(&error, schema));
                for name in unexpected.iter().take(MAX_VIOLATIONS) {
                    found.insert((format!("{at}/{}", escape(name)), detail.clone()));
                }
            }
            Kind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                found.insert((format!("{at}/{}", escape(name)), "is required".to_owned()));
            }
            _ => {
                found.insert((at, sentence(&error)));
            }
        }
        if found.len() >= MAX_VIOLATIONS {
            break;
        }
    }
    found.into_iter().take(MAX_VIOLATIONS).map(|(pointer, detail)| FieldError::new(pointer, detail)).collect()
}

/// `; there are a, b, c`: the names that the object may have, where `properties` stands beside the keyword.
fn known_names(error: &ValidationError<'_>, schema: Option<&Value>) -> String {
    let keyword = error.schema_path().as_str();
    let object = keyword.rsplit_once('/').and_then(|(object, _)| schema?.pointer(object));
    let names = object.and_then(|object| object.get("properties")?.as_object());
    match names {
        Some(names) if !names.is_empty() => format!("; there are {}", list(names.keys().map(|name| short(name)))),
        _ => String::new(),
    }
}

fn sentence(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::Type { kind } => format!("must be {}; it is {}", types(kind), article(type_of(error.instance()))),
        Kind::Enum { options } => {
            let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
            format!("must be one of {}", list(options.iter().map(quoted)))
        }
        Kind::Constant { expected_value } => format!("must be {}", quoted(expected_value)),
        Kind::Format { format } => format!("must be {}", format_example(format)),
        Kind::Pattern { pattern } => format!("must match the regular expression {}", short(pattern)),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("must have at least {}", count(*limit, "character", "characters")),
        Kind::MaxLength { limit } => format!("must have at most {}", count(*limit, "character", "characters")),
        Kind::MinItems { limit } => format!("must have at least {}", count(*limit, "item", "items")),
        Kind::MaxItems { limit } => format!("must have at most {}", count(*limit, "item", "items")),
        Kind::AdditionalItems { limit } => {
            format!("must have at most {}", count(*limit as u64, "item", "items"))
        }
        Kind::MinProperties { limit } => format!("must have at least {}", count(*limit, "property", "properties")),
        Kind::MaxProperties { limit } => format!("must have at most {}", count(*limit, "property", "properties")),
        Kind::UniqueItems => "must not hold an item twice".to_owned(),
        Kind::UnevaluatedItems { .. } => "holds more items than the schema describes".to_owned(),
        Kind::Contains => {
            "must hold as many items of the kind that `contains` describes as the schema asks for".to_owned()
        }
        Kind::FalseSchema if is_about_properties(error) => "must have no properties".to_owned(),
        Kind::FalseSchema => "must not be there: the schema allows no value here".to_owned(),
        Kind::Not { .. } => "is just what the schema excludes by `not`".to_owned(),
        Kind::AnyOf { context } => alternatives("must match at least one", context),
        Kind::OneOfNotValid { context } => alternatives("must match exactly one", context),
        Kind::OneOfMultipleValid { .. } => {
            "must match exactly one of the schema's alternatives (`oneOf`), but matches several".to_owned()
        }
        Kind::PropertyNames { error } => {
            format!("has a property whose name is not allowed; a name {}", sentence(error))
        }
        Kind::Required { property } => format!("must have the property {}", quoted(property)),
        Kind::AdditionalProperties { .. } | Kind::UnevaluatedProperties { .. } => {
            "has a property that is not allowed".to_owned()
        }
        Kind::ContentEncoding { content_encoding } => format!("must be encoded as {}", short(content_encoding)),
        Kind::ContentMediaType { content_media_type } => format!("must be of the type {}", short(content_media_type)),
        Kind::FromUtf8 { .. } => "must be encoded UTF-8".to_owned(),
        Kind::BacktrackLimitExceeded { .. } | Kind::RegexEngineFailure { .. } => {
            "could not be matched with the schema's regular expression".to_owned()
        }
        Kind::Custom { .. } | Kind::Referencing(_) => "does not suit the schema".to_owned(),
    }
}

/// Whether `false` stands behind a keyword about all properties of the object, and not about the value itself.
fn is_about_properties(error: &ValidationError<'_>) -> bool {
    let path = error.schema_path().as_str();
    let keyword = ["/additionalProperties", "/propertyNames"].into_iter().find_map(|word| path.strip_suffix(word));
    keyword.is_some_and(|holder| !holder.ends_with("/properties"))
}

/// What would make each alternative match, as far as its first violation says.
fn alternatives(what: &str, context: &[Vec<ValidationError<'static>>]) -> String {
    let mut reasons: Vec<String> = vec![];
    for reason in context.iter().filter_map(|branch| branch.first()).map(sentence) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let more = if reasons.len() > 3 { "; or …" } else { "" };
    reasons.truncate(3);
    format!("{what} of the schema's {} alternatives: {}{more}", context.len(), reasons.join("; or "))
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => article(one.as_str()),
        TypeKind::Multiple(set) => {
            let names: Vec<String> = set.iter().map(|one| article(one.as_str())).collect();
            names.join(" or ")
        }
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn article(name: &str) -> String {
    match name {
        "null" => "null".to_owned(),
        "array" | "integer" | "object" => format!("an {name}"),
        other => format!("a {other}"),
    }
}

fn format_example(format: &str) -> String {
    let example = match format {
        "date-time" => "a time with its offset, such as 2025-01-10T08:30:00Z",
        "date" => "a date, such as 2025-01-10",
        "time" => "a time of day with its offset, such as 08:30:00Z",
        "duration" => "a duration (ISO 8601), such as P1DT12H",
        "email" => "an e-mail address, such as ada@example.org",
        "hostname" => "a host name, such as www.example.org",
        "ipv4" => "an IPv4 address, such as 192.0.2.1",
        "ipv6" => "an IPv6 address, such as 2001:db8::1",
        "uri" => "a URI with its scheme, such as https://example.org/a",
        "uuid" => "a UUID, such as 123e4567-e89b-42d3-a456-426614174000",
        "regex" => "a regular expression",
        other => return format!("of the format {other}"),
    };
    example.to_owned()
}

fn count(limit: u64, one: &str, many: &str) -> String {
    format!("{limit} {}", if limit == 1 { one } else { many })
}

fn list(values: impl ExactSizeIterator<Item = String>) -> String {
    let more = if values.len() > MAX_LISTED { ", …" } else { "" };
    format!("{}{more}", values.take(MAX_LISTED).collect::<Vec<_>>().join(", "))
}

/// A value of the schema as JSON.
fn quoted(value: &Value) -> String {
    short(&value.to_string())
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
