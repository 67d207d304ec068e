//! Where messages go: a server on a thread of its own that answers at once, or never, and notes when the first byte of each
//! message came. It must cost little beside what sends to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Messages to a path that begins so are not answered.
pub(crate) const HANGING: &str = "/hanging";

/// What came.
#[derive(Default)]
pub(crate) struct Seen {
    /// Messages that were answered.
    pub(crate) answered: u64,
    /// Messages that never will be.
    pub(crate) hanging: u64,
    /// When the first and the last of those that were answered came.
    pub(crate) span: Option<(Instant, Instant)>,
    /// By the resource that an answered message is about: when its first byte came.
    pub(crate) first_bytes: HashMap<String, Instant>,
    /// The body of one.
    pub(crate) body: Vec<u8>,
}

/// A server that runs until the program ends.
pub(crate) struct Sink {
    pub(crate) address: String,
    seen: Arc<Mutex<Seen>>,
}

impl Sink {
    pub(crate) fn start() -> Result<Sink> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let (address, seen) = (listener.local_addr()?.to_string(), Arc::<Mutex<Seen>>::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = seen.clone();
        std::thread::spawn(move || {
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).context("a listener")?;
                loop {
                    let (stream, _) = listener.accept().await.context("a connection")?;
                    tokio::spawn(serve(stream, shared.clone()));
                }
                #[allow(unreachable_code, reason = "it says what the loop may end with")]
                anyhow::Ok(())
            })
        });
        Ok(Sink { address, seen })
    }

    /// Where messages of this path go.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what came.
    pub(crate) fn clear(&self) {
        *self.seen() = Seen::default();
    }
}

/// What a head says that matters here.
struct Head {
    end: usize,
    length: usize,
    hangs: bool,
    subject: String,
}

fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(end) = request.parse(bytes)? else { return Ok(None) };
    let hangs = request.path.unwrap_or_default().starts_with(HANGING);
    let header = |name: &str| {
        let found = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok()).unwrap_or_default()
    };
    let length = header("content-length").parse().context("a message without a length")?;
    Ok(Some(Head { end, length, hangs, subject: header("ce-subject").to_owned() }))
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Seen>>) -> Result<()> {
    stream.set_nodelay(true)?;
    let (mut bytes, mut began) = (Vec::with_capacity(4096), None);
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        let at = *began.get_or_insert_with(Instant::now);
        let Some(head) = head(&bytes)? else { continue };
        let end = head.end + head.length;
        if bytes.len() < end {
            continue;
        }
        {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if head.hangs {
                seen.hanging += 1;
            } else {
                seen.answered += 1;
                seen.span = Some((seen.span.map_or(at, |(first, _)| first), at));
                seen.first_bytes.entry(head.subject).or_insert(at);
                if seen.body.is_empty() {
                    seen.body = bytes[head.end..end].to_vec();
                }
            }
        }
        if !head.hangs {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
        }
        bytes.drain(..end);
        began = None;
    }
}
