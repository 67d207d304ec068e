//! The server that takes letters.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::{Address, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};

use super::Letter;

/// How long the server may take for one letter.
const WITHIN: Duration = Duration::from_secs(20);

/// A mail server, and whom letters are from.
#[derive(Clone, Debug)]
pub struct Smtp {
    url: SecretString,
    from: Mailbox,
}

/// Why a letter was not taken.
pub(super) enum Failed {
    /// It never will be.
    ForGood(String),
    /// It may be later.
    ForNow(String),
}

impl Smtp {
    /// `url`: `smtps://USER:PASSWORD@HOST`, or `smtp://HOST?tls=required`; `from`: an address, with a name before it or not.
    /// What is wrong is told with the name of the setting.
    pub fn new(url: &str, from: &str) -> Result<Smtp, (&'static str, String)> {
        let wanted = "must be smtps://USER:PASSWORD@HOST:PORT, or smtp://HOST:PORT?tls=required";
        let wrong = |_| ("smtp_url", wanted.to_owned());
        AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(wrong)?;
        if has_password(url) && !is_private(url) {
            return Err((
                "smtp_url",
                "would send a password that others can read: use smtps://, or add ?tls=required".into(),
            ));
        }
        let wanted = "must be an address, such as Admin <admin@example.org>";
        let from = from.parse().map_err(|_| ("mail_from", wanted.to_owned()))?;
        Ok(Smtp { url: SecretString::from(url), from })
    }

    /// Hands a letter over.
    pub(super) async fn send(&self, letter: &Letter) -> Result<(), Failed> {
        let for_good = |error: &dyn std::fmt::Display| Failed::ForGood(error.to_string());
        let to: Address = letter.to.parse().map_err(|error| for_good(&error))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.body.clone())
            .map_err(|error| for_good(&error))?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(self.url.expose_secret());
        let transport = transport.map_err(|error| for_good(&error))?.timeout(Some(WITHIN)).build();
        match tokio::time::timeout(WITHIN, transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_permanent() => Err(for_good(&error)),
            Ok(Err(error)) => Err(Failed::ForNow(error.to_string())),
            Err(_) => Err(Failed::ForNow("the server took too long".into())),
        }
    }
}

/// Whether an address can be written to at all.
pub(crate) fn is_deliverable(address: &str) -> bool {
    address.parse::<Address>().is_ok()
}

fn has_password(url: &str) -> bool {
    url.split_once("://").is_some_and(|(_, rest)| rest.contains('@'))
}

/// Whether what is said to the server is for nobody else to read.
fn is_private(url: &str) -> bool {
    let host = url.rsplit('@').next().unwrap_or_default();
    let here = ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| host.starts_with(name));
    url.starts_with("smtps://") || url.contains("tls=required") || here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_sent_for_all_to_read() {
        let from = "Admin <admin@example.org>";
        for good in [
            "smtps://a:b@mail.example.org",
            "smtp://a:b@mail.example.org?tls=required",
            "smtp://mail.internal",
            "smtp://a:b@127.0.0.1:25",
        ] {
            Smtp::new(good, from).expect(good);
        }
        for bad in ["smtp://a:b@mail.example.org", "http://mail.example.org", "mail.example.org", ""] {
            assert_eq!(Smtp::new(bad, from).expect_err(bad).0, "smtp_url");
        }
        assert_eq!(Smtp::new("smtps://mail.example.org", "nobody").expect_err("no address").0, "mail_from");
        assert!(!format!("{:?}", Smtp::new("smtps://a:hunter2@h", from)).contains("hunter2"));
    }
}
