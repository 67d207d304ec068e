//! A server that is sent messages: it keeps what it gets, and answers as it is told.
//!
//! It speaks as much HTTP/1.1 as a sender of messages needs: bodies with a `Content-Length`, connections that are kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a story waits for a message.
const WITHIN: Duration = Duration::from_secs(60);

/// A message that came.
#[derive(Clone, Debug)]
pub struct Message {
    /// Where it was sent to: `/hook`.
    pub path: String,
    /// Its headers, with names in lower case.
    pub headers: HashMap<String, String>,
    /// Its body.
    pub body: Vec<u8>,
    /// When it had come.
    pub at: Instant,
}

impl Message {
    /// A header, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Its `webhook-id`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// Its body.
    ///
    /// # Panics
    /// It is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body that is JSON")
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    after: Duration,
    hangs: bool,
}

impl Answer {
    /// A status, with nothing else.
    #[must_use]
    pub fn status(status: u16) -> Answer {
        Answer { status, headers: vec![], body: String::new(), after: Duration::ZERO, hangs: false }
    }

    /// None: the connection stays open, and nothing is said.
    #[must_use]
    pub fn hang() -> Answer {
        Answer { hangs: true, ..Answer::status(200) }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(self, body: &str) -> Answer {
        Answer { body: body.to_owned(), ..self }
    }

    /// Not at once.
    #[must_use]
    pub fn after(self, after: Duration) -> Answer {
        Answer { after, ..self }
    }
}

type Behaviour = Arc<dyn Fn(&Message, usize) -> Answer + Send + Sync>;

#[derive(Default)]
struct Kept {
    messages: Vec<Message>,
    behaviours: HashMap<String, Behaviour>,
}

struct Inner {
    kept: Mutex<Kept>,
    connections: AtomicUsize,
    count: watch::Sender<usize>,
}

/// A server that is sent messages. What it is not told to answer otherwise, it answers with 200.
pub struct Sink {
    /// Where it is: `http://127.0.0.1:PORT`.
    pub url: String,
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sink {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// There is no free port.
    pub async fn start() -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (connections, count) = (AtomicUsize::new(0), watch::Sender::new(0));
        let inner = Arc::new(Inner { kept: Mutex::default(), connections, count });
        let shared = inner.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::Relaxed);
                let inner = shared.clone();
                tokio::spawn(async move { serve(stream, &inner).await });
            }
        });
        Sink { url, inner, task }
    }

    /// An address of it.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// From now on, what is sent to `path` is answered so: by the message, and by how many came there before it.
    pub fn on(&self, path: &str, behaviour: impl Fn(&Message, usize) -> Answer + Send + Sync + 'static) {
        self.inner.kept().behaviours.insert(path.to_owned(), Arc::new(behaviour));
    }

    /// From now on, all that is sent to `path` is answered so.
    pub fn always(&self, path: &str, answer: Answer) {
        self.on(path, move |_, _| answer.clone());
    }

    /// The first messages to `path` are answered so, one after the other, and all others with 200.
    pub fn first(&self, path: &str, answers: Vec<Answer>) {
        self.on(path, move |_, before| answers.get(before).cloned().unwrap_or(Answer::status(200)));
    }

    /// All that came to `path`, in order.
    #[must_use]
    pub fn messages(&self, path: &str) -> Vec<Message> {
        self.inner.kept().messages.iter().filter(|message| message.path == path).cloned().collect()
    }

    /// How many connections were ever made.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::Relaxed)
    }

    /// Waits until so many messages have come to `path`, and answers all that have.
    ///
    /// # Panics
    /// They do not come.
    pub async fn wait(&self, path: &str, count: usize) -> Vec<Message> {
        self.until(&format!("{count} messages to {path}"), |sink| {
            let messages = sink.messages(path);
            (messages.len() >= count).then_some(messages)
        })
        .await
    }

    /// Waits until what has come is such.
    ///
    /// # Panics
    /// It never is.
    pub async fn until<T>(&self, what: &str, ask: impl Fn(&Sink) -> Option<T>) -> T {
        let mut news = self.inner.count.subscribe();
        let found = async {
            loop {
                news.mark_unchanged();
                if let Some(found) = ask(self) {
                    return found;
                }
                news.changed().await.expect("the sink is there");
            }
        };
        match tokio::time::timeout(WITHIN, found).await {
            Ok(found) => found,
            Err(_) => {
                let all: Vec<_> = self.inner.kept().messages.iter().map(|one| one.path.clone()).collect();
                panic!("{what}: not within {WITHIN:?}; what came, came to {all:?}")
            }
        }
    }
}

impl Inner {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a message, and says what to answer.
    fn take(&self, message: Message) -> Answer {
        let mut kept = self.kept();
        let before = kept.messages.iter().filter(|other| other.path == message.path).count();
        let behaviour = kept.behaviours.get(&message.path).cloned();
        let answer = behaviour.map_or(Answer::status(200), |behaviour| behaviour(&message, before));
        kept.messages.push(message);
        drop(kept);
        self.count.send_modify(|count| *count += 1);
        answer
    }
}

/// One connection. A sender that goes away is no failure.
async fn serve(stream: TcpStream, inner: &Inner) -> Option<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await.ok().filter(|bytes| *bytes > 0)?;
        let path = line.split(' ').nth(1)?.to_owned();
        let mut headers = HashMap::new();
        loop {
            line.clear();
            reader.read_line(&mut line).await.ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).await.ok()?;
        let answer = inner.take(Message { path, headers, body, at: Instant::now() });
        if answer.hangs {
            // Until the sender has had enough.
            let _ = reader.read_u8().await;
            return None;
        }
        tokio::time::sleep(answer.after).await;
        let mut head = format!("HTTP/1.1 {} told\r\ncontent-length: {}\r\n", answer.status, answer.body.len());
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        writer.write_all(format!("{head}\r\n{}", answer.body).as_bytes()).await.ok()?;
    }
}
