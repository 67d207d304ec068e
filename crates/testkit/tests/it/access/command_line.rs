//! `admin access`: the same answers, for people and for programs.

use std::fs;

use admin_testkit::Backend;

use super::*;

/// Runs a command that must fail; what it says.
#[track_caller]
fn fails(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let output = sandbox.try_cli(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(1), true), "{said}");
    assert!(said.starts_with("admin: "), "{said}");
    said
}

fn json_of(printed: &str) -> Value {
    assert_eq!(printed.lines().count(), 1, "{printed}");
    serde_json::from_str(printed).expect("JSON")
}

/// Workspaces in two regions, and Ada, who may read and update those in the one.
async fn ada(sandbox: &Sandbox) -> (String, String, String, Client) {
    let (eu, us) = workspaces(sandbox).await;
    declare_facts(sandbox, json!({"region": {"type": "string"}})).await;
    add(sandbox, "role", "local", json!({})).await;
    policy(sandbox, "eu-editors", EU_EDITORS).await;
    let (id, ada) = user(sandbox, "ada", json!({"roles": ["local"], "facts": {"region": "eu"}})).await;
    (eu, us, id, ada)
}

#[tokio::test]
async fn a_decision_is_explained_to_people() {
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    let (eu, us, id, ada) = ada(&sandbox).await;
    let explain = |arguments: &[&str]| sandbox.cli(&[&["access", "explain"], arguments].concat());
    let denied = explain(&["--principal", &id, "update", &us]);
    assert_eq!(denied.lines().next(), Some(&*format!("deny  {id} may not workspace.update {us}")));
    for part in [
        "\nWould permit it\n  permit  eu-editors (pol_",
        "), statement 1\n          line 2: resource.attributes.region == principal.facts.region does not hold\n",
        "\nFacts\n  roles   local\n  groups  none\n  facts   {\"region\":\"eu\"}\n",
        "\nNearest change\n  statement 1 of the policy `eu-editors` (pol_",
    ] {
        assert!(denied.contains(part), "{part:?} is not in: {denied}");
    }
    assert!(!denied.contains("Decided by"), "nothing did: {denied}");
    let allowed = explain(&["--principal", &id, "workspace.read", &eu]);
    assert!(allowed.starts_with(&format!("allow  {id} may workspace.read {eu}\n\nDecided by\n  permit  eu-editors (")));
    let role = explain(&["--principal", &id, "delete", &eu]);
    assert!(role.ends_with("would permit it if the principal had the role `editor`.\n"), "{role}");

    // As JSON it is what the API says; without a principal it is about whoever asks.
    let question = json!({"principal": id, "action": "update", "resource": us});
    let answer = sandbox.post_json("/v3/access/explain", &question).await.1;
    assert_eq!(json_of(&explain(&["--json", "--principal", &id, "update", &us])), answer["data"]);
    let token = ada.token.as_deref().expect("a token");
    let own = explain(&["delete", &eu, "--token", token, "--url", &sandbox.base_url]);
    assert!(own.starts_with(&format!("deny  {id} may not workspace.delete {eu}\n")), "{own}");
    assert!(own.contains("is told to those who may read policies") && !own.contains("eu-editors"), "{own}");

    // What is no question fails.
    assert!(fails(&sandbox, &["access", "explain", "fly", &us]).contains("/action"));
    let absent = "res_01h455vb4pex5vsknk084sn02q";
    assert!(fails(&sandbox, &["access", "explain", "read", absent]).contains("there is no resource"));
    let about_bob = ["access", "explain", "--token", token, "--principal", absent, "read", &eu];
    assert!(fails(&sandbox, &about_bob).contains("403"));
    assert!(fails(&sandbox, &["access", "matrix", "--token", token]).contains("may read policies"));
    let nowhere = ["access", "matrix", "--url", "127.0.0.1:1", "--token", "x"];
    assert!(fails(&sandbox, &nowhere).contains("is the server running?"));

    // What somebody wrote does not command the terminal.
    let text = "permit (principal, action == Action::\"workspace.delete\", resource) when { resource.name == \"\u{1b}[31m\" };";
    policy(&sandbox, "red", text).await;
    let red = explain(&["--principal", &id, "delete", &eu]);
    assert!(red.contains("\u{fffd}[31m") && !red.contains('\u{1b}'), "{red:?}");
}

#[tokio::test]
async fn roles_and_refusals_are_tables() {
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    let (eu, us, id, ada) = ada(&sandbox).await;
    let matrix = sandbox.cli(&["access", "matrix"]);
    let part = matrix.split("\n\n").find(|part| part.starts_with("workspace\n")).expect("a table of workspaces");
    let rows: Vec<Vec<&str>> = part.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["read", "create", "update", "delete"], "{matrix}");
    for row in [["viewer", "all", "-", "-", "-"], ["local", "-", "-", "-", "-"], ["editor", "all", "all", "all", "all"]]
    {
        assert!(rows.contains(&row.to_vec()), "{row:?} is not in: {matrix}");
    }
    assert!(matrix.contains("\ngroup, role, type\n"), "those that are alike share a table: {matrix}");
    assert_eq!(
        json_of(&sandbox.cli(&["access", "matrix", "--json"])),
        get(&sandbox, "/v3/access/matrix").await["data"]
    );

    assert_eq!(sandbox.cli(&["access", "decisions"]), "Nothing is recorded.\n");
    refused(&ada.delete_json(&path(&eu)).await, 403, "forbidden");
    refused(&ada.get_json(&path(&us)).await, 404, "not_found");
    let decisions = eventually("the record", async || {
        let printed = sandbox.cli(&["access", "decisions"]);
        (printed.lines().count() == 2).then_some(printed)
    })
    .await;
    let rows: Vec<Vec<&str>> = decisions.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][1..5], ["deny", &id, "workspace.read", &us], "the newest first: {decisions}");
    assert_eq!(rows[1][1..5], ["deny", &id, "workspace.delete", &eu], "{decisions}");
    // A draft can be tried on them.
    let draft = sandbox.data_dir.join("eu-editors.cedar");
    fs::write(&draft, EU_EDITORS.replace("== principal.facts.region", "== \"us\"")).expect("a file");
    let said = sandbox.cli(&["access", "simulate", &draft.display().to_string(), "--recorded", "10"]);
    assert!(said.starts_with("1 gained, 0 lost, of 2 decisions about 1 principals."), "{said}");
    let newest = json_of(&sandbox.cli(&["access", "decisions", "--limit", "1", "--json"]));
    assert_eq!((newest.as_array().map(Vec::len), &newest[0]["action"]), (Some(1), &json!("workspace.read")));
}

#[tokio::test]
async fn a_draft_is_tried_from_files() {
    let sandbox = Sandbox::start_on(Backend::Sqlite).await;
    let (eu, us, id, _) = ada(&sandbox).await;
    let before = last_seq(&sandbox).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let all = r#"permit (principal in role::"local", action == Action::"workspace.read", resource);"#;
    let draft = file("eu-editors.cedar", all);
    let said = sandbox.cli(&["access", "simulate", &draft]);
    assert!(said.starts_with("1 gained, 1 lost, of "), "{said}");
    assert!(said.contains(&format!("\nworkspace.read  +1  -0\n  + {id} on {us}\n")), "{said}");
    assert!(said.contains(&format!("\nworkspace.update  +0  -1\n  - {id} on {eu}\n")), "{said}");
    let found = json_of(&sandbox.cli(&["access", "simulate", &draft, "--json"]));
    assert_eq!((&found["gains"], &found["losses"], &found["complete"]), (&json!(1), &json!(1), &json!(true)));

    let policies = get(&sandbox, "/v3/policies?filter=name%20%3D%20%22eu-editors%22").await;
    let without = sandbox.cli(&["access", "simulate", "--without", &id_of(&policies)]);
    assert!(without.starts_with("0 gained, 2 lost, of "), "{without}");
    let same = file("more.cedar", all);
    let nothing = sandbox.cli(&["access", "simulate", &file("eu-editors.txt", EU_EDITORS)]);
    assert!(nothing.starts_with("Nothing would change: "), "{nothing}");
    assert_eq!(last_seq(&sandbox).await, before, "nothing is written");

    // A mistake is told of its file.
    let wrong = file("wrong.cedar", "permit (principal, action,\nresource) when { resource.nam == 1 };");
    let said = fails(&sandbox, &["access", "simulate", &same, &wrong]);
    assert!(said.contains(&format!("{wrong}: ")) && said.contains("nam"), "{said}");
    let many = "permit (principal, action, resource) when { resource.nam == 1 };\npermit (principal, action, resource) when { resource.mane == 1 };";
    let said = fails(&sandbox, &["access", "simulate", &file("many.cedar", many)]);
    assert!(said.contains("nam") && said.contains("mane"), "{said}");
    let missing = folder.path().join("none.cedar").display().to_string();
    assert!(fails(&sandbox, &["access", "simulate", &missing]).contains(&format!("cannot read {missing}")));
    let twice = file("eu-editors.cedar2", all);
    assert!(fails(&sandbox, &["access", "simulate", &draft, &twice]).contains("two files are named eu-editors"));
}

fn id_of(page: &Value) -> String {
    id(&page["data"][0])
}
