//! The words of a decision expression.

use super::ExprError;
use crate::text::{excerpt, printable};

/// One word. What it borrows stands in the expression's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Name(&'a str),
    Quoted(&'a str),
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

const SIGNS: [(&str, Token<'_>); 6] = [
    ("&&", Token::And),
    ("||", Token::Or),
    ("!", Token::Not),
    ("(", Token::Open),
    (")", Token::Close),
    (",", Token::Comma),
];

/// Whether `name` can stand in an expression without quotes.
pub(super) fn is_bare(name: &str) -> bool {
    name.starts_with(starts_name) && name.chars().all(goes_on) && !WORDS.iter().any(|(word, _)| *word == name)
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
        if first == '"' {
            return self.quoted();
        }
        if !starts_name(first) {
            let what = excerpt(&first.to_string(), 12);
            return Err(self.error(match first {
                '&' | '|' => format!("`{what}` is written twice"),
                'A'..='Z' | '_' => "a name starts with a lower-case letter or a digit; others stand in quotes".into(),
                _ => format!("`{what}` means nothing here"),
            }));
        }
        let length = self.rest.find(|character| !goes_on(character)).unwrap_or(self.rest.len());
        let name = self.rest.get(..length).unwrap_or_default();
        let word = WORDS.iter().find(|(word, _)| *word == name).map(|(_, token)| *token);
        Ok((length, word.unwrap_or(Token::Name(name))))
    }

    fn quoted(&self) -> Result<(usize, Token<'a>), ExprError> {
        let inside = self.rest.get(1..).unwrap_or_default();
        let Some(length) = inside.find('"') else { return Err(self.error("this `\"` is never closed")) };
        match inside.get(..length).unwrap_or_default() {
            "" => Err(self.error("a name is not empty")),
            name if printable(name) != name => Err(self.error("a name has no invisible characters")),
            name => Ok((length + 2, Token::Quoted(name))),
        }
    }

    fn error(&self, message: impl Into<String>) -> ExprError {
        ExprError { offset: self.offset, message: message.into() }
    }
}
