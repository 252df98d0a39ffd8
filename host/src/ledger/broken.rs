//! What does not add up in a ledger, and where.

use serde::Serialize;

use crate::{digest::Digest, text::excerpt};

/// How much of a name out of a ledger a message repeats, in characters.
const QUOTED: usize = 200;

/// One thing that is not what it was. Fit for a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Broken {
    /// Something that an entry says is not what its hash covers, or it was never written by this program.
    #[error("entry {seq} was changed: {}", excerpt(.what, QUOTED))]
    EntryChanged {
        /// Its number.
        seq: u64,
        /// What it says it is.
        what: String,
    },
    /// Entries are gone.
    #[error("{} {} removed", numbers(*.from, *.to), if .from == .to { "was" } else { "were" })]
    EntryMissing {
        /// The first that is gone.
        from: u64,
        /// The last that is gone.
        to: u64,
    },
    /// An entry stands where another one stood.
    #[error("entry {from} was moved to the place of entry {to}: {}", excerpt(.what, QUOTED))]
    EntryMoved {
        /// Its own number.
        from: u64,
        /// The number that it stands under.
        to: u64,
        /// What it says it is.
        what: String,
    },
    /// An entry adds up, but does not follow the one before it: either of them was put in another's place.
    #[error("entry {seq} does not follow the entry before it: {}", excerpt(.what, QUOTED))]
    EntryUnlinked {
        /// Its number.
        seq: u64,
        /// What it says it is.
        what: String,
    },
    /// An entry adds up, and says what no entry of this program's says.
    #[error("entry {seq} does not read: {why}")]
    EntryMalformed {
        /// Its number.
        seq: u64,
        /// A fragment.
        why: String,
    },
    /// The chain is shorter than it was when it was sealed.
    #[error("the chain ends after entry {entries}, and it had an entry {known}")]
    Truncated {
        /// How many entries there are.
        entries: u64,
        /// How many there were.
        known: u64,
    },
    /// The chain adds up, and is another one than the one that was sealed, or than its witness knows.
    #[error("entry {seq} is not the one that stood there: the chain was written anew, or is another ledger's")]
    Rewritten {
        /// The last entry that is known.
        seq: u64,
    },
    /// Bytes are not those of their digest.
    #[error("the bytes with the digest {digest} were changed{}", kept_by(.entries))]
    BlobChanged {
        /// The digest.
        digest: Digest,
        /// Entries that keep it, the first of them.
        entries: Vec<u64>,
    },
    /// Bytes are gone that no pruning let go.
    #[error("the bytes with the digest {digest} were removed{}", kept_by(.entries))]
    BlobMissing {
        /// The digest.
        digest: Digest,
        /// Entries that keep it, the first of them.
        entries: Vec<u64>,
    },
    /// Bytes are there that no entry needs.
    #[error("the bytes with the digest {digest} were put there past the chain")]
    BlobStray {
        /// The digest.
        digest: Digest,
    },
    /// The table of runs does not say what the chain says.
    #[error("the table of runs says something else of run `{}` than the chain does", excerpt(.run, QUOTED))]
    RunChanged {
        /// The run.
        run: String,
    },
    /// The file does not hold together.
    #[error("the file is damaged: {}", excerpt(.what, QUOTED))]
    Damaged {
        /// What SQLite says.
        what: String,
    },
    /// There is more than is told.
    #[error("{count} more things do not add up")]
    More {
        /// How much more.
        count: u64,
    },
}

impl Broken {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::EntryChanged { .. } => "entry-changed",
            Self::EntryMissing { .. } => "entry-missing",
            Self::EntryMoved { .. } => "entry-moved",
            Self::EntryUnlinked { .. } => "entry-unlinked",
            Self::EntryMalformed { .. } => "entry-malformed",
            Self::Truncated { .. } => "truncated",
            Self::Rewritten { .. } => "rewritten",
            Self::BlobChanged { .. } => "blob-changed",
            Self::BlobMissing { .. } => "blob-missing",
            Self::BlobStray { .. } => "blob-stray",
            Self::RunChanged { .. } => "run-changed",
            Self::Damaged { .. } => "damaged",
            Self::More { .. } => "more",
        }
    }
}

fn numbers(from: u64, to: u64) -> String {
    if from == to { format!("entry {from}") } else { format!("entries {from} to {to}") }
}

fn kept_by(entries: &[u64]) -> String {
    match entries {
        [] => String::new(),
        [entry] => format!(", which entry {entry} keeps"),
        entries => {
            let entries: Vec<String> = entries.iter().map(u64::to_string).collect();
            format!(", which the entries {} keep", entries.join(", "))
        }
    }
}
