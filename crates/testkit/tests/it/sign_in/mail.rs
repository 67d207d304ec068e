//! Letters: invitations, another address, and a mail server that is away for a while.

use admin_testkit::Backend;
use admin_testkit::mail::MailServer;

use super::orgs::{invitation, person_of};
use super::*;
use crate::acts::eventually;

/// A story with a mail server, on both databases.
macro_rules! told_by_mail {
    ($name:ident, $story:expr $(,)?) => {
        mod $name {
            use super::*;
            use admin_testkit::Backend;
            use admin_testkit::mail::MailServer;

            async fn tell(backend: Backend) {
                let mail = MailServer::start().await;
                let settings = [("ADMIN_SMTP_URL", &*mail.url), ("ADMIN_MAIL_FROM", "Admin <admin@example.org>")];
                let sandbox = Sandbox::start_with(backend, &settings).await;
                let story = $story;
                story(&sandbox, &mail).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                tell(Backend::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                tell(Backend::Postgres).await;
            }
        }
    };
}
pub(super) use told_by_mail;

told_by_mail!(an_invitation_goes_to_its_address, async |sandbox: &Sandbox, mail: &MailServer| {
    owner(sandbox).await;
    let user = add(sandbox, "user", "bea", json!({"email": "bea@example.org"})).await;
    let place = format!("/v3/users/{user}/invitation");
    for (body, pointer) in [(json!({"send": "yes"}), "/send"), (json!({"sent": true}), "/sent"), (json!([]), "")] {
        let answer = sandbox.post_json(&place, &body).await;
        assert_eq!((answer.0, pointers(&answer.1)), (422, vec![pointer]), "{}", answer.1);
    }
    let tried = sandbox.post_json(&format!("{place}?dry_run=true"), &json!({"send": true})).await;
    assert_eq!(tried.0, 200, "{}", tried.1);
    let (status, body) = sandbox.post_json(&place, &json!({"send": true})).await;
    assert_eq!((status, &body["data"]["sent"], &body["data"]["url"]), (201, &json!(true), &Value::Null), "{body}");
    let letter = mail.letter("bea@example.org", 1).await;
    assert_eq!(letter.to, ["bea@example.org"], "and to nobody else");
    assert!(letter.text.contains("“owner” invites you to “main”"), "{}", letter.text);
    assert!(letter.link().starts_with(&format!("{}/set-up?token=", sandbox.base_url)), "{}", letter.link());
    let browser = Browser::new(sandbox);
    let token = letter.token();
    let fields = [("token", token.as_str()), ("email", "bea@example.org"), ("password", PASSWORD)];
    assert_eq!(browser.submit("/set-up", &fields).await.status, 303);
    let nameless = add(sandbox, "user", "nameless", json!({})).await;
    let answer = sandbox.post_json(&format!("/v3/users/{nameless}/invitation"), &json!({"send": true})).await;
    assert_eq!((answer.0, pointers(&answer.1)), (422, vec!["/send"]), "{}", answer.1);
    // Who may not invite sends nothing, and learns nothing of the address.
    let stranger = add(sandbox, "user", "stranger", json!({})).await;
    let stranger = sandbox.with_token(sandbox.cli(&["token", "create", "--user", &stranger]).trim());
    for user in [&user, &nameless] {
        let answer = stranger.post_json(&format!("/v3/users/{user}/invitation"), &json!({"send": true})).await;
        refused(&answer, 404, "not_found");
    }
    // Three an hour to one address.
    let dan = add(sandbox, "user", "dan", json!({"email": "dan@example.org"})).await;
    let place = format!("/v3/users/{dan}/invitation");
    for status in [201, 201, 201, 429] {
        assert_eq!(sandbox.post_json(&place, &json!({"send": true})).await.0, status);
    }
    assert_eq!(sandbox.post_json(&place, &json!({})).await.0, 201, "a link to hand over is none");
    mail.letter("dan@example.org", 3).await;
    assert_eq!(mail.count(), 4);
});

/// Over TLS, to a server whose certificate is trusted, and to no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_go_over_tls_to_the_server_that_is_meant() {
    let (mail, certificate) = MailServer::start_tls().await;
    let trust = certificate.file().to_str().expect("a path in UTF-8");
    let mut settings = vec![("ADMIN_SMTP_URL", &*mail.url), ("ADMIN_MAIL_FROM", "Admin <admin@example.org>")];
    let distrusting = Sandbox::start_with(Backend::Sqlite, &settings).await;
    let invite = async |sandbox: &Sandbox, email: &str| {
        owner(sandbox).await;
        let user = add(sandbox, "user", "bea", json!({"email": email})).await;
        sandbox.post_json(&format!("/v3/users/{user}/invitation"), &json!({"send": true})).await.0
    };
    assert_eq!(invite(&distrusting, "ada@example.org").await, 201, "it is kept, and sent when that can be");
    eventually("Admin goes away", async || (mail.distrusted() > 0).then_some(())).await;
    settings.push(("SSL_CERT_FILE", trust));
    let trusting = Sandbox::start_with(Backend::Sqlite, &settings).await;
    assert_eq!(invite(&trusting, "bea@example.org").await, 201);
    assert_eq!(mail.letter("bea@example.org", 1).await.to, ["bea@example.org"]);
    assert_eq!(mail.letters_to("ada@example.org"), []);
}

told_by_mail!(names_write_no_headers, async |sandbox: &Sandbox, mail: &MailServer| {
    let ada = owner(sandbox).await;
    let name = "Acme: <b>Bcc</b> eve@example.org, ünï https://evil.example/token=x";
    let org = new_org(&page_client(&ada).await, name).await;
    ada.submit("/account/orgs", &[("org", &org)]).await;
    let acme = page_client(&ada).await;
    let user = add(&acme, "user", "bea", json!({"email": "bea@example.org"})).await;
    assert_eq!(acme.post_json(&format!("/v3/users/{user}/invitation"), &json!({"send": true})).await.0, 201);
    let letter = mail.letter("bea@example.org", 1).await;
    assert_eq!(letter.to, ["bea@example.org"]);
    let names: Vec<&str> = letter
        .headers
        .lines()
        .filter(|line| !line.starts_with([' ', '\t']))
        .filter_map(|line| Some(line.split_once(':')?.0))
        .collect();
    assert!(
        names.iter().all(|name| [
            "From",
            "To",
            "Subject",
            "Content-Type",
            "Content-Transfer-Encoding",
            "Date",
            "MIME-Version",
            "Message-ID"
        ]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))),
        "{names:?}"
    );
    assert!(!letter.text.contains("https://evil") && letter.link().starts_with(&sandbox.base_url), "{}", letter.text);
});

told_by_mail!(a_letter_waits_for_a_server_that_is_away, async |sandbox: &Sandbox, mail: &MailServer| {
    owner(sandbox).await;
    mail.refuse(1);
    Browser::new(sandbox).submit("/reset-password", &[("email", "ada@example.org")]).await;
    eventually("a refusal", async || mail.has_refused().then_some(())).await;
    eventually("a second try planned", async || sandbox.log().contains("trying again").then_some(())).await;
    assert_eq!(mail.count(), 0);
    // Also over a restart.
    sandbox.kill();
    sandbox.start().await;
    let token = mail.letter("Ada@example.org", 1).await.token();
    assert_eq!(Browser::new(sandbox).get(&format!("/reset-password?token={token}")).await.status, 200);
});

told_by_mail!(another_address_is_confirmed_where_it_is, async |sandbox: &Sandbox, mail: &MailServer| {
    let ada = owner(sandbox).await;
    let (_, bea) = person_of(sandbox, sandbox, "bea", json!([])).await;
    let wish = async |browser: &Browser, email: &str, password: &str| {
        browser.submit("/account/email", &[("email", email), ("password", password)]).await
    };
    assert_eq!(wish(&ada, "lovelace@example.org", "not the password").await.status, 401);
    for bad in [
        "",
        "lovelace",
        "lovelаce@example.org",
        "a@b@example.org",
        "lovelace@example.org\r\nBcc: eve@example.org",
        "a b@example.org",
    ] {
        assert_eq!(wish(&ada, bad, PASSWORD).await.status, 422, "{bad:?}");
    }
    // Whether somebody has the address is not told; nor is that somebody written to.
    let (taken, free) =
        (wish(&ada, "BEA@example.org", PASSWORD).await, wish(&ada, "lovelace@example.org", PASSWORD).await);
    assert_eq!((taken.status, &taken.text), (free.status, &free.text));
    let token = mail.letter("lovelace@example.org", 1).await.token();
    assert!(mail.letters_to("BEA@example.org").is_empty());
    let place = format!("/account/email/confirm?token={token}");
    let nobody = Browser::new(sandbox).get(&place).await;
    assert_eq!(nobody.param("next").as_deref(), Some(place.as_str()));
    // Somebody else's link hangs nobody's account on another address.
    assert_eq!(bea.get(&place).await.status, 401);
    assert_eq!(bea.submit("/account/email/confirm", &[("token", &token)]).await.status, 401);
    let page = ada.get(&place).await;
    assert!(page.status == 200 && page.text.contains("lovelace@example.org"), "{}", page.text);
    assert!(ada.get("/account/email").await.text.contains("Ada@example.org"), "looking changes nothing");
    for (header, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        for (place, fields) in
            [("/account/email/confirm", [("token", token.as_str())]), ("/account/email", [("email", "x@example.org")])]
        {
            let request = ada.client.request(Method::POST, place).header(header, value);
            assert_eq!(ada.send(with_form(request, &fields)).await.status, 403, "{place}");
        }
    }
    assert_eq!(ada.submit("/account/email/confirm", &[("token", &token)]).await.status, 200);
    assert_eq!(ada.submit("/account/email/confirm", &[("token", &token)]).await.status, 401, "once");
    let notice = mail.letter("Ada@example.org", 1).await;
    assert!(notice.text.contains("another address") && !notice.text.contains("lovelace"), "{}", notice.text);
    for (email, status) in [("ada@example.org", 401), ("Lovelace@example.org", 303)] {
        let seen = Browser::new(sandbox).submit("/sign-in", &[("email", email), ("password", PASSWORD)]).await;
        assert_eq!(seen.status, status, "{email}");
    }
    // The address that is free now may be taken, and a link whose address was taken meanwhile is spent.
    wish(&ada, "free@example.org", PASSWORD).await;
    let token = mail.letter("free@example.org", 1).await.token();
    wish(&bea, "free@example.org", PASSWORD).await;
    let of_bea = mail.letter("free@example.org", 2).await.token();
    assert_eq!(bea.submit("/account/email/confirm", &[("token", &of_bea)]).await.status, 200);
    assert_eq!(ada.submit("/account/email/confirm", &[("token", &token)]).await.status, 401);
});

told_by_mail!(an_invitation_that_was_passed_on_serves_nobody_else, async |sandbox: &Sandbox, _mail: &MailServer| {
    owner(sandbox).await;
    let (_, eve) = person_of(sandbox, sandbox, "eve", json!([])).await;
    let bound = add(sandbox, "user", "bea", json!({"email": "bea@example.org", "roles": ["editor"]})).await;
    let token = invitation(sandbox, &bound).await;
    // Neither as she is signed in, nor by her own address and password, nor by a new account.
    for (email, password) in
        [("eve@example.org", PASSWORD), ("EVE@example.org", PASSWORD), ("new@example.org", PASSWORD)]
    {
        let fields = [("token", token.as_str()), ("email", email), ("password", password)];
        assert_eq!(eve.submit("/set-up", &fields).await.status, 422, "{email}");
    }
    assert_eq!(get(&page_client(&eve).await, "/v3/orgs").await["data"].as_array().map(Vec::len), Some(1));
    // One without an address says who invites, and to what.
    let open = add(sandbox, "user", "somebody", json!({})).await;
    let open = invitation(sandbox, &open).await;
    let page = Browser::new(sandbox).get(&format!("/set-up?token={open}")).await;
    assert!(
        page.text.contains("<strong>owner</strong></bdi> invites you to <bdi><strong>main</strong>"),
        "{}",
        page.text
    );
    assert!(page.text.contains(r#"autocomplete="username" required value="" autofocus"#), "{}", page.text);
});
