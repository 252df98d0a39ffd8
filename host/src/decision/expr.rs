//! Decision expressions: `readiness && (flows || at_least(2, a, b, c))`.
//!
//! ```text
//! either := both (("||" | "or") both)*
//! both   := one (("&&" | "and") one)*
//! one    := ("!" | "not") one | "(" either ")" | call | name
//! call   := ("all" | "any") "(" either ("," either)* ")" | "at_least" "(" number ("," either)+ ")"
//! name   := [a-z0-9][a-z0-9_.-]* | '"' any other text '"'
//! ```
//!
//! Words of the language name a gate only in quotes.

use std::fmt;

use super::{
    Truth,
    lexer::{Lexer, Token, is_bare},
};

/// How long an expression may be, in bytes.
const LONGEST: usize = 16 << 10;
/// How deep an expression may nest, so that hostile text cannot exhaust the stack.
const DEEPEST: usize = 64;

/// An expression over gates, by name. Displays as text that parses to the same expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expr(Node);

/// Lists hold at least two nodes but for [`Node::AtLeast`], which holds at least as many as it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Gate(String),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
    AtLeast(usize, Vec<Self>),
}

/// The text is not an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    /// Where, in bytes from the start of the expression.
    pub offset: usize,
    /// One sentence without a full stop, fit for a terminal.
    pub message: String,
}

impl ExprError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "decision-expression"
    }
}

impl Expr {
    /// The expression that `text` spells.
    ///
    /// # Errors
    /// When it spells none, is longer than 16 KiB, nests deeper than 64, or counts what can never be reached.
    pub fn parse(text: &str) -> Result<Self, ExprError> {
        if text.len() > LONGEST {
            let message = format!("an expression is at most {LONGEST} bytes, and this one is {}", text.len());
            return Err(ExprError { offset: LONGEST, message });
        }
        let mut parser = Parser::new(text)?;
        let node = parser.either(0)?;
        match parser.token {
            Token::End => Ok(Self(node)),
            Token::Close => Err(parser.error("this `)` closes nothing")),
            _ => Err(parser.error("`&&` or `||` is missing before this")),
        }
    }

    /// The gates that it names, each once, in the order in which they first stand in it.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.0.collect(&mut names);
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(*name));
        names
    }

    /// What it comes to, when each gate comes to what `truth` says.
    #[must_use]
    pub fn eval(&self, truth: &dyn Fn(&str) -> Truth) -> Truth {
        self.0.eval(truth)
    }
}

impl Node {
    fn collect<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Gate(name) => names.push(name),
            Self::Not(node) => node.collect(names),
            Self::All(nodes) | Self::Any(nodes) | Self::AtLeast(_, nodes) => {
                nodes.iter().for_each(|node| node.collect(names));
            }
        }
    }

    fn eval(&self, truth: &dyn Fn(&str) -> Truth) -> Truth {
        let each = |nodes: &[Self]| nodes.iter().map(|node| node.eval(truth)).collect::<Vec<_>>();
        match self {
            Self::Gate(name) => truth(name),
            Self::Not(node) => !node.eval(truth),
            Self::All(nodes) => Truth::all(each(nodes)),
            Self::Any(nodes) => Truth::any(each(nodes)),
            Self::AtLeast(least, nodes) => Truth::at_least(*least, each(nodes)),
        }
    }

    /// Whether it has to stand in parentheses inside `outer` to be read back as it is.
    fn needs_parentheses(&self, outer: &Self) -> bool {
        match outer {
            Self::Not(_) | Self::All(_) => matches!(self, Self::All(_) | Self::Any(_)),
            Self::Any(_) => matches!(self, Self::Any(_)),
            Self::Gate(_) | Self::AtLeast(..) => false,
        }
    }

    fn write_inside(&self, outer: &Self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.needs_parentheses(outer) { write!(f, "({self})") } else { write!(f, "{self}") }
    }

    fn write_joined(&self, nodes: &[Self], between: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, node) in nodes.iter().enumerate() {
            if position > 0 {
                f.write_str(between)?;
            }
            node.write_inside(self, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gate(name) if is_bare(name) => f.write_str(name),
            Self::Gate(name) => write!(f, "\"{name}\""),
            Self::Not(node) => {
                f.write_str("!")?;
                node.write_inside(self, f)
            }
            Self::All(nodes) => self.write_joined(nodes, " && ", f),
            Self::Any(nodes) => self.write_joined(nodes, " || ", f),
            Self::AtLeast(least, nodes) => {
                write!(f, "at_least({least}, ")?;
                self.write_joined(nodes, ", ", f)?;
                f.write_str(")")
            }
        }
    }
}

/// A recursive descent over tokens, one token ahead.
struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    offset: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, ExprError> {
        let mut parser = Self { lexer: Lexer::new(text), token: Token::End, offset: 0 };
        parser.advance()?;
        Ok(parser)
    }

    fn advance(&mut self) -> Result<Token<'a>, ExprError> {
        let (offset, token) = self.lexer.next()?;
        self.offset = offset;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn error(&self, message: impl Into<String>) -> ExprError {
        ExprError { offset: self.offset, message: message.into() }
    }

    fn expect(&mut self, token: &Token<'_>, message: &str) -> Result<(), ExprError> {
        if self.token != *token {
            return Err(self.error(message));
        }
        self.advance().map(drop)
    }

    fn either(&mut self, depth: usize) -> Result<Node, ExprError> {
        let mut nodes = vec![self.both(depth)?];
        while self.token == Token::Or {
            self.advance()?;
            nodes.push(self.both(depth)?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    fn both(&mut self, depth: usize) -> Result<Node, ExprError> {
        let mut nodes = vec![self.one(depth)?];
        while self.token == Token::And {
            self.advance()?;
            nodes.push(self.one(depth)?);
        }
        Ok(one_or(nodes, Node::All))
    }

    fn one(&mut self, depth: usize) -> Result<Node, ExprError> {
        if depth > DEEPEST {
            return Err(self.error(format!("an expression nests at most {DEEPEST} deep")));
        }
        match self.token {
            Token::Not => {
                self.advance()?;
                Ok(Node::Not(Box::new(self.one(depth + 1)?)))
            }
            Token::Open => {
                self.advance()?;
                let node = self.either(depth + 1)?;
                self.expect(&Token::Close, "a `)` is missing here")?;
                Ok(node)
            }
            Token::Name(name) | Token::Quoted(name) => {
                self.advance()?;
                Ok(Node::Gate(name.to_owned()))
            }
            Token::All => self.call(depth).map(|nodes| one_or(nodes, Node::All)),
            Token::Any => self.call(depth).map(|nodes| one_or(nodes, Node::Any)),
            Token::AtLeast => self.at_least(depth),
            Token::And | Token::Or | Token::Close | Token::Comma | Token::End => {
                Err(self.error("the name of a gate is missing here"))
            }
        }
    }

    /// The list of `all(…)` or `any(…)`.
    fn call(&mut self, depth: usize) -> Result<Vec<Node>, ExprError> {
        self.open()?;
        self.list(depth)
    }

    fn open(&mut self) -> Result<(), ExprError> {
        self.advance()?;
        self.expect(&Token::Open, "a `(` is missing here; a gate with the name of a function stands in quotes")
    }

    /// What stands between commas, up to the `)`.
    fn list(&mut self, depth: usize) -> Result<Vec<Node>, ExprError> {
        let mut nodes = vec![self.either(depth + 1)?];
        while self.token == Token::Comma {
            self.advance()?;
            nodes.push(self.either(depth + 1)?);
        }
        self.expect(&Token::Close, "a `,` or `)` is missing here")?;
        Ok(nodes)
    }

    fn at_least(&mut self, depth: usize) -> Result<Node, ExprError> {
        self.open()?;
        let least = match self.token {
            Token::Name(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
            _ => None,
        };
        let (Some(least), at) = (least, self.offset) else {
            return Err(self.error("`at_least` starts with a number, as in `at_least(2, a, b, c)`"));
        };
        self.advance()?;
        self.expect(&Token::Comma, "a `,` and the gates that are counted are missing here")?;
        let nodes = self.list(depth)?;
        match least {
            0 => Err(ExprError { offset: at, message: "at least 0 holds always; the smallest number is 1".into() }),
            least if least > nodes.len() => {
                let message = format!("{least} of {} can never pass", nodes.len());
                Err(ExprError { offset: at, message })
            }
            least => Ok(Node::AtLeast(least, nodes)),
        }
    }
}

/// The only node, or all of them in a list.
fn one_or(mut nodes: Vec<Node>, list: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(node) if nodes.is_empty() => node,
        Some(node) => {
            nodes.push(node);
            list(nodes)
        }
        None => list(nodes),
    }
}

#[cfg(test)]
#[path = "expr_tests.rs"]
mod tests;
