//! A person at a terminal: let in by a browser, known afterwards, and out again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Output};

use super::*;

/// Runs `admin login` until it shows the page to open; the path of that page.
fn begin(sandbox: &Sandbox, more: &[&str]) -> (Child, String) {
    let mut child = sandbox.spawn_cli(&[&["login", &sandbox.base_url], more].concat());
    let stdout = child.stdout.as_mut().expect("its output");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let path = line.trim().strip_prefix(&sandbox.base_url).unwrap_or_else(|| panic!("a page of the server: {line}"));
    (child, path.to_owned())
}

/// What the person says on the page.
async fn decide(browser: &Browser, page: &str, decision: &str) -> Seen {
    let code = page.split_once("user_code=").expect("the code").1;
    assert!(browser.get(page).await.text.contains(code), "the page shows the code, to be compared");
    browser.submit("/device", &[("user_code", code), ("decision", decision)]).await
}

fn said_by(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Signs in, as the person of the browser.
async fn login(sandbox: &Sandbox, browser: &Browser, more: &[&str]) {
    let (child, page) = begin(sandbox, more);
    let seen = decide(browser, &page, "allow").await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success(), "{}", said_by(&output));
}

/// The profile as it is kept.
fn kept(sandbox: &Sandbox) -> Value {
    let text = fs::read(sandbox.config_dir().join("admin/credentials.json")).expect("the profiles");
    serde_json::from_slice(&text).expect("JSON")
}

/// Makes the access token look as if it had ended.
fn age(sandbox: &Sandbox) {
    let mut profiles = kept(sandbox);
    profiles["profiles"]["default"]["expires_at"] = json!(0);
    fs::write(sandbox.config_dir().join("admin/credentials.json"), profiles.to_string()).expect("written");
}

story!(a_person_signs_in_at_a_terminal, async |sandbox: &Sandbox| {
    let browser = owner(sandbox).await;
    let out = sandbox.try_cli(&["whoami"]);
    assert!(!out.status.success() && said_by(&out).contains("admin login"), "{}", said_by(&out));
    login(sandbox, &browser, &[]).await;
    let who = sandbox.cli(&["whoami"]);
    assert!(who.contains("usr_") && who.contains("org_") && who.contains(&sandbox.base_url), "{who}");
    let file = sandbox.config_dir().join("admin/credentials.json");
    assert_eq!(fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(file.parent().expect("a folder")).expect("the folder").permissions().mode() & 0o777, 0o700);
    // Other commands act as that person.
    define(sandbox, "thing", json!({})).await;
    add(sandbox, "thing", "a", json!({})).await;
    assert_eq!(sandbox.cli(&["export", "--profile", "default"]).lines().count(), 1);
    let made = sandbox.cli(&["api-key", "create", "mine", "--profile", "default"]);
    let mine = sandbox.with_token(made.trim());
    assert_eq!(total(&mine, "/v3/events?type=user.key_created").await, 1);
    // Signing out ends what was granted, here and there.
    let token = kept(sandbox)["profiles"]["default"]["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(status_with(sandbox, &json!(token)).await, 200);
    sandbox.cli(&["logout"]);
    assert_eq!(kept(sandbox), json!({"profiles": {}}));
    assert_eq!(status_with(sandbox, &json!(token)).await, 401);
    assert!(!sandbox.try_cli(&["export", "--profile", "default"]).status.success());
});

story!(a_profile_is_refreshed_silently_also_by_two_at_once, async |sandbox: &Sandbox| {
    let browser = owner(sandbox).await;
    login(sandbox, &browser, &[]).await;
    let before = kept(sandbox);
    age(sandbox);
    let both = [sandbox.spawn_cli(&["whoami"]), sandbox.spawn_cli(&["whoami"])];
    for child in both {
        let output = child.wait_with_output().expect("its end");
        assert!(output.status.success(), "{}", said_by(&output));
    }
    let after = kept(sandbox);
    for changed in ["access_token", "refresh_token"] {
        assert_ne!(before["profiles"]["default"][changed], after["profiles"]["default"][changed]);
    }
    // A sign-in that has ended says what to do.
    sandbox.cli(&["logout"]);
    fs::write(sandbox.config_dir().join("admin/credentials.json"), after.to_string()).expect("written");
    age(sandbox);
    let out = sandbox.try_cli(&["whoami"]);
    assert!(!out.status.success() && said_by(&out).contains("run `admin login"), "{}", said_by(&out));
});

story!(a_person_who_does_not_agree_signs_nobody_in, async |sandbox: &Sandbox| {
    let browser = owner(sandbox).await;
    let (child, page) = begin(sandbox, &["--profile", "work"]);
    decide(&browser, &page, "deny").await;
    let output = child.wait_with_output().expect("its end");
    assert!(!output.status.success() && said_by(&output).contains("did not agree"), "{}", said_by(&output));
    assert!(!sandbox.config_dir().join("admin/credentials.json").exists());
    // A name that is no file's, and an address that is none of Admin's.
    assert!(!sandbox.try_cli(&["login", &sandbox.base_url, "--profile", "../x"]).status.success());
    let out = sandbox.try_cli(&["login", "127.0.0.1:1"]);
    assert!(!out.status.success() && said_by(&out).contains("cannot reach http://127.0.0.1:1"), "{}", said_by(&out));
});

story!(a_person_acts_in_one_org_at_a_time, async |sandbox: &Sandbox| {
    let browser = owner(sandbox).await;
    login(sandbox, &browser, &[]).await;
    let token = kept(sandbox)["profiles"]["default"]["access_token"].as_str().expect("a token").to_owned();
    let person = sandbox.with_token(&token);
    let (status, made) = person.post_json("/v3/orgs", &json!({"name": "Second"})).await;
    assert_eq!(status, 201, "{made}");
    let second = made["data"]["id"].as_str().expect("an id").to_owned();
    define(&person, "thing", json!({})).await;
    let listed = sandbox.cli(&["orgs"]);
    assert!(listed.contains(&format!("  {second}  Second")) && listed.starts_with("* org_"), "{listed}");
    let said = sandbox.cli(&["orgs", "switch", "Second"]);
    assert!(said.contains(&format!("Second ({second})")), "{said}");
    let there = kept(sandbox)["profiles"]["default"]["access_token"].as_str().expect("a token").to_owned();
    refused(&sandbox.with_token(&there).get_json("/v3/things").await, 404, "unknown_path");
    assert_eq!(person.get_json("/v3/things").await.0, 200, "a token is for the org that it was made for");
    // Back by its id; where one is not, one cannot go.
    let first = listed.split_whitespace().nth(1).expect("an id");
    sandbox.cli(&["orgs", "switch", first]);
    let out = sandbox.try_cli(&["orgs", "switch", "Elsewhere"]);
    assert!(!out.status.success() && said_by(&out).contains("you are in no org `Elsewhere`"), "{}", said_by(&out));
});

story!(a_terminal_that_is_let_in_no_more_says_what_to_do, async |sandbox: &Sandbox| {
    let browser = owner(sandbox).await;
    login(sandbox, &browser, &["--profile", "work"]).await;
    let copy = fs::read(sandbox.config_dir().join("admin/credentials.json")).expect("the profiles");
    sandbox.cli(&["logout", "--profile", "work"]);
    // Somebody signed out elsewhere: the token here looks as good as before.
    fs::write(sandbox.config_dir().join("admin/credentials.json"), copy).expect("written");
    let remedy = format!("run `admin login {} --profile work`", sandbox.base_url);
    for command in [&["whoami"][..], &["orgs"], &["export"]] {
        let out = sandbox.try_cli(&[command, &["--profile", "work"]].concat());
        assert!(!out.status.success() && said_by(&out).contains(&remedy), "{command:?}: {}", said_by(&out));
    }
});

story!(a_file_of_profiles_is_looked_at_before_it_is_used, async |sandbox: &Sandbox| {
    let browser = owner(sandbox).await;
    login(sandbox, &browser, &[]).await;
    let file = sandbox.config_dir().join("admin/credentials.json");
    for mode in [0o644, 0o640, 0o602] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("a mode");
        for command in
            [&["whoami"][..], &["logout"], &["export", "--profile", "default"], &["login", &sandbox.base_url]]
        {
            let out = sandbox.try_cli(command);
            let remedy = format!("(mode {mode:04o}); run `chmod 600 {}`", file.display());
            assert!(!out.status.success() && said_by(&out).contains(&remedy), "{command:?}: {}", said_by(&out));
        }
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
    sandbox.cli(&["whoami"]);
    // A damaged one is told of before anybody is asked to let the terminal in.
    for damaged in ["{bad", "{}", ""] {
        fs::write(&file, damaged).expect("written");
        let out = sandbox.try_cli(&["login", &sandbox.base_url]);
        let said = said_by(&out);
        assert!(!out.status.success() && said.contains("is damaged") && !said.contains("user_code"), "{said}");
    }
});

story!(a_profile_is_named_before_or_after_a_subcommand, async |sandbox: &Sandbox| {
    let browser = owner(sandbox).await;
    login(sandbox, &browser, &["--profile", "work"]).await;
    let org = sandbox.cli(&["orgs", "--profile", "work"]).split_whitespace().nth(1).expect("an id").to_owned();
    assert!(sandbox.cli(&["orgs", "switch", &org, "--profile", "work"]).contains("(profile work)"));
    assert!(sandbox.cli(&["orgs", "--profile", "work", "switch", &org]).contains("(profile work)"));
});

#[tokio::test]
async fn what_is_no_address_of_a_server_is_told() {
    let sandbox = &Sandbox::start_on(Backend::Sqlite).await;
    let more = ["/x", "#", "?x"].map(|end| format!("{}{end}", sandbox.base_url));
    for url in
        ["ftp://x", "", "http://", "http://u:p@localhost", "a b"].into_iter().chain(more.iter().map(String::as_str))
    {
        for command in [&["login", url][..], &["export", "--url", url]] {
            let out = sandbox.try_cli(command);
            let told = format!("`{url}` is no address of a server; it is http:// or https:// and a host");
            assert!(!out.status.success() && said_by(&out).contains(&told), "{command:?}: {}", said_by(&out));
        }
    }
}
