//! The words of a filter's text, one at a time.

use super::Comparison;
use super::problem::Problem;

/// The longest string literal or name, in bytes.
pub(super) const MAX_STRING: usize = 1000;

/// One word of the text.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Token {
    /// A bare word: a name, a keyword, or a text.
    Word(String),
    /// A string in double or single quotes.
    Quoted(String),
    /// A name in backticks.
    Backticked(String),
    Integer(i64),
    Number(f64),
    Compare(Comparison),
    Colon,
    Star,
    Dot,
    Minus,
    Open,
    Close,
    End,
}

/// Reads tokens from a text.
pub(super) struct Lexer<'t> {
    rest: std::str::Chars<'t>,
    /// The column of the next character, from 1.
    column: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Lexer<'t> {
        Lexer { rest: text.chars(), column: 1 }
    }

    /// The next token and the column of its first character.
    pub(super) fn next(&mut self) -> Result<(Token, usize), Problem> {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.bump();
        }
        let column = self.column;
        let token = match self.peek() {
            None => Token::End,
            Some('(') => self.one(Token::Open),
            Some(')') => self.one(Token::Close),
            Some('.') => self.one(Token::Dot),
            Some(':') => self.one(Token::Colon),
            Some('*') => self.one(Token::Star),
            Some('=' | '!' | '<' | '>') => self.comparison(column)?,
            Some(quote @ ('"' | '\'')) => Token::Quoted(self.quoted(quote, column)?),
            Some('`') => Token::Backticked(self.backticked(column)?),
            Some('-') if !self.second().is_some_and(|c| c.is_ascii_digit()) => self.one(Token::Minus),
            Some(c) if c == '-' || c.is_ascii_digit() => self.number(column)?,
            Some(c) if c == '_' || c.is_ascii_alphabetic() => Token::Word(self.word()),
            Some('&') => return Err(Problem::at(column, "`&` means nothing in a filter; write AND")),
            Some('|') => return Err(Problem::at(column, "`|` means nothing in a filter; write OR")),
            Some(c) => {
                let detail = format!("`{}` cannot stand here; texts stand in quotes", c.escape_debug());
                return Err(Problem::at(column, detail));
            }
        };
        Ok((token, column))
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn second(&self) -> Option<char> {
        self.rest.clone().nth(1)
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.rest.next()?;
        self.column += 1;
        Some(next)
    }

    fn one(&mut self, token: Token) -> Token {
        self.bump();
        token
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.peek().filter(|c| wanted(*c)) {
            taken.push(c);
            self.bump();
        }
        taken
    }

    fn word(&mut self) -> String {
        self.take_while(is_word_character)
    }

    fn comparison(&mut self, column: usize) -> Result<Token, Problem> {
        let first = self.bump();
        let equals = self.peek() == Some('=');
        if equals {
            self.bump();
        }
        let op = match (first, equals) {
            (Some('='), false) => Comparison::Eq,
            (Some('='), true) => return Err(Problem::at(column, "`==` means nothing in a filter; write =")),
            (Some('!'), true) => Comparison::Ne,
            (Some('!'), false) => return Err(Problem::at(column, "`!` means nothing alone; write NOT, or !=")),
            (Some('<'), false) if self.peek() == Some('>') => {
                return Err(Problem::at(column, "`<>` means nothing in a filter; write !="));
            }
            (Some('<'), false) => Comparison::Lt,
            (Some('<'), true) => Comparison::Le,
            (_, false) => Comparison::Gt,
            (_, true) => Comparison::Ge,
        };
        Ok(Token::Compare(op))
    }

    /// A number as in JSON (RFC 8259, section 6).
    fn number(&mut self, column: usize) -> Result<Token, Problem> {
        let mut text = self.take_while(|c| c == '-');
        text += &self.take_while(|c| c.is_ascii_digit());
        let mut whole = true;
        if self.peek() == Some('.') {
            whole = false;
            self.bump();
            text.push('.');
            text += &self.take_while(|c| c.is_ascii_digit());
        }
        if matches!(self.peek(), Some('e' | 'E')) && !text.ends_with('.') {
            whole = false;
            self.bump();
            text.push('e');
            text.extend(self.peek().filter(|c| matches!(c, '+' | '-')).and_then(|_| self.bump()));
            text += &self.take_while(|c| c.is_ascii_digit());
        }
        let glued = self.word();
        let digits = text.trim_start_matches('-');
        let leading_zero = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
        if !glued.is_empty() || leading_zero || !text.ends_with(|c: char| c.is_ascii_digit()) {
            let detail = format!("`{text}{glued}` is not a number; a text that begins so must stand in quotes");
            return Err(Problem::at(column, detail));
        }
        if whole {
            let too_wide = || Problem::at(column, format!("{text} does not fit into 64 bits"));
            return text.parse().map(Token::Integer).map_err(|_| too_wide());
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Token::Number(number)),
            _ => Err(Problem::at(column, format!("{text} is beyond the range of numbers"))),
        }
    }

    fn quoted(&mut self, quote: char, column: usize) -> Result<String, Problem> {
        self.bump();
        let mut text = String::new();
        loop {
            let at = self.column;
            match self.bump() {
                None => return Err(Problem::at(column, format!("the string has no closing {quote}"))),
                Some(c) if c == quote => return checked(text, column),
                Some('\\') => text.push(self.escape(at)?),
                Some(c) => text.push(c),
            }
        }
    }

    fn backticked(&mut self, column: usize) -> Result<String, Problem> {
        self.bump();
        let name = self.take_while(|c| c != '`');
        if self.bump().is_none() {
            return Err(Problem::at(column, "the name has no closing `"));
        }
        checked(name, column)
    }

    /// What stands after the backslash at `at`.
    fn escape(&mut self, at: usize) -> Result<char, Problem> {
        match self.bump() {
            Some(c @ ('"' | '\'' | '\\')) => Ok(c),
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some('u') => self.unicode(at),
            _ => Err(Problem::at(at, r#"unknown escape; there are \" \' \\ \n \t and \u0000"#)),
        }
    }

    /// `\uXXXX`, or two that are a surrogate pair, as in JSON.
    fn unicode(&mut self, at: usize) -> Result<char, Problem> {
        let high = self.hex(at)?;
        let code = if (0xD800..0xDC00).contains(&high) && self.peek() == Some('\\') && self.second() == Some('u') {
            self.bump();
            self.bump();
            let low = self.hex(at)?;
            if !(0xDC00..0xE000).contains(&low) {
                return Err(Problem::at(at, "half of a surrogate pair is missing"));
            }
            0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
        } else {
            high
        };
        char::from_u32(code).ok_or_else(|| Problem::at(at, "half of a surrogate pair is missing"))
    }

    fn hex(&mut self, at: usize) -> Result<u32, Problem> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.bump().and_then(|c| c.to_digit(16));
            let digit = digit.ok_or_else(|| Problem::at(at, r"\u needs four hexadecimal digits"))?;
            code = code * 16 + digit;
        }
        Ok(code)
    }
}

/// The string, when it keeps the bounds. No database takes U+0000 in a text.
fn checked(text: String, column: usize) -> Result<String, Problem> {
    if text.len() > MAX_STRING {
        return Err(Problem::at(column, "a string may have at most 1,000 bytes"));
    }
    if text.contains('\0') {
        return Err(Problem::at(column, "a string cannot hold the character U+0000"));
    }
    Ok(text)
}

/// Whether a bare word may hold `c`.
pub(super) fn is_word_character(c: char) -> bool {
    c == '_' || c == '-' || c.is_ascii_alphanumeric()
}

/// Whether `text` can stand without quotes.
pub(super) fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic()) && text.chars().all(is_word_character)
}
