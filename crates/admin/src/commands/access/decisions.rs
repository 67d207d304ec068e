//! `admin access decisions`.

use serde_json::Value;

use super::{table, text};

/// A line for each: when, what was decided, who, what, on what, in which request.
pub(super) fn lines(data: &Value) -> Vec<String> {
    let all: &[Value] = data.as_array().map_or(&[], Vec::as_slice);
    if all.is_empty() {
        return vec!["Nothing is recorded.".to_owned()];
    }
    let row = |one: &Value| {
        let resource = one["resource"].as_str().unwrap_or("(new)");
        let principal = text(&one["principal"], "id");
        [text(one, "at"), text(one, "decision"), principal, text(one, "action"), resource, text(one, "request_id")]
            .map(str::to_owned)
            .to_vec()
    };
    table(&all.iter().map(row).collect::<Vec<_>>())
}
