//! The regular expressions of a schema: each must compile for the engine whose matching time is linear in the text, and
//! be small, since that time is also linear in the expression.

use std::collections::HashMap;

use admin_types::FieldError;
use admin_types::json::escape;
use jsonschema::PatternOptions;
use serde_json::{Value, json};

use super::outline::Outline;

/// The longest expression, in bytes.
const MAX_PATTERN: usize = 500;
/// The most bytes that an expression may have compiled.
pub(super) const MAX_COMPILED: usize = 256 << 10;
/// The most bytes that the expressions of a schema may have compiled, all together.
const MAX_TOGETHER: usize = 512 << 10;
/// The sizes that expressions are sorted into.
const SIZES: [usize; 4] = [1 << 10, 4 << 10, 32 << 10, MAX_COMPILED];

/// How much work each expression of a schema is, in steps for each byte of text.
pub(super) type Costs<'a> = HashMap<&'a str, u32>;

/// Checks every expression and sorts it by size. Pointers are from the document's root.
pub(super) fn check<'a>(outline: &Outline<'a>) -> Result<Costs<'a>, FieldError> {
    let mut costs = Costs::new();
    let mut together = 0;
    for (id, position) in outline.positions.iter().enumerate() {
        let pattern = position.schema.and_then(|schema| schema.get("pattern")).and_then(Value::as_str);
        let names = position.schema.and_then(|schema| schema.get("patternProperties")).and_then(Value::as_object);
        let named = names.into_iter().flat_map(|names| names.keys());
        for (name, pattern) in pattern.map(|p| (None, p)).into_iter().chain(named.map(|n| (Some(n), n.as_str()))) {
            if costs.contains_key(pattern) {
                continue;
            }
            let at = |detail: String| {
                let pointer = outline.pointer(id);
                FieldError::new(
                    match name {
                        None => format!("{pointer}/pattern"),
                        Some(name) => format!("{pointer}/patternProperties/{}", escape(name)),
                    },
                    detail,
                )
            };
            let size = size(pattern).map_err(&at)?;
            together += size;
            if together > MAX_TOGETHER {
                let detail =
                    "with this one the regular expressions of the schema are together too large (512 kB compiled)";
                return Err(at(detail.to_owned()));
            }
            // A state of the compiled expression takes about 64 bytes, and each may be visited for each byte of text.
            costs.insert(pattern, (size / 64) as u32);
        }
    }
    Ok(costs)
}

/// The smallest of [`SIZES`] that the expression fits into, as the validator compiles it. Most fit into the second.
fn size(pattern: &str) -> Result<usize, String> {
    if pattern.len() > MAX_PATTERN {
        return Err(format!("has {} bytes; a regular expression may have at most 500", pattern.len()));
    }
    let fits = |size: usize| {
        let options = PatternOptions::regex().size_limit(size);
        jsonschema::options().with_pattern_options(options).build(&json!({"pattern": pattern})).is_ok()
    };
    let [tiny, small, middle, large] = SIZES;
    let (fitting, smaller) = match fits(small) {
        true => (small, tiny),
        false if fits(large) => (large, middle),
        false => return Err(explain(pattern)),
    };
    Ok(if fits(smaller) { smaller } else { fitting })
}

/// Why an expression does not compile.
fn explain(pattern: &str) -> String {
    // Without room, only what is wrong with the syntax is found before the room is.
    match regex::RegexBuilder::new(pattern).size_limit(0).build() {
        Err(regex::Error::Syntax(report)) => {
            let reason = report.lines().last().unwrap_or_default().trim_start_matches("error: ");
            if reason.contains("look-around") || reason.contains("backreferences") {
                return format!("cannot be matched in time linear in the text, as every expression must: {reason}");
            }
            format!("is not a regular expression: {reason}")
        }
        _ => "is too large a regular expression: it may have at most 256 kB compiled; lower its repetitions".to_owned(),
    }
}
