//! The parameters of an OAuth request: each at most once, and empty ones as if they were absent (RFC 6749, section 3.1).

use std::collections::BTreeMap;

use crate::error::{OAuthError, OAuthResult};

/// Parameters that may be sent several times (RFC 8707, section 2).
const REPEATED: &[&str] = &["resource", "audience"];
/// The most parameters of a request.
const MAX: usize = 100;

/// The parameters of a request.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Form {
    values: BTreeMap<String, Vec<String>>,
}

impl Form {
    /// Takes decoded pairs; refuses a parameter that stands twice.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> OAuthResult<Form> {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (at, (name, value)) in pairs.into_iter().enumerate() {
            if at >= MAX {
                return Err(OAuthError::request(format!("there are more than {MAX} parameters")));
            }
            let of_name = values.entry(name.clone()).or_default();
            if !of_name.is_empty() && !REPEATED.contains(&name.as_str()) {
                return Err(OAuthError::request(format!("the parameter {name} stands twice")));
            }
            of_name.push(value);
        }
        for of_name in values.values_mut() {
            of_name.retain(|value| !value.is_empty());
        }
        Ok(Form { values })
    }

    /// A parameter, if it is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(|values| values.first()).map(String::as_str)
    }

    /// A parameter that must be there.
    pub fn need(&self, name: &str) -> OAuthResult<&str> {
        self.get(name).ok_or_else(|| OAuthError::request(format!("the parameter {name} is missing")))
    }

    /// All values of a parameter that may be repeated.
    pub fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// Every parameter, in the order of the names.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().flat_map(|(name, values)| values.iter().map(move |value| (name.as_str(), value.as_str())))
    }
}
