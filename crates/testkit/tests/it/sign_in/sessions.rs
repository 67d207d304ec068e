//! Where one is signed in, signing out there, and signing out everywhere.

use super::orgs::person_of;
use super::*;
use crate::oauth::{heard, two_processes};

/// Signs somebody in, in a browser that calls itself `agent`.
async fn signed_in(sandbox: &Sandbox, email: &str, agent: &str) -> Browser {
    let browser = Browser::new(sandbox);
    let request = browser.client.request(Method::POST, "/sign-in").header("user-agent", agent);
    let request = request.header("sec-fetch-site", "same-origin");
    assert_eq!(browser.send(with_form(request, &[("email", email), ("password", PASSWORD)])).await.status, 303);
    browser
}

/// The ids of the sessions that a page shows a button for.
fn buttons(page: &Seen) -> Vec<String> {
    page.fields().into_iter().filter(|(name, _)| name == "session").map(|(_, value)| value).collect()
}

story!(one_sees_where_one_is_signed_in_and_signs_out_there, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let phone = signed_in(sandbox, "ada@example.org", "Mozilla/5.0 (iPhone) <script>alert(1)</script>").await;
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let laptop = signed_in(sandbox, "ada@example.org", firefox).await;
    let page = laptop.get("/account/sessions").await;
    assert!(page.text.contains("Firefox, Linux") && page.text.contains("127.0.0.1"), "{}", page.text);
    assert!(page.text.contains("&lt;script&gt;") && !page.text.contains("<script"), "{}", page.text);
    assert_eq!(page.text.matches("this browser").count(), 1);
    let others = buttons(&page);
    assert_eq!(others.len(), 2, "no button for this one");
    // What is granted in a session ends with it, and so do the tokens of its pages.
    let (client, token) = (app(sandbox).await, page_client(&phone).await);
    let code = phone.get(&ask(&client, &[])).await.param("code").expect("a code");
    let (_, tokens) = redeem(sandbox, &client, &code).await;
    let of_ada = buttons(&phone.get("/account/sessions").await);
    let of_phone = others.iter().find(|id| !of_ada.contains(id)).expect("the phone's own");
    assert_eq!(laptop.submit("/account/sessions", &[("session", of_phone)]).await.location, "/account/sessions");
    assert_eq!(phone.get("/account").await.location, "/sign-in");
    assert_eq!(status_with(sandbox, &tokens["access_token"]).await, 401);
    assert_eq!(token.get_json("/v3/users").await.0, 401);
    assert_eq!(refresh(sandbox, &client, &tokens["refresh_token"]).await.0, 400);
    assert_eq!((ada.get("/account").await.status, laptop.get("/account").await.status), (200, 200));
});

story!(nobody_signs_others_out, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let laptop = signed_in(sandbox, "ada@example.org", "laptop").await;
    let (_, bea) = person_of(sandbox, sandbox, "bea", json!(["owner"])).await;
    let of_ada = buttons(&laptop.get("/account/sessions").await);
    assert_eq!(buttons(&bea.get("/account/sessions").await).len(), 0, "nobody else's are shown");
    let absent = "ses_01h455vb4pex5vsknk084sn02q";
    let mut seen = vec![];
    for session in [of_ada[0].as_str(), absent, "nonsense"] {
        let answer = bea.submit("/account/sessions", &[("session", session)]).await;
        seen.push((answer.status, answer.text));
    }
    assert!(seen.iter().all(|one| *one == seen[0]) && seen[0].0 == 404, "{seen:?}");
    for (header, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")] {
        for fields in [[("everywhere", "yes")], [("session", of_ada[0].as_str())]] {
            let request = laptop.client.request(Method::POST, "/account/sessions").header(header, value);
            assert_eq!(laptop.send(with_form(request, &fields)).await.status, 403, "{header}: {value}");
        }
    }
    assert_eq!((ada.get("/account").await.status, laptop.get("/account").await.status), (200, 200));
    for place in ["/account/sessions", "/account/orgs", "/account/password", "/account/email"] {
        let nobody = Browser::new(sandbox).get(place).await;
        assert_eq!(nobody.param("next").as_deref(), Some(place), "{}", nobody.location);
    }
});

story!(a_user_who_was_removed_is_signed_out, async |sandbox: &Sandbox| {
    owner(sandbox).await;
    let (user, bea) = person_of(sandbox, sandbox, "bea", json!(["editor"])).await;
    let token = page_client(&bea).await;
    assert_eq!(sandbox.delete_json(&path(&user)).await.0, 200);
    for place in ["/account", "/account/sessions", "/account/orgs", "/account/password"] {
        assert!(bea.get(place).await.location.starts_with("/sign-in"), "{place}");
    }
    assert_eq!(token.get_json("/v3/orgs").await.0, 401);
    let change = [("old", PASSWORD), ("password", "another good password")];
    assert!(bea.submit("/account/password", &change).await.location.starts_with("/sign-in"));
    let again = [("email", "bea@example.org"), ("password", PASSWORD)];
    assert_eq!(Browser::new(sandbox).submit("/sign-in", &again).await.status, 401, "in no org any more");
});

/// In every org, and in every process within a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_everywhere_ends_all_in_every_org_and_process() {
    let (_database, first, second) = two_processes().await;
    let ada = owner(&first).await;
    let org = new_org(&page_client(&ada).await, "Acme").await;
    let (_, bea) = person_of(&first, &first, "bea", json!(["owner"])).await;
    let granted = async |browser: &Browser| {
        let client = app(&page_client(browser).await).await;
        let code = browser.get(&ask(&client, &[])).await.param("code").expect("a code");
        let (status, tokens) = redeem(&first, &client, &code).await;
        assert_eq!(status, 200, "{tokens}");
        (client, tokens)
    };
    let (here, of_bea) = (granted(&ada).await, granted(&bea).await);
    let phone = signed_in(&first, "ada@example.org", "phone").await;
    phone.submit("/account/orgs", &[("org", &org)]).await;
    let (there, page) = (granted(&phone).await, page_client(&phone).await);
    let elsewhere =
        Browser { client: second.anonymous(), cookies: Mutex::new(phone.cookies.lock().expect("cookies").clone()) };
    assert_eq!(elsewhere.get("/account").await.status, 200, "a session is one of all processes");
    for token in [&here.1, &there.1, &of_bea.1] {
        assert_eq!(status_with(&second, &token["access_token"]).await, 200);
    }
    let seen = ada.submit("/account/sessions", &[("everywhere", "yes")]).await;
    assert_eq!((seen.status, seen.location.as_str()), (303, "/sign-in"));
    assert!(elsewhere.get("/account").await.location.starts_with("/sign-in"));
    heard("the end of all", async || {
        let page = second.with_token(page.token.as_deref().expect("a token")).get_json("/v3/users").await.0;
        let [here, there] = [&here.1, &there.1].map(|tokens| status_with(&second, &tokens["access_token"]));
        (page, here.await, there.await) == (401, 401, 401)
    })
    .await;
    for (client, tokens) in [&here, &there] {
        assert_eq!(refresh(&second, client, &tokens["refresh_token"]).await.0, 400);
    }
    assert_eq!(status_with(&second, &of_bea.1["access_token"]).await, 200, "nobody else is signed out");
    assert_eq!(bea.get("/account").await.status, 200);
}
