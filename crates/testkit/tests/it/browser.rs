//! People in a real browser, Chromium: what the pages look like and how they behave is for it to say. The steps are in
//! `crates/testkit/node/`. Which database is behind the pages, a browser does not see.

use admin_testkit::{Backend, Sandbox, node, story};

use crate::acts::set_up_link;

/// Keeps a picture of each page in this folder, if it is set: to look at.
const SCREENSHOTS: &str = "ADMIN_SCREENSHOTS";

fn run(script: &str) {
    story::tell(Backend::Sqlite, async |sandbox: &Sandbox| {
        let link = set_up_link(sandbox);
        let folder = std::env::var(SCREENSHOTS).unwrap_or_default();
        node::run(sandbox, script, &[("ADMIN_SET_UP_LINK", &link), (SCREENSHOTS, &folder)]);
    });
}

#[test]
fn people_get_on_with_the_pages() {
    run("pages.mjs");
}

#[test]
fn people_get_on_with_second_factors() {
    run("factors.mjs");
}

#[test]
fn people_look_after_their_accounts() {
    run("account.mjs");
}
