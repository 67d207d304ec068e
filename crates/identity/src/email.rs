//! Addresses, as accounts are known by them: compared without regard to case, and of ASCII alone, so that no letter looks
//! like another.

use admin_types::{Error, FieldError, Result};

/// The longest address, in bytes (RFC 5321, section 4.5.3.1.3).
const MAX: usize = 254;

/// The form in which addresses are compared.
pub(crate) fn key(email: &str) -> Result<String> {
    let refuse = |detail: &str| Err(Error::validation(vec![FieldError::new("/email", detail)]));
    let email = email.trim();
    if !email.is_ascii() {
        return refuse("must be ASCII: write a domain with other letters in its xn-- form");
    }
    let sane = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '(' | ')' | ',' | ';' | ':' | '\\');
    let Some((local, domain)) = email.rsplit_once('@') else {
        return refuse("must be an address, such as ada@example.org");
    };
    let good = !local.is_empty() && domain.len() > 2 && domain.contains('.') && !domain.starts_with('.');
    if email.len() > MAX || !good || domain.ends_with('.') || local.contains('@') || !email.chars().all(sane) {
        return refuse("must be an address, such as ada@example.org");
    }
    Ok(email.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_the_same_in_any_case_and_of_no_other_letters() {
        assert_eq!(key(" Ada@Example.ORG ").expect("an address"), "ada@example.org");
        for bad in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@localhost",
            "аda@example.org",
            "a@b@c.org",
            "a b@c.org",
            "a@c.org\r\nBcc: x",
        ] {
            assert!(key(bad).is_err(), "{bad}");
        }
    }
}
