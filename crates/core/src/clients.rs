//! Clients, as far as they are resources: where browsers may be sent for them, the keys that they show who they are by, and
//! how they are called on pages. Looked at when it is saved, not when somebody signs in.

mod keys;

use admin_types::{Error, FieldError, Resource, Result};
use serde_json::Value;

/// Attributes with places where a browser goes.
const PLACES: [&str; 2] = ["redirect_uris", "post_logout_redirect_uris"];
const METHOD: &str = "token_endpoint_auth_method";

/// Refuses a client that sends browsers where no client may, whose keys are none, or whose name shows as another than it is.
/// What was there before and does not change stays.
pub(crate) fn check(before: Option<&Resource>, after: Option<&Resource>) -> Result<()> {
    let is_client = |state: &&Resource| state.type_name == "client";
    let Some(after) = after.filter(is_client).filter(|after| after.deleted_at.is_none()) else { return Ok(()) };
    let changed = |name: &str| before.is_none_or(|before| before.attributes.get(name) != after.attributes.get(name));
    let mut errors = vec![];
    if before.is_none_or(|before| before.name != after.name) && after.name.chars().any(reorders) {
        errors.push(FieldError::new("/name", "must not have characters that change the direction of a text"));
    }
    let public = after.attributes.get(METHOD).and_then(Value::as_str) == Some("none");
    for name in PLACES.into_iter().filter(|name| changed(name) || changed(METHOD)) {
        let uris = after.attributes.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (at, uri) in uris.iter().enumerate() {
            if let Err(why) = check_place(uri.as_str().unwrap_or_default(), public) {
                errors.push(FieldError::new(format!("/attributes/{name}/{at}"), why));
            }
        }
    }
    if let Some(jwks) = after.attributes.get("jwks").filter(|_| changed("jwks")) {
        errors.extend(keys::check(jwks).err());
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::validation(errors)) }
}

/// Whether a browser may be sent to an address (RFC 8252, section 7; RFC 9700, section 2.1). `public`: by a client without a
/// secret, such as an app, which may have a scheme of its own.
///
/// # Errors
/// What the address must be.
pub fn check_place(uri: &str, public: bool) -> std::result::Result<(), &'static str> {
    const WANTED: &str = "must be https with a host, or http on this machine (127.0.0.1, [::1], localhost)";
    const OWN: &str = "must be https with a host, http on this machine (127.0.0.1, [::1], localhost), or have a scheme of \
        the app's own with a dot in it, such as org.example.app:/";
    let wanted = if public { OWN } else { WANTED };
    let (scheme, rest) = uri.split_once(':').ok_or(wanted)?;
    let host = rest.strip_prefix("//").map(|rest| rest.split(['/', '?', '\\']).next().unwrap_or_default());
    let host = host.filter(|host| !host.is_empty() && !host.contains('@'));
    let good = match scheme {
        "https" => host.is_some(),
        "http" => host.is_some_and(|host| {
            let name = if host.starts_with('[') { host.split_inclusive(']').next() } else { host.split(':').next() };
            matches!(name, Some("127.0.0.1" | "[::1]" | "localhost"))
        }),
        own => public && own.contains('.') && own.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)),
    };
    good.then_some(()).ok_or(wanted)
}

/// Characters that nobody sees and that turn the text around them (Unicode Standard Annex 9, section 2).
fn reorders(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_go_to_sane_places() {
        for good in ["https://a.example/b?c=d", "http://127.0.0.1:7/x", "http://[::1]:7/", "http://localhost/"] {
            for public in [true, false] {
                check_place(good, public).expect(good);
            }
        }
        check_place("org.example.app:/x", true).expect("an app's own");
        assert!(check_place("org.example.app:/x", false).is_err(), "who has a secret is no app");
        for bad in [
            "http://a.example/",
            "javascript:alert(1)",
            "JavaScript://a.example/%0aalert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "ftp://a.example/",
            "blob:https://a.example/x",
            "x:y",
            "https:",
            "https://",
            "https:///x",
            "https://u@a.example/",
            "x",
            "",
            "http://localhost@evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://localhost.evil.example/",
            "http://evil.example\\@localhost/",
        ] {
            for public in [true, false] {
                assert!(check_place(bad, public).is_err(), "{bad}");
            }
        }
    }
}
