//! People in many orgs: who makes one, what comes with it, and how a session goes from one to another.

use admin_testkit::Backend;

use super::*;

story!(an_owner_makes_an_org_with_all_that_comes_with_it, async |sandbox: &Sandbox| {
    let browser = owner(sandbox).await;
    let person = page_client(&browser).await;
    let try_it = person.post_json("/v3/orgs?dry_run=true", &json!({"name": "Acme"})).await;
    assert_eq!((try_it.0, try_it.1["data"].clone()), (200, json!({"name": "Acme"})));
    let (status, made) = person.post_json("/v3/orgs", &json!({"name": "Acme"})).await;
    assert_eq!(status, 201, "{made}");
    let made = &made["data"];
    assert_eq!((&made["roles"], &made["active"], &made["current"]), (&json!(["owner"]), &json!(true), &json!(false)));
    let orgs = get(&person, "/v3/orgs").await;
    let names: Vec<_> =
        orgs["data"].as_array().expect("orgs").iter().map(|org| (&org["name"], &org["current"])).collect();
    assert_eq!(names, [(&json!("main"), &json!(true)), (&json!("Acme"), &json!(false))], "the dry run made none");

    let org = id(made);
    assert_eq!(browser.submit("/account/orgs", &[("org", &org)]).await.location, "/account/orgs");
    let there = page_client(&browser).await;
    let here = get(&there, "/v3/orgs").await;
    assert_eq!(here["data"][1]["current"], true, "{here}");
    for (plural, least) in [("types", 7), ("roles", 5), ("policies", 6), ("users", 1)] {
        assert!(total(&there, &format!("/v3/{plural}")).await >= least, "{plural}");
    }
    let (_, user) = there.get_json(&format!("/v3/users/{}", made["user"].as_str().expect("a user"))).await;
    assert_eq!(user["data"]["attributes"], json!({"roles": ["owner"], "email": "Ada@example.org"}), "{user}");
    let founded = get(&there, "/v3/events?type=user.org_created").await;
    let founded = founded["data"].as_array().expect("events");
    assert_eq!((founded.len(), &founded[0]["actor"]["id"]), (1, &made["user"]), "{founded:?}");
    define(&there, "device", json!({})).await;
    add(&there, "device", "first", json!({})).await;
});

story!(only_people_make_orgs, async |sandbox: &Sandbox| {
    let name = json!({"name": "Acme"});
    refused(&sandbox.post_json("/v3/orgs", &name).await, 403, "forbidden");
    let person = page_client(&owner(sandbox).await).await;
    for (document, pointer) in [
        (json!({}), "/name"),
        (json!({"name": ""}), "/name"),
        (json!({"name": "a\r\nBcc: b@example.org"}), "/name"),
        (json!({"name": "x".repeat(201)}), "/name"),
        (json!({"name": "Acme", "id": "org_01h455vb4pex5vsknk084sn02q"}), "/id"),
        (json!([]), ""),
    ] {
        let answer = person.post_json("/v3/orgs", &document).await;
        assert_eq!((answer.0, pointers(&answer.1)), (422, vec![pointer]), "{document}: {}", answer.1);
    }
    let tool = add(sandbox, "client", "tool", json!({"roles": ["owner"]})).await;
    let tool = sandbox.with_token(sandbox.cli(&["token", "create", "--client", &tool]).trim());
    refused(&tool.post_json("/v3/orgs", &name).await, 403, "forbidden");
    refused(&tool.get_json("/v3/orgs").await, 403, "forbidden");
    let operator = sandbox.with_token(sandbox.cli(&["token", "create", "--role", "owner"]).trim());
    refused(&operator.post_json("/v3/orgs", &name).await, 403, "forbidden");
    assert_eq!(get(&operator, "/v3/orgs").await["data"].as_array().map(Vec::len), Some(1));
    let (_, editor) = person_of(sandbox, sandbox, "bea", json!(["editor"])).await;
    refused(&page_client(&editor).await.post_json("/v3/orgs", &name).await, 403, "forbidden");
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_setting_says_who_makes_orgs() {
    for (setting, by_editor, by_owner) in [("anyone", 201, 201), ("nobody", 403, 403), ("owners", 403, 201)] {
        let sandbox = Sandbox::start_with(Backend::Sqlite, &[("ADMIN_ORG_CREATION", setting)]).await;
        let owner = page_client(&owner(&sandbox).await).await;
        let (_, editor) = person_of(&sandbox, &sandbox, "bea", json!(["editor"])).await;
        let editor = page_client(&editor).await;
        for (person, expected) in [(&editor, by_editor), (&owner, by_owner)] {
            let (status, body) = person.post_json("/v3/orgs", &json!({"name": "Acme"})).await;
            assert_eq!(status, expected, "{setting}: {body}");
        }
    }
}

story!(the_operator_makes_an_org_and_its_owner_comes_by_the_link, async |sandbox: &Sandbox| {
    let said = sandbox.cli(&["org", "create", "Acme"]);
    let token = said.split_once("/set-up?token=").expect("a link").1.trim();
    let browser = Browser::new(sandbox);
    let page = browser.get(&format!("/set-up?token={token}")).await;
    assert!(page.text.contains("This leads to <bdi><strong>Acme</strong></bdi>"), "{}", page.text);
    let fields = [("token", token), ("email", "olga@example.org"), ("password", PASSWORD)];
    assert_eq!(browser.submit("/set-up", &fields).await.status, 303);
    let olga = page_client(&browser).await;
    assert_eq!(get(&olga, "/v3/orgs").await["data"][0]["name"], "Acme");
    let listed = sandbox.cli(&["org", "list"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines.len() == 2 && lines[0].ends_with("main") && lines[1].ends_with("Acme"), "{listed}");
    // The owner of another org is none of the first.
    refused(&olga.post_json("/v3/orgs", &json!({"name": "Mine"})).await, 403, "forbidden");
    // The operator speaks for whom they name.
    let org = lines[1].split(' ').next().expect("an id");
    let viewer = sandbox.with_token(sandbox.cli(&["token", "create", "--role", "viewer", "--org", org]).trim());
    assert_eq!(get(&viewer, "/v3/orgs").await["data"][0]["name"], "Acme");
});

story!(one_person_acts_in_each_org_by_its_own_roles, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let org = new_org(&page_client(&ada).await, "Acme").await;
    assert_eq!(ada.submit("/account/orgs", &[("org", &org)]).await.status, 303);
    let acme = page_client(&ada).await;
    let (_, bea) = person_of(sandbox, sandbox, "bea", json!(["editor"])).await;
    // The same person comes to the other org: the link asks for the password that she has.
    let there = add(&acme, "user", "bea there", json!({"email": "bea@example.org", "roles": ["viewer"]})).await;
    let token = invitation(&acme, &there).await;
    let wrong = [("token", token.as_str()), ("email", "bea@example.org"), ("password", "not her password")];
    assert_eq!(bea.submit("/set-up", &wrong).await.status, 401);
    let fields = [("token", token.as_str()), ("email", "bea@example.org"), ("password", PASSWORD)];
    assert_eq!(bea.submit("/set-up", &fields).await.status, 303);
    let viewer = page_client(&bea).await;
    let orgs = get(&viewer, "/v3/orgs").await;
    let roles: Vec<_> = orgs["data"].as_array().expect("orgs").iter().map(|org| &org["roles"]).collect();
    assert_eq!(roles, [&json!(["editor"]), &json!(["viewer"])], "{orgs}");
    define(&acme, "device", json!({})).await;
    define(sandbox, "device", json!({})).await;
    refused(&viewer.post_json("/v3/devices", &json!({"name": "d"})).await, 403, "forbidden");
    let first = orgs["data"][0]["id"].as_str().expect("an id");
    assert_eq!(bea.submit("/account/orgs", &[("org", first)]).await.status, 303);
    assert_eq!(page_client(&bea).await.post_json("/v3/devices", &json!({"name": "d"})).await.0, 201);
    // Whoever is disabled in one org acts in the others.
    assert_eq!(acme.patch_json(&path(&there), &json!({"status": "disabled"})).await.0, 200);
    assert_eq!(bea.submit("/account/orgs", &[("org", &org)]).await.status, 404);
    let orgs = get(&page_client(&bea).await, "/v3/orgs").await;
    assert_eq!(orgs["data"][1]["active"], false, "{orgs}");
    let page = bea.get("/account/orgs").await;
    assert!(page.text.contains("Your access here is disabled."), "{}", page.text);
});

story!(one_person_may_have_two_users_in_an_org, async |sandbox: &Sandbox| {
    let (first, bea) = person_of(sandbox, sandbox, "bea", json!(["editor"])).await;
    let second = add(sandbox, "user", "bea again", json!({"roles": ["viewer"]})).await;
    let token = invitation(sandbox, &second).await;
    let fields = [("token", token.as_str()), ("email", "bea@example.org"), ("password", PASSWORD)];
    assert_eq!(bea.submit("/set-up", &fields).await.status, 303);
    let current = async |bea: &Browser| {
        let orgs = get(&page_client(bea).await, "/v3/orgs").await["data"].clone();
        let orgs = orgs.as_array().expect("orgs").clone();
        assert_eq!(orgs.len(), 2, "{orgs:?}");
        let mut current = orgs.iter().filter(|one| one["current"] == true);
        let user = current.next().expect("a current one")["user"].as_str().expect("a user").to_owned();
        assert!(current.next().is_none(), "{orgs:?}");
        (user, orgs[0]["id"].as_str().expect("an org").to_owned())
    };
    let (_, org) = current(&bea).await;
    for user in [&first, &second, &first] {
        let answer = bea.submit("/account/orgs", &[("org", &org), ("user", user)]).await;
        assert_eq!(answer.status, 303, "{user} of {first}, {second}: {}", answer.text);
        assert_eq!(current(&bea).await.0, *user);
    }
    let (stranger, _) = person_of(sandbox, sandbox, "cyd", json!(["owner"])).await;
    for user in [stranger.as_str(), "usr_01h455vb4pex5vsknk084sn02q", "nonsense"] {
        assert_eq!(bea.submit("/account/orgs", &[("org", &org), ("user", user)]).await.status, 404, "{user}");
    }
    assert_eq!(current(&bea).await.0, first);
});

story!(a_session_goes_to_no_org_that_its_account_is_not_in, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let org = new_org(&page_client(&ada).await, "Acme").await;
    let (_, bea) = person_of(sandbox, sandbox, "bea", json!(["viewer"])).await;
    let elsewhere = "org_01h455vb4pex5vsknk084sn02q";
    let mut seen = vec![];
    for org in [org.as_str(), elsewhere, "nonsense", ""] {
        let answer = bea.submit("/account/orgs", &[("org", org)]).await;
        seen.push((answer.status, answer.text));
    }
    assert!(
        seen.iter().all(|one| *one == seen[0]) && seen[0].0 == 404,
        "an org that is there is told like one that is not: {seen:?}"
    );
    for (header, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let request = ada.client.request(Method::POST, "/account/orgs").header(header, value);
        assert_eq!(ada.send(with_form(request, &[("org", &org)])).await.status, 403);
    }
    assert_eq!(get(&page_client(&ada).await, "/v3/orgs").await["data"][0]["current"], true, "still in the first");
    let next = [("org", org.as_str()), ("next", "https://evil.example/")];
    assert_eq!(ada.submit("/account/orgs", &next).await.location, "/account");
});

story!(a_client_of_another_org_asks_the_person_to_switch, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let first = page_client(&ada).await;
    let old = get(&first, "/v3/orgs").await["data"][0]["user"].clone();
    let org = new_org(&first, "Acme").await;
    let here = app(sandbox).await;
    let code = ada.get(&ask(&here, &[])).await.param("code").expect("a code");
    let (_, tokens) = redeem(sandbox, &here, &code).await;
    ada.submit("/account/orgs", &[("org", &org)]).await;
    // What was granted stays where it was granted, also when it is refreshed.
    let (status, tokens) = refresh(sandbox, &here, &tokens["refresh_token"]).await;
    assert_eq!(status, 200, "{tokens}");
    let info = sandbox.with_token(tokens["access_token"].as_str().unwrap()).get_json("/oauth/userinfo").await.1;
    assert_eq!(info["sub"], old);
    // A page's token keeps its org, too.
    assert_eq!(get(&first, "/v3/orgs").await["data"][0]["current"], true);

    let silent = ada.get(&ask(&here, &[("prompt", "none")])).await;
    assert_eq!(silent.param("error").as_deref(), Some("interaction_required"));
    let page = ada.get(&ask(&here, &[])).await;
    assert!(page.status == 200 && page.text.contains("Go on in main"), "{}", page.text);
    let fields = page.fields();
    let stay: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| !["org", "next"].contains(name))
        .collect();
    let stay = ada.submit("/oauth/consent", &[&stay[..], &[("decision", "deny")]].concat()).await;
    assert_eq!(stay.param("error").as_deref(), Some("access_denied"));
    let go: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| ["org", "next"].contains(name))
        .collect();
    let back = ada.submit("/account/orgs", &go).await;
    assert!(back.location.starts_with("/oauth/authorize?"), "{}", back.location);
    let code = ada.get(&back.location).await.param("code").expect("a code");
    assert_eq!(redeem(sandbox, &here, &code).await.0, 200);
    // Who is not in the client's org is told nothing but no.
    let (_, bea) = person_of(sandbox, sandbox, "bea", json!(["viewer"])).await;
    ada.submit("/account/orgs", &[("org", &org)]).await;
    let theirs = app(&page_client(&ada).await).await;
    assert_eq!(bea.get(&ask(&theirs, &[])).await.param("error").as_deref(), Some("access_denied"));
});

story!(a_program_learns_of_no_org_but_its_own, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let org = new_org(&page_client(&ada).await, "Acme").await;
    let listed = async |client: &str| {
        let code = ada.get(&ask(client, &[])).await.param("code").expect("a code");
        let (_, tokens) = redeem(sandbox, client, &code).await;
        let program = sandbox.with_token(tokens["access_token"].as_str().expect("a token"));
        let orgs = get(&program, "/v3/orgs").await["data"].as_array().map(Vec::len);
        (orgs, program.post_json("/v3/orgs?dry_run=true", &json!({"name": "Mine"})).await.0)
    };
    assert_eq!(listed(&app(sandbox).await).await, (Some(2), 200), "the installation's own program");
    ada.submit("/account/orgs", &[("org", &org)]).await;
    // Its owner says that it is theirs, which says nothing to the other orgs.
    let theirs = app(&page_client(&ada).await).await;
    assert_eq!(listed(&theirs).await, (Some(1), 403));
});

/// A link by which somebody acts as a user: its token.
pub(super) async fn invitation(caller: &Client, user: &str) -> String {
    let (status, body) = caller.post_json(&format!("/v3/users/{user}/invitation"), &json!({})).await;
    assert_eq!(status, 201, "{body}");
    body["data"]["url"].as_str().and_then(|url| url.split_once("token=")).expect("a link").1.to_owned()
}

/// A user of an org who has come by an invitation: its id, and its browser.
pub(super) async fn person_of(sandbox: &Sandbox, caller: &Client, name: &str, roles: Value) -> (String, Browser) {
    let email = format!("{name}@example.org");
    let user = add(caller, "user", name, json!({"email": email, "roles": roles})).await;
    let token = invitation(caller, &user).await;
    let browser = Browser::new(sandbox);
    let fields = [("token", token.as_str()), ("email", email.as_str()), ("password", PASSWORD)];
    assert_eq!(browser.submit("/set-up", &fields).await.status, 303);
    (user, browser)
}
