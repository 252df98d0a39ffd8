//! Text → expression.

use serde_json::Value;

use super::{Atom, Comparison, DEEPEST, ExprError, LONGEST, Node};
use crate::decision::lexer::{Lexer, Token, UPPER};

/// What is wrong where a gate should stand.
const GATE: &str = "the name of a gate is missing here";

/// A recursive descent over tokens, one token ahead.
pub(super) struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    offset: usize,
    asks: bool,
}

impl<'a> Parser<'a> {
    /// A parser of `text`; `asks` says whether it may ask for findings and evidence too.
    pub(super) fn new(text: &'a str, asks: bool) -> Result<Self, ExprError> {
        if text.len() > LONGEST {
            let message = format!("an expression is at most {LONGEST} bytes, and this one is {}", text.len());
            return Err(ExprError { offset: LONGEST, message });
        }
        let mut parser = Self { lexer: Lexer::new(text), token: Token::End, offset: 0, asks };
        parser.advance()?;
        Ok(parser)
    }

    /// The expression that the whole text is.
    pub(super) fn whole(mut self) -> Result<Node, ExprError> {
        let node = self.either(0)?;
        match self.token {
            Token::End => Ok(node),
            Token::Close => Err(self.error("this `)` closes nothing")),
            Token::Equal | Token::Differs => Err(self.error("only what `evidence(…)` holds is compared")),
            _ => Err(self.error("`&&` or `||` is missing before this")),
        }
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
            Token::Name(word) => {
                let at = self.offset;
                self.advance()?;
                match word {
                    "findings" | "evidence" if self.token == Token::Open => self.question(word, at).map(Node::Atom),
                    name => Ok(Node::Atom(Atom::Gate(name.to_owned()))),
                }
            }
            Token::Quoted(_) => self.name(GATE).map(|name| Node::Atom(Atom::Gate(name))),
            Token::All => self.call(depth).map(|nodes| one_or(nodes, Node::All)),
            Token::Any => self.call(depth).map(|nodes| one_or(nodes, Node::Any)),
            Token::AtLeast => self.at_least(depth),
            Token::Code(_) => Err(self.error(UPPER)),
            _ => Err(self.error(GATE)),
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

    /// `findings(…)`, or `evidence(…)` with what it is compared with; its word stood at `at`, and its `(` is next.
    fn question(&mut self, word: &str, at: usize) -> Result<Atom, ExprError> {
        if !self.asks {
            let message = format!("`{word}(…)` stands only in the `if` of a stage, and a rule asks for gates alone");
            return Err(ExprError { offset: at, message });
        }
        self.advance()?;
        if word == "findings" {
            let gate = self.name(GATE)?;
            self.expect(&Token::Comma, "a `,` and the code of a finding are missing here")?;
            let code = self.code()?;
            self.expect(&Token::Close, "a `)` is missing here")?;
            return Ok(Atom::Findings { gate, code });
        }
        let evidence = self.name("the name of evidence is missing here")?;
        self.expect(&Token::Comma, "a `,` and a JSON pointer are missing here, as in `evidence(ci, '/CI')`")?;
        let pointer = self.pointer()?;
        self.expect(&Token::Close, "a `)` is missing here")?;
        let equal = match self.token {
            Token::Equal => true,
            Token::Differs => false,
            _ => return Err(self.error("`==` or `!=` is missing here, and what the evidence is compared with")),
        };
        self.advance()?;
        Ok(Atom::Evidence(Comparison { evidence, pointer, equal, value: self.value()? }))
    }

    fn name(&mut self, missing: &str) -> Result<String, ExprError> {
        match self.token {
            Token::Quoted("") => Err(self.error("a name is not empty")),
            Token::Name(name) | Token::Quoted(name) => self.advance().map(|_| name.to_owned()),
            Token::Code(_) => Err(self.error(UPPER)),
            _ => Err(self.error(missing)),
        }
    }

    fn code(&mut self) -> Result<String, ExprError> {
        match self.token {
            Token::Quoted("") | Token::Text("") => Err(self.error("a code is not empty")),
            Token::Name(code) | Token::Code(code) | Token::Quoted(code) | Token::Text(code) => {
                self.advance().map(|_| code.to_owned())
            }
            _ => Err(self.error("the code of a finding is missing here, such as PARSE_ERROR")),
        }
    }

    /// A JSON pointer (RFC 6901).
    fn pointer(&mut self) -> Result<String, ExprError> {
        let (Token::Quoted(pointer) | Token::Text(pointer)) = self.token else {
            return Err(self.error("a JSON pointer is missing here, in quotes: '/member/0'"));
        };
        let is_rooted = pointer.is_empty() || pointer.starts_with('/');
        if !is_rooted || pointer.split('~').skip(1).any(|behind| !behind.starts_with(['0', '1'])) {
            return Err(self.error("a JSON pointer is empty or starts with `/`, and a `~` in it is `~0` or `~1`"));
        }
        self.advance().map(|_| pointer.to_owned())
    }

    fn value(&mut self) -> Result<Value, ExprError> {
        let value = match self.token {
            Token::Quoted(text) | Token::Text(text) => Some(Value::from(text)),
            Token::Name("true") => Some(Value::Bool(true)),
            Token::Name("false") => Some(Value::Bool(false)),
            Token::Name("null") => Some(Value::Null),
            Token::Name(number) | Token::Negative(number) => serde_json::from_str(number).ok().map(Value::Number),
            _ => None,
        };
        match value {
            Some(value) => self.advance().map(|_| value),
            None => Err(self.error("a text in quotes, a number, true, false or null is missing here")),
        }
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
