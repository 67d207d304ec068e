//! A server on a real socket that does with a connection what a test wants.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(super) struct Server {
    pub(super) address: SocketAddr,
    /// How many connections there were.
    pub(super) connections: Arc<AtomicUsize>,
}

impl Server {
    /// Does so with every connection.
    pub(super) async fn start<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Server
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream));
            }
        });
        Server { address, connections }
    }

    /// Answers every request with the same bytes.
    pub(super) async fn answering(answer: impl Into<Vec<u8>>) -> Server {
        let answer: Arc<[u8]> = answer.into().into();
        Server::start(move |stream| answer_all(stream, Arc::clone(&answer))).await
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook?a=1", self.address)
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Answers requests of which each ends with the body `hello`.
pub(super) async fn answer_all(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: Arc<[u8]>) {
    while request(&mut stream).await.is_some() {
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// Reads a request that ends with the body `hello`.
pub(super) async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut read = vec![];
    while !read.ends_with(b"\r\n\r\nhello") {
        let mut byte = [0; 1_024];
        match stream.read(&mut byte).await {
            Ok(length) if length > 0 => read.extend_from_slice(&byte[..length]),
            _ => return None,
        }
    }
    String::from_utf8(read).ok()
}

pub(super) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
