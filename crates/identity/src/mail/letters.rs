//! What letters say, in the languages of the pages. Plain text: nothing in them is loaded, and a link is what it says.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use admin_types::Timestamp;
use serde::{Deserialize, Serialize};

/// A letter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Letter {
    /// One address.
    pub(crate) to: String,
    /// One line.
    pub(crate) subject: String,
    /// Plain text.
    pub(crate) body: String,
}

/// What a letter is written in.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// The language with this tag; English if there is none.
    pub fn of(tag: &str) -> Language {
        if tag == "de" { Language::German } else { Language::English }
    }
}

/// What happened to an account that its owner should know of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// It has another password.
    PasswordChanged,
    /// It has another address; said at the old one.
    EmailChanged,
    /// A second factor or a passkey was added.
    FactorAdded,
    /// A second factor or a passkey was removed.
    FactorRemoved,
    /// Somebody signed in by a recovery code.
    RecoveryCodeUsed,
}

impl Notice {
    /// As the audit log tells it.
    pub(crate) fn as_str(self) -> &'static str {
        self.key().trim_start_matches("mail_")
    }

    fn key(self) -> &'static str {
        match self {
            Notice::PasswordChanged => "mail_password_changed",
            Notice::EmailChanged => "mail_email_changed",
            Notice::FactorAdded => "mail_factor_added",
            Notice::FactorRemoved => "mail_factor_removed",
            Notice::RecoveryCodeUsed => "mail_recovery_code_used",
        }
    }
}

/// The longest name that stands in a letter, in characters: who may choose it should not write the letter.
const MAX_NAME: usize = 60;

type Texts = BTreeMap<String, String>;

static TEXTS: LazyLock<[Texts; 2]> = LazyLock::new(|| {
    [include_str!("en.json"), include_str!("de.json")]
        .map(|text| serde_json::from_str(text).expect("the catalogues are right"))
});

fn text(language: Language, key: &str) -> &'static str {
    TEXTS[language as usize].get(key).map_or("", String::as_str)
}

/// A text with what stands for its words in braces.
fn filled(text: &str, words: &[(&str, &str)]) -> String {
    // One after the other would fill in what a name brings along.
    let mut rest = text;
    let mut filled = String::new();
    while let Some((before, after)) = rest.split_once('{') {
        let (word, after) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(before);
        filled.push_str(words.iter().find(|(name, _)| *name == word).map_or("", |(_, value)| value));
        rest = after;
    }
    filled + rest
}

/// A name as it stands in a letter: on one line, short, and no link.
fn plain(name: &str) -> String {
    let one_line = name.chars().filter(|c| !c.is_control());
    let no_link: String = one_line.map(|c| if matches!(c, ':' | '/') { ' ' } else { c }).take(MAX_NAME).collect();
    no_link.trim().to_owned()
}

fn letter(to: &str, key: &str, words: &[(&str, &str)], language: Language) -> Letter {
    let subject = filled(text(language, &format!("{key}_subject")), words);
    let body = filled(text(language, key), words);
    Letter { to: to.to_owned(), subject, body: format!("{body}\n") }
}

/// A link for a new password.
pub(crate) fn reset(to: &str, url: &str, language: Language) -> Letter {
    letter(to, "mail_reset", &[("url", url)], language)
}

/// A link that confirms a new address.
pub(crate) fn confirm(to: &str, url: &str, language: Language) -> Letter {
    letter(to, "mail_confirm", &[("url", url)], language)
}

/// A link by which somebody comes to an org.
pub(crate) fn invitation(to: &str, (by, org): (&str, &str), url: &str, language: Language) -> Letter {
    let (by, org) = (plain(by), plain(org));
    letter(to, "mail_invitation", &[("by", &by), ("org", &org), ("url", url)], language)
}

/// What happened to an account.
pub(crate) fn notice(to: &str, notice: Notice, place: &str, at: Timestamp, language: Language) -> Letter {
    let key = notice.key();
    let at = at.to_string();
    let what = filled(text(language, key), &[("at", &at), ("place", place)]);
    let otherwise = filled(text(language, "mail_not_you"), &[("place", place)]);
    let subject = text(language, &format!("{key}_subject")).to_owned();
    Letter { to: to.to_owned(), subject, body: format!("{what}\n\n{otherwise}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_catalogues_say_the_same_things() {
        let [english, german] = &*TEXTS;
        assert_eq!(english.keys().collect::<Vec<_>>(), german.keys().collect::<Vec<_>>());
        assert!(english.values().chain(german.values()).all(|text| !text.is_empty()));
    }

    #[test]
    fn a_name_brings_neither_lines_nor_links_nor_words() {
        let by = "Eve\r\nBcc: everybody@example.org {url} https://evil.example/";
        let letter = invitation("ada@example.org", (by, "Acme"), "https://admin.example.org/x", Language::English);
        assert!(!letter.subject.contains(['\r', '\n']), "{}", letter.subject);
        assert!(!letter.body.contains("evil.example/") && !letter.body.contains("://evil"), "{}", letter.body);
        assert_eq!(letter.body.matches("https://admin.example.org/x").count(), 1, "{}", letter.body);
    }
}
