//! The words of a decision expression.

use super::ExprError;
use crate::text::{excerpt, printable};

/// One word. What it borrows stands in the expression's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name as gates have it; whole numbers and fractions too.
    Name(&'a str),
    /// A number below zero.
    Negative(&'a str),
    /// What starts with an upper-case letter, as the codes of findings do.
    Code(&'a str),
    /// What stands in `"`; may be empty.
    Quoted(&'a str),
    /// What stands in `'`; may be empty.
    Text(&'a str),
    Equal,
    Differs,
    Not,
    And,
    Or,
    All,
    Any,
    AtLeast,
    Open,
    Close,
    Comma,
    End,
}

/// Words of the language; as names of gates they stand in quotes.
const WORDS: [(&str, Token<'_>); 6] = [
    ("not", Token::Not),
    ("and", Token::And),
    ("or", Token::Or),
    ("all", Token::All),
    ("any", Token::Any),
    ("at_least", Token::AtLeast),
];

const SIGNS: [(&str, Token<'_>); 8] = [
    ("&&", Token::And),
    ("||", Token::Or),
    ("==", Token::Equal),
    ("!=", Token::Differs),
    ("!", Token::Not),
    ("(", Token::Open),
    (")", Token::Close),
    (",", Token::Comma),
];

/// What is wrong with the name of a gate that starts otherwise.
pub(super) const UPPER: &str = "a name starts with a lower-case letter or a digit; others stand in quotes";

/// Whether `name` can stand in an expression without quotes.
pub(super) fn is_bare(name: &str) -> bool {
    name.starts_with(starts_name) && name.chars().all(goes_on) && !WORDS.iter().any(|(word, _)| *word == name)
}

/// Whether the code of a finding can stand in an expression without quotes.
pub(super) fn is_bare_code(code: &str) -> bool {
    code.starts_with(|first: char| first.is_ascii_uppercase()) && code.chars().all(in_code)
}

fn in_code(character: char) -> bool {
    goes_on(character) || character.is_ascii_uppercase()
}

fn starts_name(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit()
}

fn goes_on(character: char) -> bool {
    starts_name(character) || matches!(character, '_' | '.' | '-')
}

/// Cuts text into words.
pub(super) struct Lexer<'a> {
    rest: &'a str,
    offset: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, offset: 0 }
    }

    /// The next word and where it starts; [`Token::End`] for ever once the text is at its end.
    pub(super) fn next(&mut self) -> Result<(usize, Token<'a>), ExprError> {
        let trimmed = self.rest.trim_start();
        self.offset += self.rest.len() - trimmed.len();
        self.rest = trimmed;
        let start = self.offset;
        let (length, token) = self.word()?;
        self.rest = self.rest.get(length..).unwrap_or_default();
        self.offset += length;
        Ok((start, token))
    }

    /// The word that the rest starts with, and how many bytes of it.
    fn word(&self) -> Result<(usize, Token<'a>), ExprError> {
        let Some(first) = self.rest.chars().next() else { return Ok((0, Token::End)) };
        if let Some((sign, token)) = SIGNS.iter().find(|(sign, _)| self.rest.starts_with(sign)) {
            return Ok((sign.len(), *token));
        }
        match first {
            '"' => self.quoted('"', Token::Quoted),
            '\'' => self.quoted('\'', Token::Text),
            'A'..='Z' => Ok(self.run(in_code, Token::Code)),
            '-' if self.is_negative() => Ok(self.run(goes_on, Token::Negative)),
            _ if starts_name(first) => Ok(self.run(goes_on, name_or_word)),
            _ => Err(self.meaningless(first)),
        }
    }

    /// What the rest starts with, as far as its characters belong together.
    fn run(&self, belongs: fn(char) -> bool, token: impl FnOnce(&'a str) -> Token<'a>) -> (usize, Token<'a>) {
        let length = self.rest.find(|character| !belongs(character)).unwrap_or(self.rest.len());
        (length, token(self.rest.get(..length).unwrap_or_default()))
    }

    fn is_negative(&self) -> bool {
        self.rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
    }

    fn quoted(&self, quote: char, token: fn(&'a str) -> Token<'a>) -> Result<(usize, Token<'a>), ExprError> {
        let inside = self.rest.get(1..).unwrap_or_default();
        let Some(length) = inside.find(quote) else {
            return Err(self.error(format!("this `{quote}` is never closed")));
        };
        match inside.get(..length).unwrap_or_default() {
            text if printable(text) != text && quote == '"' => Err(self.error("a name has no invisible characters")),
            text if printable(text) != text => Err(self.error("a text has no invisible characters")),
            text => Ok((length + 2, token(text))),
        }
    }

    fn meaningless(&self, first: char) -> ExprError {
        let what = excerpt(&first.to_string(), 12);
        self.error(match first {
            '&' | '|' | '=' => format!("`{what}` is written twice"),
            '_' => UPPER.into(),
            _ => format!("`{what}` means nothing here"),
        })
    }

    fn error(&self, message: impl Into<String>) -> ExprError {
        ExprError { offset: self.offset, message: message.into() }
    }
}

fn name_or_word(name: &str) -> Token<'_> {
    WORDS.iter().find(|(word, _)| *word == name).map_or(Token::Name(name), |(_, token)| *token)
}
