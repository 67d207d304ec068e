//! What a policy may cost: bounds on its text, looked at before Cedar reads it.

/// The most bytes of a policy's text.
pub const MAX_BYTES: usize = 16 << 10;
/// The most statements of a policy.
pub const MAX_STATEMENTS: usize = 50;
/// How deeply brackets may nest.
pub const MAX_DEPTH: usize = 50;
/// How many operators may lie within each other, chains such as `a && b && c` counted link by link.
const MAX_LINKS: usize = 150;
/// The most elements of a set in a policy's text.
pub const MAX_ELEMENTS: usize = 200;
/// The most wildcards in a pattern of `like`.
pub const MAX_WILDCARDS: usize = 8;
/// How many references a path may follow, one after the other.
pub const MAX_HOPS: usize = 4;
/// The most parts that a statement may have as a condition on rows, for each type.
pub const MAX_NODES: usize = 2000;

/// What is wrong with a text, and at which byte.
pub(crate) type TooMuch = (usize, String);

/// Refuses a text that would cost Cedar's parser and typechecker, which recurse, too much of their stack. Linear.
pub(crate) fn check(text: &str) -> Result<(), TooMuch> {
    if text.len() > MAX_BYTES {
        return Err((0, format!("has {} bytes; at most {MAX_BYTES} are allowed: make two policies of it", text.len())));
    }
    let mut outer: Vec<Level> = vec![];
    let mut level = Level::default();
    for (at, token) in tokens(text) {
        match token {
            Token::Open => outer.push(std::mem::take(&mut level)),
            Token::Close => {
                if let Some(around) = outer.pop() {
                    let inner = std::mem::replace(&mut level, around);
                    level.inner = level.inner.max(inner.depth() + 1);
                }
            }
            Token::Chain => level.link(),
            Token::Step => level.steps += 1,
            Token::Separator => level.separate(),
            Token::End => level = Level::default(),
        }
        if outer.len() > MAX_DEPTH {
            return Err((at, format!("nests more than {MAX_DEPTH} levels deep; make several statements of it")));
        }
        if level.depth() > MAX_LINKS {
            let advice = "compare with a set by `contains`, or make several statements of it";
            return Err((at, format!("more than {MAX_LINKS} operators lie within each other here; {advice}")));
        }
    }
    Ok(())
}

/// What stands between two brackets.
#[derive(Default)]
struct Level {
    /// `&&`, `||`, `if`: each may hold all that stands beside it.
    chain: usize,
    /// The deepest of the operands before the last of these.
    longest: usize,
    /// Operators of the operand that is read, such as the dots of a path.
    steps: usize,
    /// The deepest bracket in it.
    inner: usize,
    /// The deepest of the elements before the last comma.
    before: usize,
}

impl Level {
    /// More than the depth of the tree that this becomes.
    fn depth(&self) -> usize {
        (self.chain + self.longest.max(self.steps + self.inner)).max(self.before)
    }

    fn link(&mut self) {
        self.longest = self.longest.max(self.steps + self.inner);
        (self.chain, self.steps, self.inner) = (self.chain + 1, 0, 0);
    }

    fn separate(&mut self) {
        *self = Level { before: self.depth(), ..Level::default() };
    }
}

enum Token {
    Open,
    Close,
    Chain,
    Step,
    Separator,
    End,
}

/// The tokens that matter, with their places. Strings and comments are passed over.
fn tokens(text: &str) -> impl Iterator<Item = (usize, Token)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let start = at;
            at += 1;
            let token = match bytes[start] {
                b'(' | b'[' | b'{' => Token::Open,
                b')' | b']' | b'}' => Token::Close,
                b',' => Token::Separator,
                b';' => Token::End,
                b'.' | b'+' | b'*' | b'-' | b'!' => Token::Step,
                b'&' | b'|' => {
                    at += usize::from(bytes.get(at) == Some(&bytes[start]));
                    Token::Chain
                }
                b'"' => {
                    at = string_end(bytes, at);
                    continue;
                }
                b'/' if bytes.get(at) == Some(&b'/') => {
                    at = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| at + end);
                    continue;
                }
                byte if is_word(byte) => {
                    at += bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
                    match &text[start..at] {
                        "if" | "when" | "unless" => Token::Chain,
                        _ => continue,
                    }
                }
                _ => continue,
            };
            return Some((start, token));
        }
        None
    })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The place behind the string that begins before `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_texts_pass() {
        let chain = vec!["resource.attributes.address.city == \"(((\""; 60].join(" || ");
        let set = format!("[{}].contains(1)", vec!["-1"; 900].join(","));
        for text in [chain.as_str(), &set, "// ((((((\n\"\\\"((((\" like \"*\"", &"permit();".repeat(900), "))))"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded_however_it_is_made() {
        let nested = format!("{}a{}", "(".repeat(60), ")".repeat(60));
        let both = (0..10).fold("a".to_owned(), |inner, _| format!("({inner}){}", " && b".repeat(20)));
        for text in
            [nested.as_str(), &both, &"a&&".repeat(200), &"a.".repeat(200), &"!".repeat(200), &"if a then ".repeat(160)]
        {
            let (_, detail) = check(text).expect_err(text);
            assert!(detail.contains("deep") || detail.contains("within each other"), "{detail}");
        }
        assert!(check(&" ".repeat(MAX_BYTES + 1)).is_err());
    }
}
