//! A mail server that keeps what it is given, as far as a client needs one: on loopback alone, and whoever signs in may.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// How long a story waits for a letter.
const WITHIN: Duration = Duration::from_secs(60);

/// A letter that was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Letter {
    /// Whom it was handed over for.
    pub to: Vec<String>,
    /// The headers, as they were sent.
    pub headers: String,
    /// The text, decoded.
    pub text: String,
}

impl Letter {
    /// The one link in it.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn link(&self) -> String {
        let link = self.text.split_whitespace().find(|word| word.starts_with("http") && word.contains("token="));
        link.unwrap_or_else(|| panic!("no link: {}", self.text)).to_owned()
    }

    /// The token in its link.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn token(&self) -> String {
        self.link().split_once("token=").expect("a token").1.to_owned()
    }
}

#[derive(Default)]
struct Taken {
    letters: Vec<Letter>,
    /// How many clients went away before they were served, since they did not trust the certificate.
    distrusted: usize,
    /// How many letters are refused for now before one is taken.
    refuse: usize,
}

/// A mail server.
pub struct MailServer {
    /// What `smtp_url` says.
    pub url: String,
    taken: Arc<Mutex<Taken>>,
    open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MailServer {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// There is no free port.
    pub async fn start() -> MailServer {
        MailServer::listen("smtp", None).await
    }

    /// Starts one that speaks TLS from the first byte on, and the file with its certificate, which nobody trusts by itself.
    ///
    /// # Panics
    /// There is no free port, or the certificate cannot be written.
    pub async fn start_tls() -> (MailServer, Certificate) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("certificate.pem");
        std::fs::write(&file, cert.pem()).expect("a file in a fresh folder");
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key);
        let tls = TlsAcceptor::from(Arc::new(config.expect("the key of the certificate")));
        (MailServer::listen("smtps", Some(tls)).await, Certificate { file, _folder: folder })
    }

    async fn listen(scheme: &str, tls: Option<TlsAcceptor>) -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let host = if tls.is_some() { "ann:secret@localhost" } else { "127.0.0.1" };
        let url = format!("{scheme}://{host}:{}", listener.local_addr().expect("an address").port());
        let taken = Arc::<Mutex<Taken>>::default();
        let (open, opened) = watch::channel(true);
        let shared = taken.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (taken, tls, mut opened) = (shared.clone(), tls.clone(), opened.clone());
                tokio::spawn(async move {
                    let _ = opened.wait_for(|open| *open).await;
                    let Some(tls) = tls else { return serve(stream, &taken).await };
                    match tls.accept(stream).await {
                        Ok(stream) => serve(stream, &taken).await,
                        Err(_) => {
                            taken.lock().unwrap_or_else(PoisonError::into_inner).distrusted += 1;
                            None
                        }
                    }
                });
            }
        });
        MailServer { url, taken, open, task }
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All letters for an address, in the order in which they came.
    #[must_use]
    pub fn letters_to(&self, address: &str) -> Vec<Letter> {
        let sent_to = |letter: &&Letter| letter.to.iter().any(|to| to == address);
        self.taken().letters.iter().filter(sent_to).cloned().collect()
    }

    /// How many letters were taken.
    #[must_use]
    pub fn count(&self) -> usize {
        self.taken().letters.len()
    }

    /// Refuses as many letters for now.
    pub fn refuse(&self, letters: usize) {
        self.taken().refuse = letters;
    }

    /// Whether it speaks to whoever connects, now and until this is called again; before, it does.
    pub fn open(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// Whether all that was to be refused has been.
    #[must_use]
    pub fn has_refused(&self) -> bool {
        self.taken().refuse == 0
    }

    /// How many clients went away before they were served, since they did not trust the certificate.
    #[must_use]
    pub fn distrusted(&self) -> usize {
        self.taken().distrusted
    }

    /// Waits for the letter number `n`, from 1, to an address.
    ///
    /// # Panics
    /// It does not come.
    pub async fn letter(&self, address: &str, n: usize) -> Letter {
        let deadline = Instant::now() + WITHIN;
        loop {
            if let Some(letter) = self.letters_to(address).get(n - 1) {
                return letter.clone();
            }
            assert!(Instant::now() < deadline, "letter {n} to {address} did not come within {WITHIN:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The certificate of a server, in a file as long as this is kept.
pub struct Certificate {
    file: PathBuf,
    _folder: TempDir,
}

impl Certificate {
    /// The file, PEM.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }
}

/// One connection (RFC 5321, as far as it goes). A client that goes away is no failure.
async fn serve(stream: impl AsyncRead + AsyncWrite, taken: &Mutex<Taken>) -> Option<()> {
    let (reader, mut writer) = tokio::io::split(stream);
    let reader = std::pin::pin!(reader);
    let mut lines = BufReader::new(reader).lines();
    let mut to = vec![];
    writer.write_all(b"220 here\r\n").await.ok()?;
    while let Some(line) = lines.next_line().await.ok()? {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" | "HELO" => "250-here\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n",
            "AUTH" => "235 yes\r\n",
            "MAIL" | "RSET" | "NOOP" => "250 yes\r\n",
            "RCPT" => {
                to.extend(line.split_once('<').and_then(|(_, rest)| Some(rest.split_once('>')?.0.to_owned())));
                "250 yes\r\n"
            }
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await.ok()?;
                let mut text = String::new();
                while let Some(line) = lines.next_line().await.ok()?.filter(|line| line != ".") {
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push('\n');
                }
                keep(taken, std::mem::take(&mut to), &text)
            }
            "QUIT" => {
                writer.write_all(b"221 bye\r\n").await.ok()?;
                return Some(());
            }
            _ => "502 what?\r\n",
        };
        writer.write_all(answer.as_bytes()).await.ok()?;
    }
    Some(())
}

fn keep(taken: &Mutex<Taken>, to: Vec<String>, message: &str) -> &'static str {
    let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
    if taken.refuse > 0 {
        taken.refuse -= 1;
        return "451 not now\r\n";
    }
    let (headers, body) = message.split_once("\n\n").unwrap_or((message, ""));
    let encoded = headers.to_ascii_lowercase().contains("content-transfer-encoding: quoted-printable");
    let text = if encoded { quoted_printable(body) } else { body.to_owned() };
    taken.letters.push(Letter { to, headers: headers.to_owned(), text });
    "250 taken\r\n"
}

/// Decodes quoted-printable (RFC 2045, section 6.7).
fn quoted_printable(text: &str) -> String {
    let (joined, mut bytes) = (text.replace("=\n", ""), vec![]);
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'=').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
