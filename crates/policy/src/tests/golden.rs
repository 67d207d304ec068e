//! Policies and the filters that they become for Ada, who reads workspaces.

use super::*;

/// The rows that `permit (…) when { condition }` lets Ada read, for a type.
fn rows_of(type_name: &str, condition: &str) -> String {
    let scope = format!("permit (principal is user, action == Action::\"{type_name}.read\", resource)");
    rule(&[&format!("{scope} when {{ {condition} }};")], "read", type_name).rows.canonical()
}

#[test]
fn conditions_become_filters() {
    let cases = include_str!("golden.txt");
    let mut out = String::new();
    for block in cases.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let mut lines = block.trim().lines();
        let head = lines.next().unwrap_or_default();
        let (type_name, condition) = head.split_once(": ").expect(head);
        out.push_str(&format!("{head}\n    {}\n\n", rows_of(type_name, condition)));
    }
    assert_eq!(out.trim(), cases.trim(), "got:\n{out}");
}
