//! Walks through what a search finds: pages, and the tokens that lead from one to the next. A token holds no secret and grants
//! nothing: each page is decided anew. It belongs to one caller and one question.

use admin_types::{Error, Principal, Result};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The most results of a page; who wants more gets these.
const MAX_RESULTS: u32 = 200;
/// The results of a page, if nobody says.
const DEFAULT_RESULTS: u32 = 50;
const VERSION: u8 = 1;
/// Version, limit, fingerprint, place.
const LENGTH: usize = 1 + 1 + 8 + 16;

/// Where something stands among all that might be found: what comes later has a greater place.
pub(super) type Place = [u8; 16];
/// Before all others.
const START: Place = [0; 16];

/// One page of a walk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Walk {
    fingerprint: [u8; 8],
    pub(super) limit: u32,
    pub(super) after: Place,
}

/// A page of a search.
#[derive(Debug)]
pub struct Found<T> {
    /// The results.
    pub results: Vec<T>,
    /// Leads to the next page; empty at the end.
    pub next_token: String,
}

impl Walk {
    /// The page that a token leads to, or the first. `question` is all that must stay the same from page to page but the
    /// limit; a limit beyond the most means that many.
    pub fn read(principal: &Principal, question: &str, token: Option<&str>, limit: Option<u64>) -> Result<Walk> {
        let text = format!("{} {} {question}", principal.org, principal.id);
        let fingerprint = digest(&SHA256, text.as_bytes()).as_ref()[..8].try_into().expect("SHA-256 has 32 bytes");
        let limit = limit.map(|limit| limit.min(u64::from(MAX_RESULTS)) as u32);
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Ok(Walk { fingerprint, limit: limit.unwrap_or(DEFAULT_RESULTS), after: START });
        };
        let walk = Walk::decode(token).ok_or_else(|| bad("`page.token` is not one that a search answered"))?;
        if walk.fingerprint != fingerprint {
            return Err(bad("`page.token` is of another search; only `page.token` may change from page to page"));
        }
        match limit {
            Some(limit) if limit != walk.limit => {
                Err(bad(format!("`page.limit` was {} on the first page; it must stay the same", walk.limit)))
            }
            _ => Ok(walk),
        }
    }

    /// A page of what was found, of which there may be more than the page takes; `rest` is how far was looked, if there may be
    /// more behind.
    pub(super) fn page<T>(&self, mut found: Vec<(Place, T)>, rest: Option<Place>) -> Found<T> {
        let more = found.len() > self.limit as usize;
        found.truncate(self.limit as usize);
        let next = match more {
            true => Some(found.last().map_or(self.after, |(place, _)| *place)),
            false => rest,
        };
        let next_token = next.map(|after| Walk { after, ..self.clone() }.encode()).unwrap_or_default();
        Found { results: found.into_iter().map(|(_, result)| result).collect(), next_token }
    }

    fn encode(&self) -> String {
        // At most [`MAX_RESULTS`], so it fits.
        let limit = self.limit as u8;
        URL_SAFE_NO_PAD.encode([&[VERSION, limit], &self.fingerprint[..], &self.after[..]].concat())
    }

    fn decode(token: &str) -> Option<Walk> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok().filter(|bytes| bytes.len() == LENGTH)?;
        let limit = u32::from(bytes[1]);
        (bytes[0] == VERSION && limit <= MAX_RESULTS).then_some(Walk {
            limit,
            fingerprint: bytes[2..10].try_into().ok()?,
            after: bytes[10..].try_into().ok()?,
        })
    }
}

fn bad(detail: impl Into<String>) -> Error {
    Error::invalid("bad_question", detail)
}

#[cfg(test)]
mod tests {
    use admin_types::{OrgId, ResourceId, SystemRandom, Timestamp};

    use super::*;

    fn principal() -> Principal {
        let now = Timestamp(1_736_497_800_000_000);
        Principal::new(OrgId::new(now, &SystemRandom), ResourceId::new("user", now, &SystemRandom))
    }

    fn found(count: u8) -> Vec<(Place, u8)> {
        (1..=count).map(|n| ([n; 16], n)).collect()
    }

    #[test]
    fn pages_lead_to_the_end() {
        let ada = principal();
        let first = Walk::read(&ada, "q", None, Some(2)).expect("a walk").page(found(3), None);
        assert_eq!(first.results, [1, 2]);
        for limit in [None, Some(2)] {
            let second = Walk::read(&ada, "q", Some(&first.next_token), limit).expect("a walk");
            assert_eq!((second.after, second.limit), ([2; 16], 2));
            assert_eq!(second.page(found(2), None).next_token, "");
        }
        let looked = Walk::read(&ada, "q", None, None).expect("a walk").page(Vec::<(Place, u8)>::new(), Some([9; 16]));
        assert_eq!(Walk::read(&ada, "q", Some(&looked.next_token), None).expect("a walk").after, [9; 16]);
        let none = Walk::read(&ada, "q", None, Some(0)).expect("a walk");
        let page = none.page(found(1), None);
        assert_eq!((page.results.len(), Walk::decode(&page.next_token).expect("a token")), (0, none));
    }

    #[test]
    fn a_token_is_good_for_its_own_question_alone() {
        let ada = principal();
        let token = Walk::read(&ada, "q", None, Some(2)).expect("a walk").page(found(3), None).next_token;
        assert!(Walk::read(&ada, "other", Some(&token), None).is_err());
        assert!(Walk::read(&principal(), "q", Some(&token), None).is_err());
        assert!(Walk::read(&ada, "q", Some(&token), Some(3)).is_err());
        assert!(Walk::read(&ada, "q", None, Some(u64::MAX)).is_ok_and(|walk| walk.limit == MAX_RESULTS));
        for bad in ["x", "%%%", &token[1..], &"A".repeat(5000), &URL_SAFE_NO_PAD.encode([255; LENGTH])] {
            assert!(Walk::read(&ada, "q", Some(bad), None).is_err(), "{bad}");
        }
    }
}
