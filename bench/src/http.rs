//! A client for HTTP/1.1 over one kept connection. It must cost less than what it measures, so it reads into one
//! buffer and copies nothing.

use std::ops::Range;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The least room to read into, in bytes.
const ROOM: usize = 64 * 1024;
/// The most header lines of an answer.
const HEADERS: usize = 64;

/// Who calls: the host that requests name and the token that they carry, if any.
#[derive(Clone, Debug)]
pub struct Caller {
    /// `address:port`.
    pub address: String,
    /// The bearer token.
    pub token: Option<String>,
}

/// A request as a script thinks of it.
#[derive(Clone, Copy, Default, Debug)]
pub struct Request<'a> {
    /// The method; GET if empty.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// The media type and the body.
    pub body: Option<(&'a str, &'a [u8])>,
    /// The version that must be current.
    pub if_match: Option<u64>,
}

impl Caller {
    /// Writes a request's bytes at the end of `out`.
    pub fn write(&self, out: &mut Vec<u8>, request: Request<'_>) {
        self.write_head(out, request);
        if let Some((media_type, body)) = request.body {
            let lines = format!("content-type: {media_type}\r\ncontent-length: {}\r\n\r\n", body.len());
            out.extend_from_slice(lines.as_bytes());
            out.extend_from_slice(body);
        } else {
            out.extend_from_slice(b"\r\n");
        }
    }

    fn write_head(&self, out: &mut Vec<u8>, request: Request<'_>) {
        let method = if request.method.is_empty() { "GET" } else { request.method };
        for part in [method, " ", request.path, " HTTP/1.1\r\nhost: ", &self.address, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        if let Some(token) = &self.token {
            for part in ["authorization: Bearer ", token, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        if let Some(version) = request.if_match {
            out.extend_from_slice(format!("if-match: \"{version}\"\r\n").as_bytes());
        }
    }
}

/// A connection that is kept.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer; its text is in the connection's buffer until the next exchange.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    body: Range<usize>,
    chunked: bool,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn open(address: &str) -> Result<Connection> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: Vec::with_capacity(ROOM) })
    }

    /// Sends the bytes of a request and reads its whole answer.
    ///
    /// # Errors
    /// The connection ended, or what came is not HTTP.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await?;
        self.answer().await
    }

    /// Sends a request whose body comes in pieces, and reads its whole answer.
    ///
    /// # Errors
    /// The connection ended, or what came is not HTTP.
    pub async fn upload(
        &mut self,
        caller: &Caller,
        path: &str,
        media_type: &str,
        pieces: impl Iterator<Item = Vec<u8>>,
    ) -> Result<Answer> {
        let mut out = vec![];
        caller.write_head(&mut out, Request { method: "POST", path, ..Request::default() });
        out.extend_from_slice(format!("content-type: {media_type}\r\ntransfer-encoding: chunked\r\n\r\n").as_bytes());
        for piece in pieces {
            out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            out.extend_from_slice(&piece);
            out.extend_from_slice(b"\r\n");
            self.stream.write_all(&out).await?;
            out.clear();
        }
        self.stream.write_all(b"0\r\n\r\n").await?;
        self.answer().await
    }

    /// The text of an answer's head.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub fn head(&self, answer: &Answer) -> Result<String> {
        String::from_utf8(self.buffer[..answer.body.start].to_vec()).context("the head is not UTF-8")
    }

    /// The text of an answer's body.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub fn body(&self, answer: &Answer) -> Result<String> {
        let bytes = &self.buffer[answer.body.clone()];
        let text = if answer.chunked { join_chunks(bytes) } else { bytes.to_vec() };
        String::from_utf8(text).context("the body is not UTF-8")
    }

    async fn answer(&mut self) -> Result<Answer> {
        self.buffer.clear();
        let mut length = None;
        loop {
            self.buffer.reserve(ROOM);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection in the middle of an answer");
            }
            if length.is_none() {
                length = parse_head(&self.buffer)?;
            }
            let Some(head) = &length else { continue };
            let body = match head.length {
                Some(length) if self.buffer.len() >= head.end + length => head.end..head.end + length,
                None if self.buffer.ends_with(b"\r\n0\r\n\r\n") => head.end..self.buffer.len(),
                _ => continue,
            };
            return Ok(Answer { status: head.status, body, chunked: head.length.is_none() });
        }
    }
}

struct Head {
    status: u16,
    end: usize,
    /// The length of the body; `None` if it comes in chunks.
    length: Option<usize>,
}

fn parse_head(bytes: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(end) = response.parse(bytes)? else { return Ok(None) };
    let mut length = Some(0);
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            length = Some(std::str::from_utf8(header.value)?.parse()?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            length = None;
        }
    }
    Ok(Some(Head { status: response.code.context("no status")?, end, length }))
}

fn join_chunks(mut bytes: &[u8]) -> Vec<u8> {
    let mut joined = vec![];
    while let Ok(httparse::Status::Complete((start, length))) = httparse::parse_chunk_size(bytes) {
        let end = start + length as usize;
        if length == 0 || end + 2 > bytes.len() {
            break;
        }
        joined.extend_from_slice(&bytes[start..end]);
        bytes = &bytes[end + 2..];
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_heads() {
        assert!(parse_head(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap().is_none());
        let head = parse_head(b"HTTP/1.1 201 Created\r\nContent-Length: 7\r\n\r\nabc").unwrap().unwrap();
        assert_eq!((head.status, head.end, head.length), (201, 43, Some(7)));
        let head = parse_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap().unwrap();
        assert_eq!(head.length, None);
    }

    #[test]
    fn joins_chunks() {
        assert_eq!(join_chunks(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), b"abcde");
    }

    #[test]
    fn writes_requests() {
        let caller = Caller { address: "h:1".into(), token: Some("t".into()) };
        let mut out = vec![];
        caller.write(&mut out, Request { path: "/a", if_match: Some(3), ..Request::default() });
        let expected = "GET /a HTTP/1.1\r\nhost: h:1\r\nauthorization: Bearer t\r\nif-match: \"3\"\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
