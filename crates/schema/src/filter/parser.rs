//! Recursive descent over the tokens; how deep and how many is checked before it goes on.
//!
//! ```text
//! or         = and { "OR" and }
//! and        = not { "AND" not }
//! not        = ( "NOT" | "-" ) not | primary
//! primary    = "(" or ")" | "true" | "false" | condition
//! ```

use super::condition::{Operator, Raw, Subject};
use super::lexer::{Lexer, Token};
use super::problem::Problem;
use super::{Filter, Path};
use crate::TypeDefinition;

/// The longest text of a filter, in bytes.
const MAX_TEXT: usize = 8192;
/// How deeply parentheses and NOT may nest.
const MAX_DEPTH: usize = 32;
/// The most conditions of one filter.
const MAX_CONDITIONS: usize = 200;
/// The most names of one attribute path.
const MAX_PATH: usize = 32;

/// Reads the whole text.
pub(super) fn parse(text: &str, definition: Option<&TypeDefinition>) -> Result<Filter, Problem> {
    if text.len() > MAX_TEXT {
        return Err(Problem::at(1, format!("the filter has {} bytes; at most 8,192 are read", text.len())));
    }
    let mut lexer = Lexer::new(text);
    let (token, column) = lexer.next()?;
    let mut parser = Parser { lexer, token, column, definition, conditions: 0 };
    if parser.token == Token::End {
        return Ok(Filter::True);
    }
    let filter = parser.or(0)?;
    match &parser.token {
        Token::End => Ok(filter),
        _ => Err(parser.unexpected_after_condition()),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token,
    /// Where `token` begins.
    column: usize,
    definition: Option<&'a TypeDefinition>,
    conditions: usize,
}

impl Parser<'_> {
    fn advance(&mut self) -> Result<Token, Problem> {
        let (token, column) = self.lexer.next()?;
        self.column = column;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn problem(&self, detail: impl Into<String>) -> Problem {
        Problem::at(self.column, detail)
    }

    fn at_word(&self, keyword: &str) -> bool {
        matches!(&self.token, Token::Word(word) if word == keyword)
    }

    fn or(&mut self, depth: usize) -> Result<Filter, Problem> {
        let mut parts = vec![self.and(depth)?];
        while self.at_word("OR") {
            self.advance()?;
            parts.push(self.and(depth)?);
        }
        Ok(Filter::any(parts))
    }

    fn and(&mut self, depth: usize) -> Result<Filter, Problem> {
        let mut parts = vec![self.not(depth)?];
        while self.at_word("AND") {
            self.advance()?;
            parts.push(self.not(depth)?);
        }
        Ok(Filter::all(parts))
    }

    fn not(&mut self, depth: usize) -> Result<Filter, Problem> {
        if depth > MAX_DEPTH {
            return Err(self.problem("parentheses and NOT nest more than 32 levels deep"));
        }
        if self.token == Token::Minus || self.at_word("NOT") {
            self.advance()?;
            return Ok(Filter::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.token != Token::Open {
            return self.condition();
        }
        let column = self.column;
        self.advance()?;
        let inner = self.or(depth + 1)?;
        match self.token {
            Token::Close => self.advance()?,
            Token::End => return Err(Problem::at(column, "this parenthesis is never closed")),
            _ => return Err(self.unexpected_after_condition()),
        };
        Ok(inner)
    }

    fn condition(&mut self) -> Result<Filter, Problem> {
        for (word, constant) in [("true", Filter::True), ("false", Filter::False)] {
            if self.at_word(word) {
                self.advance()?;
                return Ok(constant);
            }
        }
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(self.problem("a filter may have at most 200 conditions"));
        }
        let column = self.column;
        let path = self.path()?;
        if path == Subject::Labels {
            return self.label_presence();
        }
        let Subject::Path(path) = path else { return Err(Problem::at(column, "name an attribute: attributes.<name>")) };
        let operator = match self.advance_if_operator()? {
            Some(operator) => operator,
            None => return Err(self.problem(format!("expected one of = != < <= > >= : after `{path}`"))),
        };
        if operator == Operator::Has && self.token == Token::Star {
            self.advance()?;
            return super::condition::present(path, column, self.definition);
        }
        let literal_column = self.column;
        let raw = self.literal()?;
        super::condition::comparison(path, column, operator, raw, literal_column, self.definition)
    }

    /// What follows `labels` when no dot does: `labels:team`.
    fn label_presence(&mut self) -> Result<Filter, Problem> {
        if self.token != Token::Colon {
            return Err(self.problem("expected `.` or `:` after `labels`, as in labels.team = core, or labels:team"));
        }
        self.advance()?;
        let name = self.name("a label's name, as in labels:team")?;
        Ok(Filter::Present { path: Path::Label(name) })
    }

    fn advance_if_operator(&mut self) -> Result<Option<Operator>, Problem> {
        let operator = match self.token {
            Token::Compare(op) => Operator::Compare(op),
            Token::Colon => Operator::Has,
            _ => return Ok(None),
        };
        self.advance()?;
        Ok(Some(operator))
    }

    fn path(&mut self) -> Result<Subject, Problem> {
        let Token::Word(word) = self.token.clone() else { return Err(self.expected_condition()) };
        let subject = match word.as_str() {
            "id" => Path::Id,
            "type" => Path::Type,
            "name" => Path::Name,
            "status" => Path::Status,
            "parent" => Path::Parent,
            "version" => Path::Version,
            "created_at" => Path::CreatedAt,
            "updated_at" => Path::UpdatedAt,
            "attributes" | "labels" => return self.nested(&word),
            _ => return Err(self.unknown_name(&word)),
        };
        self.advance()?;
        match self.token {
            Token::Dot => {
                Err(self.problem(format!("`{word}` has nothing below it; attributes are written attributes.<name>")))
            }
            _ => Ok(Subject::Path(subject)),
        }
    }

    /// `attributes.a.b`, `labels.team`, or the bare word.
    fn nested(&mut self, word: &str) -> Result<Subject, Problem> {
        let column = self.column;
        self.advance()?;
        let mut names = vec![];
        while self.token == Token::Dot {
            self.advance()?;
            names.push(self.name("a name after the dot; odd names stand in quotes")?);
            if names.len() > MAX_PATH {
                return Err(Problem::at(column, "an attribute's path may have at most 32 names"));
            }
        }
        match (word, names.len()) {
            ("attributes", 0) => Ok(Subject::Attributes),
            ("attributes", _) => Ok(Subject::Path(Path::Attribute(names))),
            (_, 0) => Ok(Subject::Labels),
            (_, 1) => Ok(Subject::Path(Path::Label(names.remove(0)))),
            (_, _) => {
                let detail = format!("a label's name that holds dots stands in quotes: labels.\"{}\"", names.join("."));
                Err(Problem::at(column, detail))
            }
        }
    }

    fn name(&mut self, expected: &str) -> Result<String, Problem> {
        match &self.token {
            Token::Word(_) | Token::Quoted(_) | Token::Backticked(_) => match self.advance()? {
                Token::Word(name) | Token::Quoted(name) | Token::Backticked(name) => Ok(name),
                _ => Err(self.problem(format!("expected {expected}"))),
            },
            _ => Err(self.problem(format!("expected {expected}"))),
        }
    }

    fn literal(&mut self) -> Result<Raw, Problem> {
        let raw = match &self.token {
            Token::Word(word) => match word.as_str() {
                "true" => Raw::Bool(true),
                "false" => Raw::Bool(false),
                "null" => Raw::Null,
                "AND" | "OR" | "NOT" => {
                    return Err(self.problem(format!("expected a value; the text {word} must stand in quotes")));
                }
                _ => Raw::Text(word.clone()),
            },
            Token::Quoted(text) => Raw::Text(text.clone()),
            Token::Integer(integer) => Raw::Integer(*integer),
            Token::Number(number) => Raw::Number(*number),
            Token::End => return Err(self.problem("expected a value, but the filter ends here")),
            _ => return Err(self.problem("expected a value: a text in quotes, a number, true, false or null")),
        };
        self.advance()?;
        Ok(raw)
    }

    fn unknown_name(&self, word: &str) -> Problem {
        if let upper @ ("AND" | "OR" | "NOT") = word.to_ascii_uppercase().as_str() {
            return match (upper, upper == word) {
                ("NOT", false) => self.problem(format!("`{word}` must be upper case: NOT")),
                _ => self.problem(format!("expected a condition before `{word}`")),
            };
        }
        if self.definition.is_some_and(|definition| definition.field(&[word.to_owned()]).is_some()) {
            return self.problem(format!("`{word}` is not a name here; did you mean attributes.{word}?"));
        }
        self.problem(format!(
            "`{word}` is not a name here; a filter knows id, type, name, status, parent, version, created_at, \
             updated_at, attributes.<name> and labels.<name>"
        ))
    }

    fn expected_condition(&self) -> Problem {
        match self.token {
            Token::End => self.problem("expected a condition, but the filter ends here"),
            _ => self.problem("expected a condition, such as status = active"),
        }
    }

    fn unexpected_after_condition(&self) -> Problem {
        match &self.token {
            Token::Close => self.problem("this parenthesis closes nothing"),
            Token::Word(word) if matches!(word.to_ascii_uppercase().as_str(), "AND" | "OR") => {
                self.problem(format!("`{word}` must be upper case: {}", word.to_ascii_uppercase()))
            }
            Token::Word(_) | Token::Open | Token::Minus => {
                self.problem("expected AND or OR here; two conditions need AND between them")
            }
            _ => self.problem("expected AND, OR or the end here"),
        }
    }
}
