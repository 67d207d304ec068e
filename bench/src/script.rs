//! What clients ask for: one script for each kind of operation.

use crate::http::{Caller, Request};
use crate::rows;

const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Where to get a resource by its id, to create one, to list them.
pub const RESOURCES: &str = "/v3/resources";

/// Writes the requests of all clients of a run.
pub trait Script {
    /// Writes the next request of a client at the end of `out`.
    fn request(&mut self, client: usize, out: &mut Vec<u8>);

    /// The client's request was answered with success.
    fn answered(&mut self, _client: usize) {}

    /// Whether a status is success.
    fn is_success(&self, status: u16) -> bool {
        (200..300).contains(&status)
    }
}

/// The same request again and again.
#[derive(Clone, Debug)]
pub struct Same {
    bytes: Vec<u8>,
}

impl Same {
    /// GETs a path, or POSTs JSON to it.
    #[must_use]
    pub fn of(caller: &Caller, path: &str, json: Option<&str>) -> Same {
        Same::with(caller, path, json.map(|json| (JSON, json.as_bytes())))
    }

    /// POSTs a form to a path.
    #[must_use]
    pub fn form(caller: &Caller, path: &str, form: &str) -> Same {
        Same::with(caller, path, Some((FORM, form.as_bytes())))
    }

    fn with(caller: &Caller, path: &str, body: Option<(&str, &[u8])>) -> Same {
        let mut bytes = vec![];
        let method = if body.is_some() { "POST" } else { "" };
        caller.write(&mut bytes, Request { method, path, body, ..Request::default() });
        Same { bytes }
    }
}

impl Script for Same {
    fn request(&mut self, _client: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
    }

    /// A form that did its work leads on.
    fn is_success(&self, status: u16) -> bool {
        (200..400).contains(&status)
    }
}

/// Reads of single rows, all over the place.
#[derive(Clone, Debug)]
pub struct Gets {
    caller: Caller,
    rows: u64,
    next: u64,
}

impl Gets {
    /// Reads among the first `rows` rows.
    #[must_use]
    pub fn new(caller: &Caller, rows: u64) -> Gets {
        Gets { caller: caller.clone(), rows, next: 0 }
    }
}

impl Script for Gets {
    fn request(&mut self, _client: usize, out: &mut Vec<u8>) {
        let path = format!("{RESOURCES}/{}", rows::id(rows::scatter(self.next) % self.rows));
        self.next += 1;
        self.caller.write(out, Request { path: &path, ..Request::default() });
    }
}

/// Creations of rows of the type [`rows::ENTRY`].
#[derive(Clone, Debug)]
pub struct Creates {
    caller: Caller,
    path: String,
    next: u64,
}

impl Creates {
    /// Creates rows by POST to `path`.
    #[must_use]
    pub fn new(caller: &Caller, path: &str) -> Creates {
        Creates { caller: caller.clone(), path: path.to_owned(), next: 0 }
    }
}

impl Script for Creates {
    fn request(&mut self, _client: usize, out: &mut Vec<u8>) {
        let body = rows::document(rows::ENTRY, self.next);
        self.next += 1;
        let body = Some((JSON, body.as_bytes()));
        self.caller.write(out, Request { method: "POST", path: &self.path, body, ..Request::default() });
    }
}

/// Changes under the condition that the version is still the one that the client knows. Each client has rows of its own.
#[derive(Clone, Debug)]
pub struct Updates {
    caller: Caller,
    first: u64,
    /// Whether the indexed `code` changes, or only the `note`.
    indexed: bool,
    /// For each client, its rows' versions and which is next.
    clients: Vec<(Vec<u64>, usize)>,
}

impl Updates {
    /// `clients` clients with `each` rows each, from row `first` on.
    #[must_use]
    pub fn new(caller: &Caller, (clients, each): (usize, usize), first: u64, indexed: bool) -> Updates {
        Updates { caller: caller.clone(), first, indexed, clients: vec![(vec![1; each], 0); clients] }
    }
}

impl Script for Updates {
    fn request(&mut self, client: usize, out: &mut Vec<u8>) {
        let (versions, at) = &self.clients[client];
        let n = self.first + (client * versions.len() + at) as u64;
        let version = versions[*at];
        let body = match self.indexed {
            true => format!(r#"{{"attributes":{{"code":{}}}}}"#, rows::scatter(n ^ (version << 32)) >> 40),
            false => {
                format!(r#"{{"attributes":{{"note":"Changed when its version was {version}, to be measured."}}}}"#)
            }
        };
        let path = format!("{RESOURCES}/{}", rows::id(n));
        let body = Some((MERGE, body.as_bytes()));
        self.caller.write(out, Request { method: "PATCH", path: &path, body, if_match: Some(version) });
    }

    fn answered(&mut self, client: usize) {
        let (versions, at) = &mut self.clients[client];
        versions[*at] += 1;
        *at = (*at + 1) % versions.len();
    }
}
