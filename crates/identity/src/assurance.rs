//! How surely somebody is who they say: authentication context classes (OpenID Connect Core, section 2, `acr`), made of
//! the methods by which they signed in.

use admin_core::MULTI_FACTOR;

/// The class of a sign-in by one factor.
const ONE_FACTOR: &str = "urn:admin:acr:1fa";
/// The classes, the weaker first.
pub(crate) const CLASSES: [&str; 2] = [ONE_FACTOR, MULTI_FACTOR];

/// The class of a sign-in by these methods.
pub(crate) fn class(methods: &[String]) -> &'static str {
    if methods.iter().any(|method| method == "mfa") { MULTI_FACTOR } else { ONE_FACTOR }
}

/// Whether a client that named `asked` wants more than one factor: every class that it named, and that is known, does.
pub(crate) fn needs_second_factor(asked: Option<&str>) -> bool {
    let mut known = asked.unwrap_or_default().split(' ').filter(|class| CLASSES.contains(class)).peekable();
    known.peek().is_some() && known.all(|class| class == MULTI_FACTOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_class_that_a_client_names_is_enough() {
        assert!(needs_second_factor(Some("urn:admin:acr:mfa")));
        assert!(needs_second_factor(Some("phr urn:admin:acr:mfa")));
        for enough in [None, Some(""), Some("phr"), Some("urn:admin:acr:mfa urn:admin:acr:1fa")] {
            assert!(!needs_second_factor(enough), "{enough:?}");
        }
    }
}
