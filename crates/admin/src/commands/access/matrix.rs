//! `admin access matrix`.

use serde_json::{Map, Value};

use super::table;

/// What each type has; actions of its own follow.
const FIRST: [&str; 4] = ["read", "create", "update", "delete"];

/// A table for each type, roles below each other; types about which all roles say the same are one table.
pub(super) fn lines(data: &Value) -> Vec<String> {
    let rows: &[Value] = data.as_array().map_or(&[], Vec::as_slice);
    let mut groups: Vec<(Vec<&str>, Vec<Vec<String>>)> = vec![];
    let types = rows.first().and_then(|row| row["types"].as_object()).into_iter().flatten();
    for (name, verbs) in types {
        let mut verbs: Vec<&String> = verbs.as_object().map(Map::keys).into_iter().flatten().collect();
        verbs.sort_by_key(|verb| FIRST.iter().position(|first| first == verb).unwrap_or(FIRST.len()));
        let mut content = vec![[String::new()].into_iter().chain(verbs.iter().map(|verb| (*verb).clone())).collect()];
        for row in rows {
            let cell = |verb: &&String| match row["types"][name][verb.as_str()].as_str() {
                Some("none") | None => "-".to_owned(),
                Some(some) => some.to_owned(),
            };
            let role = row["role"].as_str().unwrap_or_default().to_owned();
            content.push([role].into_iter().chain(verbs.iter().map(cell)).collect());
        }
        match groups.iter_mut().find(|(_, known)| *known == content) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], content)),
        }
    }
    let mut lines = vec![];
    for (names, content) in groups {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(names.join(", "));
        lines.extend(table(&content).into_iter().map(|line| format!("  {line}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_that_are_alike_share_a_table() {
        let like = json!({"archive": "some", "read": "all"});
        let none = json!({"read": "none", "archive": "none"});
        let data = json!([
            {"role": "local", "types": {"a": like, "b": {"read": "none"}, "c": like}},
            {"role": "viewer", "types": {"a": none, "b": {"read": "all"}, "c": none}},
        ]);
        let expected = [
            "a, c",
            "          read  archive",
            "  local   all   some",
            "  viewer  -     -",
            "",
            "b",
            "          read",
            "  local   -",
            "  viewer  all",
        ];
        assert_eq!(lines(&data), expected);
        assert!(lines(&json!([])).is_empty());
    }
}
