//! Expressions over gates: `readiness && (flows || at_least(2, a, b, c))`, as a rule has them; and with what gates found and
//! what was collected, as the `if` of a stage has them.
//!
//! ```text
//! either   := both (("||" | "or") both)*
//! both     := one (("&&" | "and") one)*
//! one      := ("!" | "not") one | "(" either ")" | call | atom
//! call     := ("all" | "any") "(" either ("," either)* ")" | "at_least" "(" number ("," either)+ ")"
//! atom     := name | "findings" "(" name "," code ")" | "evidence" "(" name "," text ")" ("==" | "!=") value
//! name     := [a-z0-9][a-z0-9_.-]* | '"' any other text '"'
//! code     := name | [A-Z][A-Za-z0-9_.-]* | text
//! value    := text | number | "true" | "false" | "null"
//! text     := "'" any text without it "'" | '"' any text without it '"'
//! ```
//!
//! Words of the language name a gate only in quotes; `findings` and `evidence` are such words only in front of a `(`.

use std::{collections::HashSet, fmt};

use super::Truth;

#[path = "expr_atom.rs"]
mod atom;
#[path = "expr_parser.rs"]
mod parser;

pub use atom::{Atom, Comparison};
use parser::Parser;

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
    Atom(Atom),
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
    /// The expression over gates that `text` spells.
    ///
    /// # Errors
    /// When it spells none, is longer than 16 KiB, nests deeper than 64, or counts what can never be reached.
    pub fn parse(text: &str) -> Result<Self, ExprError> {
        Parser::new(text, false)?.whole().map(Self)
    }

    /// The expression that `text` spells, in which `findings(…)` and `evidence(…)` may stand as well.
    ///
    /// # Errors
    /// As [`Expr::parse`].
    pub fn condition(text: &str) -> Result<Self, ExprError> {
        Parser::new(text, true)?.whole().map(Self)
    }

    /// The gates that it names, each once, in the order in which they first stand in it.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.each_once(Atom::gate)
    }

    /// The evidence that it names, each once, in the order in which it first stands in it.
    #[must_use]
    pub fn evidence(&self) -> Vec<&str> {
        self.each_once(Atom::evidence)
    }

    /// What it comes to, when each gate comes to what `truth` says. Of anything but gates this says nothing, so that what
    /// asks for it is not known.
    #[must_use]
    pub fn eval(&self, truth: &dyn Fn(&str) -> Truth) -> Truth {
        self.eval_atoms(&|atom| if let Atom::Gate(name) = atom { truth(name) } else { Truth::Unknown })
    }

    /// What it comes to, when each question in it comes to what `truth` says ([`Atom::truth`]).
    #[must_use]
    pub fn eval_atoms(&self, truth: &dyn Fn(&Atom) -> Truth) -> Truth {
        self.0.eval(truth)
    }

    fn each_once(&self, name: impl Fn(&Atom) -> Option<&str>) -> Vec<&str> {
        let mut atoms = Vec::new();
        self.0.collect(&mut atoms);
        let mut seen = HashSet::new();
        atoms.into_iter().filter_map(name).filter(|name| seen.insert(*name)).collect()
    }
}

impl Node {
    fn collect<'a>(&'a self, atoms: &mut Vec<&'a Atom>) {
        match self {
            Self::Atom(atom) => atoms.push(atom),
            Self::Not(node) => node.collect(atoms),
            Self::All(nodes) | Self::Any(nodes) | Self::AtLeast(_, nodes) => {
                nodes.iter().for_each(|node| node.collect(atoms));
            }
        }
    }

    fn eval(&self, truth: &dyn Fn(&Atom) -> Truth) -> Truth {
        let each = |nodes: &[Self]| nodes.iter().map(|node| node.eval(truth)).collect::<Vec<_>>();
        match self {
            Self::Atom(atom) => truth(atom),
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
            Self::Atom(_) | Self::AtLeast(..) => false,
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
            Self::Atom(atom) => atom.fmt(f),
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

#[cfg(test)]
#[path = "expr_tests.rs"]
mod tests;
