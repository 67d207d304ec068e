//! Query parameters: each is known and stands once, or the request is refused.

use std::collections::BTreeMap;
use std::str::FromStr;

use admin_types::{Error, ResourceId, Result, Timestamp};
use percent_encoding::percent_decode_str;

/// The parameters of a request.
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads a query string of which only the `known` parameters are allowed.
    pub(crate) fn read(query: Option<&str>, known: &[&str]) -> Result<Params> {
        let mut params = BTreeMap::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(|| not_text("query"))?;
            if !known.contains(&&*name) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let name: String = name.chars().take(40).collect();
                return Err(Error::parameter(&name, format!("there is none of this name here; there are: {known}")));
            }
            let value = decode(value).ok_or_else(|| not_text(&name))?;
            if params.insert(name.clone(), value).is_some() {
                return Err(Error::parameter(&name, "stands twice; send it once"));
            }
        }
        Ok(Params(params))
    }

    /// A text, or `None`.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    /// A number, or `None`.
    pub(crate) fn number<N: FromStr>(&mut self, name: &str) -> Result<Option<N>> {
        let Some(text) = self.0.remove(name) else { return Ok(None) };
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = plain.then(|| text.parse().ok()).flatten();
        number
            .map(Some)
            .ok_or_else(|| Error::parameter(name, "must be a whole number that is not negative, and not too large"))
    }

    /// The id of a resource, or `None`.
    pub(crate) fn id(&mut self, name: &str) -> Result<Option<ResourceId>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        ResourceId::parse(&text).map(Some).ok_or_else(|| Error::parameter(name, "must be the id of a resource"))
    }

    /// A time, or `None`.
    pub(crate) fn time(&mut self, name: &str) -> Result<Option<Timestamp>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let detail = "must be a time such as 2025-01-10T08:30:00Z";
        Timestamp::parse(&text).map(Some).ok_or_else(|| Error::parameter(name, detail))
    }

    /// `true` or `false`; false if absent.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool> {
        match self.0.remove(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Error::parameter(name, "must be true or false")),
        }
    }

    /// A list separated by commas.
    pub(crate) fn list(&mut self, name: &str) -> Vec<String> {
        let text = self.0.remove(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }
}

/// A name or a value as `application/x-www-form-urlencoded` has it; `None` if it is not UTF-8, or holds U+0000.
fn decode(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    let text = percent_decode_str(&text).decode_utf8().ok()?;
    (!text.contains('\0')).then(|| text.into_owned())
}

fn not_text(name: &str) -> Error {
    Error::parameter(name, "must be UTF-8 without U+0000")
}
