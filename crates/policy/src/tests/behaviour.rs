//! Rules as a whole: who is meant, which fields, what no longer holds, and why not.

use super::*;

const READ: &str = "action == Action::\"workspace.read\", resource";

fn explain(texts: &[&str], resource: &Resource) -> Vec<Candidate> {
    policies(texts).reasons(&ada(), "read", resource, &NoRelated, &context())
}

#[test]
fn permits_add_up_and_forbids_take_away() {
    let active = format!("permit (principal, {READ}) when {{ resource.status == \"active\" }};");
    let eu = format!("permit (principal, {READ}) when {{ resource.attributes.region == \"eu\" }};");
    let not = format!("forbid (principal, {READ}) when {{ resource.name == \"secret\" }};");
    let rule = rule(&[&active, &eu, &not, &active], "read", "workspace");
    assert_eq!(rule.rows.canonical(), "(status = \"active\" OR attributes.region = \"eu\") AND NOT name = \"secret\"");
    assert_eq!(super::rule(&[&not], "read", "workspace").rows, admin_schema::Filter::False);
    let all = "permit (principal, action, resource);";
    assert_eq!(super::rule(&[all], "archive", "workspace").rows, admin_schema::Filter::True);
    assert_eq!(super::rule(&[all], "explode", "workspace").rows, admin_schema::Filter::False);
    assert_eq!(super::rule(&[all], "read", "nothing").rows, admin_schema::Filter::False);
}

#[test]
fn scopes_mean_who_they_name() {
    for (scope, rows) in [
        ("principal in role::\"reader\"", "true"),
        ("principal in role::\"editor\"", "BELOW res_01jh8x5n9bfqv8xk3c6m7t2d41"),
        ("principal in role::\"owner\"", "false"),
        ("principal in group::\"office\"", "true"),
        ("principal in group::\"board\"", "false"),
        ("principal == user::\"usr_01jh8x5n9bfqv8xk3c6m7t2d4e\"", "true"),
        ("principal == user::\"usr_01jh8x5n9bfqv8xk3c6m7t2d4f\"", "false"),
        ("principal is user in role::\"reader\"", "true"),
        ("principal is client", "false"),
    ] {
        assert_eq!(
            rule(&[&format!("permit ({scope}, {READ});")], "read", "workspace").rows.canonical(),
            rows,
            "{scope}"
        );
    }
    let text = "permit (principal, action in Action::\"resource.read\", resource in Resource::\"res_01jh8x5n9bfqv8xk3c6m7t2d41\");";
    assert_eq!(rule(&[text], "read", "device").rows.canonical(), "BELOW res_01jh8x5n9bfqv8xk3c6m7t2d41");
    let mut nobody = ada();
    nobody.principal.type_name = "workspace".to_owned();
    assert_eq!(
        policies(&["permit (principal, action, resource);"]).rule(&nobody, "read", "workspace", &context()).rows,
        admin_schema::Filter::False
    );
}

#[test]
fn a_rule_that_looked_at_the_context_holds_once() {
    let text = format!("permit (principal in role::\"reader\", {READ}) when {{ context.auth.age < 100 }};");
    assert!(rule(&[&text], "read", "workspace").volatile);
    let other = format!("permit (principal in role::\"owner\", {READ}) when {{ context.auth.age < 100 }};");
    assert!(!rule(&[&other], "read", "workspace").volatile, "this is about others");
}

#[test]
fn field_rules_keep_fields_back_and_rows_as_they_are() {
    let all = "permit (principal, action, resource);";
    let rule_text = "@fields(\"attributes.salary, attributes.bank.iban, attributes.serial\") @show(\"masked\")
        forbid (principal, action in [Action::\"resource.read\", Action::\"resource.delete\"], resource)
        when { resource.status == \"archived\" };";
    let of = rule(&[all, rule_text], "read", "workspace");
    assert_eq!(of.rows, admin_schema::Filter::True);
    let [field_rule] = of.fields.as_slice() else { panic!("{:?}", of.fields) };
    let paths: Vec<String> = field_rule.fields.iter().map(|path| path.join(".")).collect();
    assert_eq!(paths, ["attributes.salary", "attributes.bank.iban", "attributes.serial"], "it may have a serial");
    assert_eq!((field_rule.show, field_rule.rows.canonical().as_str()), (Show::Masked, "status = \"archived\""));
    assert_eq!(rule(&[all, rule_text], "delete", "workspace").fields, []);
    assert_eq!(rule(&[all, rule_text], "read", "role").fields, [], "it may have none of these");
    let here = resource("workspace", EU, json!({"region": "eu"}));
    assert!(policies(&[all, rule_text]).evaluate(&ada(), "read", &here, &NoRelated, &context()).allowed);
}

#[test]
fn what_is_no_longer_valid_errs_on_the_safe_side() {
    let all = "permit (principal, action, resource);";
    let here = resource("workspace", EU, json!({"region": "eu"}));
    for (broken, allowed, elsewhere) in [
        ("permit (principal, action == Action::\"workspace.read\", resource) when { resource.nope };", true, true),
        ("forbid (principal, action == Action::\"workspace.read\", resource) when { resource.nope };", false, true),
        ("forbid (principal, action == Action::\"gone.read\", resource is gone);", true, true),
        ("forbid (principal, action in Action::\"resource.read\", resource) when { resource is gone };", false, false),
        ("permit (", true, true),
        ("forbid (", false, false),
    ] {
        let policies = policies(&[all, broken]);
        let rule = policies.rule(&ada(), "read", "workspace", &context());
        assert_eq!(rule.rows == admin_schema::Filter::True, allowed, "{broken}");
        assert_eq!(policies.evaluate(&ada(), "read", &here, &NoRelated, &context()).allowed, allowed, "{broken}");
        let rule = policies.rule(&ada(), "read", "device", &context());
        assert_eq!(rule.rows == admin_schema::Filter::True, elsewhere, "{broken}");
    }
}

#[test]
fn reasons_begin_with_what_lacks_least() {
    let texts = [
        format!("permit (principal in role::\"owner\", {READ})\n  when {{ resource.status == \"open\" }};"),
        format!(
            "permit (principal, {READ})\nwhen {{ resource.status == \"active\" &&\n  resource.attributes.region == \"us\" }};"
        ),
    ];
    let here = resource("workspace", EU, json!({"region": "eu"}));
    let told = explain(&[&texts[0], &texts[1]], &here);
    let failing: Vec<(&str, Vec<(&str, usize)>)> = told
        .iter()
        .map(|one| {
            (
                one.policy.as_str(),
                one.failing.iter().map(|condition| (condition.text.as_str(), condition.line)).collect(),
            )
        })
        .collect();
    assert_eq!(
        failing,
        [
            ("pol_1", vec![("resource.attributes.region == \"us\"", 3)]),
            ("pol_0", vec![("principal in role::\"owner\"", 1), ("resource.status == \"open\"", 2)]),
        ]
    );
    let satisfied = explain(&[&format!("forbid (principal, {READ});")], &here);
    assert_eq!((satisfied[0].effect, satisfied[0].failing.len(), satisfied[0].statement), (Effect::Forbid, 0, 1));
}

#[test]
fn errors_are_told_by_the_policy_that_failed() {
    let text = format!("permit (principal, {READ}) when {{ principal.version + 9223372036854775807 > 0 }};");
    let here = resource("workspace", EU, json!({"region": "eu"}));
    let decision = policies(&[&text]).evaluate(&ada(), "read", &here, &NoRelated, &context());
    assert!(!decision.allowed && decision.errors[0].contains("pol_0, statement 1"), "{decision:?}");
}

/// As deep as a text may be, on the small stack that a test has.
#[test]
fn the_deepest_text_fits_on_the_stack() {
    let chain = |part: &str| vec![part; 140].join(" || ");
    let nested = |part: &str| {
        (0..45).fold(part.to_owned(), |inner, _| {
            format!("(({part} && {inner}) || {part})").replacen("((", "(", 1).replacen(") ||", " ||", 1)
        })
    };
    let here = resource("workspace", EU, json!({"region": "eu"}));
    let conditions = [
        chain("resource.version == 9"),
        chain("principal.version == 9"),
        chain("(principal.version == 9)").replace("||", "+ 1 == 2 ||"),
        format!("principal.version{} == 2", " + 1".repeat(140)),
        format!("{}resource.version == 9{}", "!(".repeat(45), ")".repeat(45)),
        format!("{}principal.version == 9{}", "if true then (".repeat(45), ") else false".repeat(45)),
        nested("resource.version == 9"),
        nested("principal.version == 9"),
    ];
    for condition in conditions {
        let text = format!("permit (principal, {READ}) when {{ {condition} }};");
        if let Err(error) = check(&schema(), &text) {
            assert!(!error.detail.contains("too deep"), "{error:?}");
        }
        let policies = policies(&[&text]);
        let rule = policies.rule(&ada(), "read", "workspace", &context());
        let decision = policies.evaluate(&ada(), "read", &here, &NoRelated, &context());
        assert_eq!(rule.rows.matches(&here, &NoRelated), decision.allowed, "{condition}");
        assert!(decision.errors.is_empty(), "{decision:?}");
    }
}

/// A group that is disabled, or about to change, is not what the directory says of it.
#[test]
fn a_group_that_is_named_and_is_the_resource_is_in_what_it_says() {
    let group = |name: &str, attributes: Value| Resource {
        name: name.to_owned(),
        ..resource("group", "res_01jh8x5n9bfqv8xk3c6m7t2d42", attributes)
    };
    let unknown = group("drafts", json!({"groups": ["office"]}));
    let leaving = group("finance", json!({}));
    let stripped = group("office", json!({"roles": []}));
    let other = group("others", json!({}));
    for (condition, [of_unknown, of_leaving, of_stripped, of_other]) in [
        ("group::\"drafts\" in group::\"office\"", [true, false, false, false]),
        ("group::\"finance\" in group::\"office\"", [true, false, true, true]),
        ("group::\"finance\" in role::\"guest\"", [true, false, true, true]),
        ("!(group::\"finance\" in group::\"office\") && principal.facts has region", [false, true, false, false]),
        ("resource in role::\"guest\"", [true, false, false, false]),
        ("resource in group::\"office\"", [true, false, true, false]),
    ] {
        let text = format!("permit (principal, action == Action::\"group.read\", resource) when {{ {condition} }};");
        let rows = rule(&[&text], "read", "group").rows;
        let expected = [(&unknown, of_unknown), (&leaving, of_leaving), (&stripped, of_stripped), (&other, of_other)];
        for (resource, is) in expected {
            let decision = policies(&[&text]).evaluate(&ada(), "read", resource, &NoRelated, &context());
            assert_eq!((rows.matches(resource, &NoRelated), decision.allowed), (is, is), "{condition}: {resource:?}");
        }
    }
}
