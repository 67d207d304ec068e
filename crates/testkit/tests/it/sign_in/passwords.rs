//! Another password, and a new one by a link, with and without a mail server; and who guesses.

use std::time::{Duration, Instant};

use super::mail::told_by_mail;
use super::orgs::person_of;
use super::*;
use crate::oauth::{heard, two_processes};

const OTHER: &str = "another good password";

async fn sign_in(sandbox: &Client, email: &str, password: &str) -> u16 {
    let request = sandbox.anonymous().request(Method::POST, "/sign-in").header("sec-fetch-site", "same-origin");
    see(with_form(request, &[("email", email), ("password", password)])).await.status
}

story!(a_changed_password_ends_all_other_sessions, async |sandbox: &Sandbox| {
    let (ada, thief) = (owner(sandbox).await, Browser::new(sandbox));
    let fields = [("email", "ada@example.org"), ("password", PASSWORD)];
    assert_eq!(thief.submit("/sign-in", &fields).await.status, 303);
    let client = app(sandbox).await;
    let grant = async |browser: &Browser| {
        let code = browser.get(&ask(&client, &[])).await.param("code").expect("a code");
        redeem(sandbox, &client, &code).await.1["access_token"].clone()
    };
    let (of_ada, of_thief) = (grant(&ada).await, grant(&thief).await);
    for (old, new, status) in [
        ("not the password", OTHER, 401),
        ("", OTHER, 401),
        (PASSWORD, "short", 422),
        (PASSWORD, "password1234", 422),
        (PASSWORD, "", 422),
    ] {
        let seen = ada.submit("/account/password", &[("old", old), ("password", new)]).await;
        assert_eq!(seen.status, status, "{old:?} {new:?}: {}", seen.text);
        assert!(!seen.text.contains(OTHER), "no password is shown");
    }
    for (header, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let request = ada.client.request(Method::POST, "/account/password").header(header, value);
        assert_eq!(ada.send(with_form(request, &[("old", PASSWORD), ("password", OTHER)])).await.status, 403);
    }
    assert_eq!(thief.get("/account").await.status, 200, "nothing has happened yet");
    let seen = ada.submit("/account/password", &[("old", PASSWORD), ("password", OTHER)]).await;
    assert!(seen.status == 200 && seen.text.contains("Password changed"), "{}", seen.text);
    assert_eq!((ada.get("/account").await.status, thief.get("/account").await.location.as_str()), (200, "/sign-in"));
    assert_eq!((status_with(sandbox, &of_ada).await, status_with(sandbox, &of_thief).await), (200, 401));
    assert_eq!(sign_in(sandbox, "ada@example.org", PASSWORD).await, 401);
    assert_eq!(sign_in(sandbox, "ada@example.org", OTHER).await, 303);
});

story!(who_is_signed_in_does_not_guess_the_password_either, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    for n in 0..10 {
        let guess = format!("a guess, number {n}");
        assert_eq!(ada.submit("/account/password", &[("old", &guess), ("password", OTHER)]).await.status, 401);
    }
    assert_eq!(ada.submit("/account/password", &[("old", PASSWORD), ("password", OTHER)]).await.status, 429);
});

story!(without_a_mail_server_the_operator_helps, async |sandbox: &Sandbox| {
    let ada = owner(sandbox).await;
    let page = Browser::new(sandbox).get("/reset-password").await;
    assert!(
        page.status == 200 && page.text.contains("No mail can be sent") && !page.text.contains("<form"),
        "{}",
        page.text
    );
    let (user, bea) = person_of(sandbox, sandbox, "bea", json!(["editor"])).await;
    let unsent = sandbox.post_json(&format!("/v3/users/{user}/invitation"), &json!({"send": true})).await;
    assert_eq!((unsent.0, pointers(&unsent.1)), (422, vec!["/send"]), "{}", unsent.1);
    for person in ["bea@example.org", "BEA@example.org", &user] {
        let said = sandbox.cli(&["user", "reset-link", person]);
        let token = said.split_once("/reset-password?token=").expect("a link").1.trim();
        assert_eq!(Browser::new(sandbox).get(&format!("/reset-password?token={token}")).await.status, 200);
    }
    let said = sandbox.cli(&["user", "reset-link", "bea@example.org"]);
    let token = said.split_once("/reset-password?token=").expect("a link").1.trim();
    let browser = Browser::new(sandbox);
    let seen = browser.submit("/reset-password", &[("token", token), ("password", OTHER)]).await;
    assert_eq!((seen.status, seen.location.as_str()), (303, "/sign-in"));
    assert_eq!(browser.get("/account").await.location, "/sign-in", "the link signs nobody in");
    assert_eq!((bea.get("/account").await.location.as_str(), ada.get("/account").await.status), ("/sign-in", 200));
    assert_eq!(sign_in(sandbox, "bea@example.org", OTHER).await, 303);
    let unknown = sandbox.try_cli(&["user", "reset-link", "nobody@example.org"]);
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("no account"));
});

told_by_mail!(a_link_sets_a_new_password_once, async |sandbox: &Sandbox, mail: &MailServer| {
    let ada = owner(sandbox).await;
    let nobody = Browser::new(sandbox);
    // Any spelling; it goes to the address as the account has it.
    let asked = nobody.submit("/reset-password", &[("email", "ADA@EXAMPLE.ORG")]).await;
    assert_eq!(asked.status, 200);
    let letter = mail.letter("Ada@example.org", 1).await;
    let (token, older) = (letter.token(), {
        nobody.submit("/reset-password", &[("email", "ada@example.org")]).await;
        mail.letter("Ada@example.org", 2).await.token()
    });
    let page = nobody.get(&format!("/reset-password?token={token}")).await;
    assert!(page.status == 200 && page.header("referrer-policy") == "no-referrer", "{}", page.text);
    for bad in ["", "rst_", "short", &token[..token.len() - 1]] {
        assert_eq!(
            nobody.get(&format!("/reset-password?token={bad}")).await.status,
            if bad.is_empty() { 200 } else { 401 }
        );
        let seen = nobody.submit("/reset-password", &[("token", bad), ("password", OTHER)]).await;
        assert!(bad.is_empty() || seen.status == 401, "{bad}: {}", seen.text);
    }
    for (header, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let request = nobody.client.request(Method::POST, "/reset-password").header(header, value);
        assert_eq!(nobody.send(with_form(request, &[("token", &token), ("password", OTHER)])).await.status, 403);
    }
    let weak = nobody.submit("/reset-password", &[("token", &token), ("password", "short")]).await;
    assert_eq!(weak.status, 422, "and the link is still good: {}", weak.text);
    assert_eq!(ada.get("/account").await.status, 200);
    let seen = nobody.submit("/reset-password", &[("token", &token), ("password", OTHER)]).await;
    assert_eq!((seen.status, seen.location.as_str()), (303, "/sign-in"));
    assert_eq!(nobody.get("/account").await.location, "/sign-in");
    assert_eq!(ada.get("/account").await.location, "/sign-in", "all sessions have ended");
    for spent in [&token, &older] {
        let again = nobody.submit("/reset-password", &[("token", spent), ("password", PASSWORD)]).await;
        assert_eq!(again.status, 401, "a link works once, and older ones end with it");
    }
    assert_eq!(sign_in(sandbox, "ada@example.org", OTHER).await, 303);
    let notice = mail.letter("Ada@example.org", 3).await;
    assert!(notice.text.contains("was changed") && !notice.text.contains("token="), "{}", notice.text);
    assert!(
        !sandbox.log().contains(&token) && !sandbox.log().to_lowercase().contains("ada@example.org"),
        "neither is logged"
    );
});

told_by_mail!(whether_an_address_is_known_is_not_told, async |sandbox: &Sandbox, mail: &MailServer| {
    owner(sandbox).await;
    let mut answers = vec![];
    mail.open(false);
    let started = Instant::now();
    let addresses = [
        "ada@example.org",
        "nobody@example.org",
        "no address",
        "аda@example.org",
        "ada@example.org\r\nBcc: eve@example.org",
        "",
    ];
    for _ in 0..3 {
        for address in addresses {
            let seen = Browser::new(sandbox).submit("/reset-password", &[("email", address)]).await;
            answers.push((seen.status, seen.text));
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]) && answers[0].0 == 200, "{answers:?}");
    assert!(started.elapsed() < Duration::from_secs(20), "no answer waits for a mail server that does not speak");
    mail.open(true);
    mail.letter("Ada@example.org", 3).await;
    // A fourth within the hour is not sent, and that is not told either.
    let fourth = Browser::new(sandbox).submit("/reset-password", &[("email", "ada@example.org")]).await;
    assert_eq!((fourth.status, &fourth.text), (answers[0].0, &answers[0].1));
    let (_, _bea) = person_of(sandbox, sandbox, "bea", json!([])).await;
    Browser::new(sandbox).submit("/reset-password", &[("email", "bea@example.org")]).await;
    mail.letter("bea@example.org", 1).await;
    assert_eq!(mail.count(), 4, "wishes are heard one after the other");
});

/// What one process has counted the other knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_is_stopped_in_all_processes() {
    let (_database, first, second) = two_processes().await;
    owner(&first).await;
    for n in 0..10 {
        assert_eq!(sign_in(&first, "ada@example.org", &format!("a guess, number {n}")).await, 401);
    }
    assert_eq!(sign_in(&first, "ada@example.org", PASSWORD).await, 429);
    heard("guessing", async || sign_in(&second, "ada@example.org", "a guess over there").await == 429).await;
    // A link sets a new password, after which its owner is let in again, everywhere.
    let said = first.cli(&["user", "reset-link", "ada@example.org"]);
    let token = said.split_once("/reset-password?token=").expect("a link").1.trim();
    let seen = Browser::new(&first).submit("/reset-password", &[("token", token), ("password", OTHER)]).await;
    assert_eq!(seen.location, "/sign-in");
    heard("the new password", async || sign_in(&first, "ada@example.org", OTHER).await == 303).await;
}
