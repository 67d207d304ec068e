//! Where a JSON Pointer points to in a text, so that an error can name the line.

/// The line, from 1, on which the value at `pointer` (RFC 6901) begins; for an object's member, the line of its key.
/// `text` must be JSON; `None` when the pointer leads nowhere.
pub fn line_of(text: &[u8], pointer: &str) -> Option<usize> {
    let mut reader = Reader { text, at: 0 };
    reader.skip_space();
    let mut place = reader.at;
    for segment in pointer.strip_prefix('/').map(|rest| rest.split('/')).into_iter().flatten() {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        place = match reader.text.get(reader.at)? {
            b'{' => reader.enter_member(&segment)?,
            b'[' => reader.enter_element(segment.parse().ok()?)?,
            _ => return None,
        };
    }
    Some(text[..place].iter().filter(|byte| **byte == b'\n').count() + 1)
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Goes behind the opening bracket or the comma; `None` at the closing one.
    fn next_item(&mut self) -> Option<()> {
        self.skip_space();
        match self.peek()? {
            b'{' | b'[' | b',' => self.at += 1,
            _ => return None,
        }
        self.skip_space();
        (!matches!(self.peek()?, b'}' | b']')).then_some(())
    }

    /// Goes to the value of a member of the object that begins here; answers where its key is.
    fn enter_member(&mut self, name: &str) -> Option<usize> {
        loop {
            self.next_item()?;
            let start = self.at;
            self.skip_string()?;
            let key: String = serde_json::from_slice(&self.text[start..self.at]).ok()?;
            self.skip_space();
            self.at += 1;
            self.skip_space();
            if key == name {
                return Some(start);
            }
            self.skip_value()?;
        }
    }

    /// Goes to an element of the array that begins here; answers where it is.
    fn enter_element(&mut self, index: usize) -> Option<usize> {
        for _ in 0..index {
            self.next_item()?;
            self.skip_value()?;
        }
        self.next_item()?;
        Some(self.at)
    }

    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        while self.peek()? != b'"' {
            self.at += if self.peek()? == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        Some(())
    }

    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            self.skip_space();
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' => {
                    self.at += 1;
                    continue;
                }
                _ => {
                    while self
                        .peek()
                        .is_some_and(|byte| !matches!(byte, b',' | b'}' | b']') && !byte.is_ascii_whitespace())
                    {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str =
        "{\n  \"a\": [1,\n    {\"x\": \"}\\\"\", \"b/c\": true}],\n  \"d\": {\"e\": [],\n    \"f\": 3}\n}";

    #[test]
    fn finds_members_and_elements() {
        for (pointer, line) in
            [("", 1), ("/a", 2), ("/a/0", 2), ("/a/1", 3), ("/a/1/b~1c", 3), ("/d", 4), ("/d/e", 4), ("/d/f", 5)]
        {
            assert_eq!(line_of(TEXT.as_bytes(), pointer), Some(line), "{pointer}");
        }
        for pointer in ["/x", "/a/2", "/a/x", "/d/f/g", "/d/e/0"] {
            assert_eq!(line_of(TEXT.as_bytes(), pointer), None, "{pointer}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}", pointer in "(/[a-z0-9]{0,2}){0,3}") {
            let _ = line_of(text.as_bytes(), &pointer);
        }
    }
}
