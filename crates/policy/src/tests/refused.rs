//! Policies that may not be saved, and what their authors are told.

use std::time::{Duration, Instant};

use super::*;

/// What is said of a text; empty when it is valid.
fn said(text: &str) -> Vec<String> {
    match check(&schema(), text) {
        Ok(()) => vec![],
        Err(error) => {
            assert_eq!(error.code, "validation_failed");
            assert!(error.errors.iter().all(|one| one.pointer == "/attributes/cedar"));
            error.errors.into_iter().map(|one| one.detail).collect()
        }
    }
}

/// What is said of a condition on workspaces, read by users.
fn of_condition(condition: &str) -> String {
    let scope = "permit (principal is user, action == Action::\"workspace.read\", resource) when {";
    let said = said(&format!("{scope}\n  {condition}\n}};"));
    assert_eq!(said.len(), 1, "{condition}: {said:?}");
    said[0].clone()
}

#[test]
fn what_a_list_cannot_do_is_refused_with_its_place_and_a_remedy() {
    for (condition, place, words) in [
        ("resource.version + 1 > 2", "line 2, column 3", "bring the resource's attribute alone to one side"),
        (
            "resource.created_at.offset(duration(\"1h\")) < context.time",
            "line 2, column 3",
            "compare the attribute itself",
        ),
        ("resource.name == resource.status", "line 2, column 3", "compares two attributes"),
        ("resource.labels == [\"a=1\"]", "line 2, column 3", "ask by `contains`"),
        ("resource.labels.isEmpty()", "line 2, column 3", "`has`"),
        ("[\"a=1\"].containsAll(resource.labels)", "line 2, column 3", "containsAny"),
        ("[resource.name].contains(\"a\")", "line 2, column 3", "joined by `||`"),
        ("(if resource.version > 1 then \"a\" else \"b\") == \"a\"", "line 2, column 4", "if c then a == 1"),
        ("[context.time].contains(resource.created_at)", "line 2, column 3", "a time cannot be looked up"),
        ("principal in Resource::\"res_x\"", "line 2, column 3", "put the principal into a group"),
        (
            "principal.attributes has boss && principal.attributes.boss.name == \"a\"",
            "line 2, column 36",
            "into the principal's facts",
        ),
        ("user::\"usr_x\" in group::\"finance\"", "line 2, column 3", "ask `principal in"),
        (
            "principal in (if context.auth.age > 1 then role::\"a\" else role::\"b\")",
            "line 2, column 3",
            "name the groups or roles",
        ),
    ] {
        let said = of_condition(condition);
        assert!(said.starts_with(&format!("{place}: ")) && said.contains(words), "{condition}: {said}");
    }
}

#[test]
fn what_cedar_refuses_is_told_with_its_advice() {
    for (condition, words) in [
        ("resource.attributes.regoin == \"eu\"", "did you mean `region`?"),
        ("resource.attributes.seats > 1", "with `resource.attributes has seats && ..`"),
        ("resource.attributes has price && resource.attributes.price > 1", "never applies"),
        ("resource.attributes.price > 1", "use an integer"),
        ("resource.version == \"a\"", "where the principal is a user and the resource a workspace"),
        ("resource.labels.contains(1)", "line 2, column 3"),
        ("resource is device", "never applies"),
        ("false", "never applies"),
        ("\"a\" == resource.version", "not compatible; both operands"),
        ("resource == nothing::\"a\"", "there is no type `nothing`"),
        ("action == Action::\"workspace.explode\"", "there is no action `workspace.explode`"),
        ("resource.name like \"*a*b*c*d*e*f*g*h*i\"", "at most 8"),
    ] {
        let said = of_condition(condition);
        assert!(said.contains(words), "{condition}: {said}");
    }
    assert!(said("permit (principal, action, resource)")[0].starts_with("line 1, column "), "no semicolon");
    assert!(said("permit (principal == ?principal, action, resource);")[0].contains("slots"));
    let group = said("permit (principal, action == Action::\"resource.read\", resource);");
    assert!(group[0].contains("write `action in Action::\"resource.read\"`"), "{group:?}");
    assert!(said(" // nothing\n")[0].contains("has no statement"));
    assert_eq!(said("permit (principal, action, resource);"), Vec::<String>::new());
}

#[test]
fn every_statement_is_looked_at() {
    let text = "permit (principal, action, resource);\n\npermit (principal, action == Action::\"x.read\", resource);\npermit \
                (principal, action == Action::\"workspace.read\", resource is device);";
    let said = said(text);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].starts_with("line 3, column ") && said[1].starts_with("line 4, column 1: never applies"),
        "{said:?}"
    );
}

#[test]
fn field_rules_are_forbids_of_fields_that_there_are() {
    let with = |annotations: &str, effect: &str, action: &str| {
        said(&format!("{annotations}\n{effect} (principal, action == Action::\"{action}\", resource);"))
    };
    let salary = "@fields(\"attributes.salary, labels\")";
    assert_eq!(with(salary, "forbid", "workspace.read"), Vec::<String>::new());
    assert_eq!(
        with(&format!("{salary} @show(\"masked\") @id(\"a\")"), "forbid", "workspace.create"),
        Vec::<String>::new()
    );
    for (annotations, effect, action, words) in [
        (salary, "permit", "workspace.read", "only on a `forbid`"),
        ("@show(\"null\")", "forbid", "workspace.read", "nothing without `@fields`"),
        ("@fields(\"attributes.salary\") @show(\"blue\")", "forbid", "workspace.read", "must be \"hidden\""),
        ("@fields(\"name\")", "forbid", "workspace.read", "is no field"),
        ("@fields", "forbid", "workspace.read", "is no field"),
        ("@field(\"attributes.salary\")", "forbid", "workspace.read", "write `@fields`"),
        ("@fields(\"attributes.nope\")", "forbid", "workspace.read", "has the field `attributes.nope`"),
        ("@fields(\"attributes.region\")", "forbid", "workspace.create", "without `attributes.region`"),
        (salary, "forbid", "workspace.delete", "only `read`, `create` and `update` are of fields"),
    ] {
        let said = with(annotations, effect, action);
        assert!(said.len() == 1 && said[0].contains(words), "{annotations}: {said:?}");
    }
}

#[test]
fn bounds_hold() {
    let when = |condition: &str| {
        said(&format!(
            "permit (principal is user, action == Action::\"workspace.read\", resource) when {{ {condition} }};"
        ))
    };
    let one = "permit (principal, action, resource);";
    assert!(said(&one.repeat(51))[0].contains("51 statements"));
    assert_eq!(said(&one.repeat(50)), Vec::<String>::new());
    assert!(when(&format!("[{}].contains(resource.name)", vec!["\"a\""; 201].join(",")))[0].contains("201 elements"));
    assert!(said(&format!("{one}{}", " ".repeat(16 << 10)))[0].contains("bytes"));
    assert!(when(&format!("{}true{}", "(".repeat(60), ")".repeat(60)))[0].contains("nests"));
    let long = vec!["resource.name == \"a\""; 140].join(" || ");
    assert_eq!(when(&long), Vec::<String>::new());
    let hop = "resource.attributes.owner";
    let boss = |times: usize| format!("{hop}{}", ".attributes.boss".repeat(times));
    let guarded = |times: usize| {
        let guards: Vec<String> = (0..times).map(|n| format!("{}.attributes has boss", boss(n))).collect();
        format!("resource.attributes has owner && {} && {}.name == \"a\"", guards.join(" && "), boss(times))
    };
    assert_eq!(when(&guarded(3)), Vec::<String>::new());
    assert!(when(&guarded(4))[0].contains("more than 4 references"));
}

/// Each side may fail, so that every level needs the one below twice.
#[test]
fn what_would_grow_beyond_measure_is_refused() {
    let fails = "resource.attributes.owner.attributes.email == \"a\"";
    let mut condition = fails.to_owned();
    for level in 0..24 {
        condition = format!("({condition} {} {fails})", if level % 2 == 0 { "||" } else { "&&" });
    }
    let guards = "resource.attributes has owner && resource.attributes.owner.attributes has email";
    let said = of_condition(&format!("{guards} && {condition}"));
    assert!(said.contains("more than 2000 parts"), "{said}");
    let nested =
        (0..24).fold("resource.name == \"a\"".to_owned(), |inner, _| format!("(if {inner} then {fails} else true)"));
    assert!(of_condition(&format!("{guards} && {nested}")).contains("more than 2000 parts"));
}

#[test]
fn hostile_texts_cost_little() {
    let fill = |unit: &str| unit.repeat((16 << 10) / unit.len());
    let schema = schema();
    for text in [
        fill("("),
        fill("["),
        fill("!"),
        fill("-"),
        fill("a."),
        fill("a&&"),
        fill("if a then "),
        fill("permit("),
        fill("\""),
        fill("x::"),
        fill("@a(\"b\")"),
        fill("{\"a\":"),
        fill("\\"),
        fill("//"),
        fill("\u{202e}"),
        fill("permit(principal,action,resource);"),
        format!(
            "permit(principal,action,resource) when {{ {} true }};",
            fill("q::\"a\" == q::\"a\" && ").get(..2000).unwrap_or_default()
        ),
        format!("permit(principal,action,resource) when {{ [{}1].contains(1) }};", "1,".repeat(7000)),
        format!("permit(principal,action,resource) when {{ resource.name like \"{}\" }};", "*a".repeat(7000)),
        "permit(principal,action,resource) when { resource.nope == 1 };".repeat(50),
    ] {
        let began = Instant::now();
        assert!(check(&schema, &text).is_err(), "{}", &text[..40.min(text.len())]);
        let spent = began.elapsed();
        assert!(spent < Duration::from_secs(30), "{spent:?} for {}", text.chars().take(40).collect::<String>());
    }
}
