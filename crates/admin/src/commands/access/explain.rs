//! `admin access explain`.

use admin_types::ResourceId;
use serde_json::{Value, json};

use super::{items, text};

/// The most statements that are printed of each kind.
const SHOWN: usize = 5;

pub(super) fn question(action: &str, resource: ResourceId, principal: Option<ResourceId>) -> Value {
    let mut question = json!({"action": action, "resource": resource});
    if let Some(principal) = principal {
        question["principal"] = json!(principal);
    }
    question
}

/// The decision, what decided, what is missing, what the principal is known to be, and the nearest change.
pub(super) fn lines(data: &Value) -> Vec<String> {
    let may = if data["decision"] == "allow" { "may" } else { "may not" };
    let decision = format!(
        "{}  {} {may} {} {}",
        text(data, "decision"),
        text(data, "principal"),
        text(data, "action"),
        text(data, "resource")
    );
    let mut lines = vec![decision];
    let mut section = |title: &str, content: Vec<String>| {
        if !content.is_empty() {
            lines.extend([String::new(), title.to_owned()]);
            lines.extend(content.into_iter().map(|line| format!("  {line}")));
        }
    };
    section("Decided by", statements(data, "determining"));
    section(
        if data["decision"] == "allow" { "Would forbid it" } else { "Would permit it" },
        statements(data, "missing"),
    );
    section("Facts", facts(&data["facts"]));
    let nearest = data["nearest"].as_str().map(|nearest| nearest.trim_end_matches('.'));
    section("Nearest change", nearest.map(|nearest| format!("{nearest}.")).into_iter().collect());
    section("Failed, and did not count", texts(data, "errors").into_iter().map(one_line).collect());
    if data.get("determining").is_none() {
        section("Note", vec!["which policies decided is told to those who may read policies.".to_owned()]);
    }
    lines
}

/// Each statement, and below it what does not hold.
fn statements(data: &Value, name: &str) -> Vec<String> {
    let mut lines = vec![];
    let all = items(data, name);
    for one in all.iter().take(SHOWN) {
        let (effect, policy) = (text(one, "effect"), text(one, "policy"));
        lines.push(format!("{effect}  {} ({policy}), statement {}", text(one, "name"), one["statement"]));
        for condition in items(one, "failing") {
            lines.push(format!(
                "        line {}: {} does not hold",
                condition["line"],
                one_line(text(condition, "text"))
            ));
        }
    }
    if all.len() > SHOWN {
        lines.push(format!("and {} more; --json shows them", all.len() - SHOWN));
    }
    lines
}

fn facts(facts: &Value) -> Vec<String> {
    let list = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let mut lines =
        vec![format!("roles   {}", list(texts(facts, "roles"))), format!("groups  {}", list(texts(facts, "groups")))];
    for (role, within) in facts["scoped"].as_object().into_iter().flatten() {
        let within: Vec<&str> = within.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        lines.push(format!("within  {}: {role}", list(within)));
    }
    if facts["facts"].as_object().is_some_and(|facts| !facts.is_empty()) {
        lines.push(format!("facts   {}", facts["facts"]));
    }
    lines
}

fn texts<'v>(of: &'v Value, name: &str) -> Vec<&'v str> {
    items(of, name).iter().filter_map(Value::as_str).collect()
}

/// A condition may go over several lines of its policy.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
