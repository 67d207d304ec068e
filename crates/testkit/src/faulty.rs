//! A proxy between a client and a server of HTTP that does what networks and overloaded servers do, when it is told to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What happens to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nothing: it goes through.
    None,
    /// It is answered with 503, and does not arrive.
    Unavailable,
    /// It is not answered, and does not arrive.
    Silence,
    /// The connection is cut before it arrives.
    Cut,
    /// It arrives, and the connection is cut in place of the answer.
    CutAnswer,
    /// It arrives, and is answered after this time.
    Slow(Duration),
}

/// A proxy.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    to: SocketAddr,
    plan: Mutex<Plan>,
    requests: AtomicUsize,
    /// Held by the request that goes through, if they go one by one.
    turn: Option<tokio::sync::Mutex<()>>,
}

#[derive(Debug)]
struct Plan {
    /// For the next requests, one each, the first first.
    next: Vec<Fault>,
    /// For all after.
    then: Fault,
}

impl Proxy {
    /// Starts a proxy to a server on this machine.
    ///
    /// # Panics
    /// There is no port for it.
    pub async fn start(port: u16) -> Proxy {
        Proxy::begin(port, None).await
    }

    /// Starts a proxy that lets one request through at a time: for servers that look at a condition in one step and write in
    /// another.
    ///
    /// # Panics
    /// There is no port for it.
    pub async fn one_by_one(port: u16) -> Proxy {
        Proxy::begin(port, Some(tokio::sync::Mutex::default())).await
    }

    async fn begin(port: u16, turn: Option<tokio::sync::Mutex<()>>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("127.0.0.1 has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let plan = Mutex::new(Plan { next: vec![], then: Fault::None });
        let state = Arc::new(State { to: ([127, 0, 0, 1], port).into(), plan, requests: AtomicUsize::new(0), turn });
        let serving = Arc::clone(&state);
        let task = tokio::spawn(async move {
            // All connections end with the proxy.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&serving);
                connections.spawn(async move { drop(serve(stream, &state).await) });
                while connections.try_join_next().is_some() {}
            }
        });
        Proxy { address, state, task }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on the next requests meet these, one each, and all after them `then`.
    pub fn plan(&self, next: &[Fault], then: Fault) {
        *self.state.plan.lock().unwrap_or_else(PoisonError::into_inner) = Plan { next: next.to_vec(), then };
    }

    /// How many requests there were.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    fn fault(&self) -> Fault {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        if plan.next.is_empty() { plan.then } else { plan.next.remove(0) }
    }
}

/// One request a connection: the server is told to close it after its answer, so no more than its head need be understood.
async fn serve(mut client: TcpStream, state: &State) -> std::io::Result<()> {
    let Some(head) = head(&mut client).await? else { return Ok(()) };
    let fault = state.fault();
    let _turn = match &state.turn {
        Some(turn) => Some(turn.lock().await),
        None => None,
    };
    match fault {
        Fault::Unavailable => {
            let answer = b"HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            client.write_all(answer).await?;
            client.shutdown().await?;
            // What still comes is read, or the answer may be lost with it.
            tokio::io::copy(&mut client, &mut tokio::io::sink()).await?;
            return Ok(());
        }
        Fault::Silence => {
            tokio::io::copy(&mut client, &mut tokio::io::sink()).await?;
            return Ok(());
        }
        Fault::Cut => return Ok(()),
        Fault::None | Fault::CutAnswer | Fault::Slow(_) => {}
    }
    let mut server = TcpStream::connect(state.to).await?;
    server.write_all(&head).await?;
    match fault {
        Fault::CutAnswer => {
            let (mut from_client, _) = client.split();
            let (mut from_server, mut to_server) = server.split();
            let mut first = [0; 1];
            tokio::select! {
                sent = tokio::io::copy(&mut from_client, &mut to_server) => drop(sent?),
                answered = from_server.read(&mut first) => drop(answered?),
            }
            Ok(())
        }
        Fault::Slow(pause) => {
            let (mut from_client, mut to_client) = client.split();
            let (mut from_server, mut to_server) = server.split();
            let answering = async {
                let mut first = [0; 1];
                from_server.read_exact(&mut first).await?;
                tokio::time::sleep(pause).await;
                to_client.write_all(&first).await?;
                tokio::io::copy(&mut from_server, &mut to_client).await
            };
            tokio::select! {
                sent = async { tokio::io::copy(&mut from_client, &mut to_server).await?; std::future::pending().await } => sent,
                answered = answering => answered.map(drop),
            }
        }
        _ => copy_bidirectional(&mut client, &mut server).await.map(drop),
    }
}

/// Reads a head, with what came after it, and has it ask for the end of the connection.
async fn head(client: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut read = vec![];
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let mut head = read[..end].to_vec();
            head.extend_from_slice(b"\r\nconnection: close");
            head.extend_from_slice(&read[end..]);
            return Ok(Some(head));
        }
        let mut part = [0; 4_096];
        match client.read(&mut part).await? {
            0 => return Ok(None),
            length => read.extend_from_slice(&part[..length]),
        }
    }
}
