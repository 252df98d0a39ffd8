//! What is said of one module, as data. Names are the module's own and not fit for a terminal.

use std::path::Path;

use portcullis::{
    digest::{Digest, hex},
    files::shown,
    sandbox::{CompileError, LoadError, ScanError, Shape, Tier, survey},
    trust::{self, FileKind, Inspection, Refusal, SignatureView},
};
use portcullis_sdk::Metadata;
use serde::Serialize;

use super::{
    super::verify::{Named, Threshold},
    Lens,
};

/// Bytes of a page of memory.
const PAGE: u64 = 64 << 10;

/// One module.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) file: String,
    pub(super) size: u64,
    /// The file's digest, which is no identity: a signature can be written in more than one way.
    pub(super) file_digest: String,
    /// `module` or `component`; nothing if it is neither.
    pub(super) format: Option<FileKind>,
    pub(super) content_digest: Option<String>,
    /// Into how many parts delimiters cut it.
    pub(super) parts: Option<usize>,
    pub(super) metadata: Option<Metadata>,
    pub(super) signatures: Vec<Signature>,
    /// What it would ask of the host, in words.
    pub(super) asks: Vec<Ask>,
    pub(super) imports: Vec<Import>,
    pub(super) exports: Vec<Export>,
    pub(super) memories: Vec<Memory>,
    pub(super) tables: u32,
    pub(super) table_elements: u64,
    pub(super) functions: u32,
    pub(super) sections: Vec<Section>,
    pub(super) more_sections: usize,
    pub(super) compiled: Vec<Compiled>,
    /// What the trust file says of it; nothing where none was named.
    pub(super) trust: Option<Trust>,
    /// Every reason for which the host would refuse it.
    pub(super) refusals: Vec<Reason>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Signature {
    /// The 12 bytes that name a key, in hex; may be empty, and says nothing certain.
    pub(super) hint: String,
    pub(super) algorithm: u8,
    pub(super) covers_file: bool,
    /// The key that made it, if it is one that is known here.
    pub(super) key_id: Option<String>,
    /// Whose key that is.
    pub(super) holders: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Ask {
    pub(super) what: &'static str,
    pub(super) functions: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Import {
    pub(super) module: String,
    pub(super) name: String,
    pub(super) offered: bool,
}

#[derive(Serialize)]
pub(super) struct Export {
    pub(super) kind: &'static str,
    pub(super) name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Memory {
    pub(super) initial_bytes: u64,
    pub(super) maximum_bytes: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) size: usize,
}

#[derive(Serialize)]
pub(super) struct Compiled {
    pub(super) tier: &'static str,
    pub(super) bytes: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trust {
    pub(super) trusted: bool,
    pub(super) publisher: Option<String>,
    pub(super) thresholds: Vec<Threshold>,
    pub(super) revoked_by: Vec<Named>,
}

#[derive(Serialize)]
pub(super) struct Reason {
    pub(super) code: &'static str,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) help: Option<&'static str>,
}

impl Report {
    /// Looks at `bytes` in every way there is but running them.
    pub(super) fn of(path: &Path, bytes: &[u8], lens: &Lens) -> Self {
        let seen = trust::inspect(bytes, &lens.known());
        let (shape, problems) = survey(bytes, &lens.limits);
        let mut refusals = Refusals::default();
        refusals.of_format(&seen);
        let trust = lens.against.trust().map(|trust| refusals.of_trust(trust.appraise(bytes)));
        let may_compile = problems.is_empty();
        for problem in &problems {
            refusals.scan(problem);
        }
        let compiled = if may_compile { compile(bytes, lens, &mut refusals) } else { Vec::new() };
        let seen = seen.ok();
        let signatures = seen.iter().flat_map(|seen| &seen.signatures).map(|made| signature(made, lens)).collect();
        let Shape { imports, exports, functions, memories, tables, table_elements, sections, more_sections } = shape;
        Self {
            file: shown(path),
            size: bytes.len() as u64,
            file_digest: Digest::of(bytes).to_string(),
            format: seen.as_ref().map(|seen| seen.kind),
            content_digest: seen.as_ref().map(|seen| seen.content_digest.to_string()),
            parts: seen.as_ref().map(|seen| seen.parts),
            signatures,
            metadata: seen.and_then(|seen| seen.metadata.ok().flatten()),
            asks: asks(&imports),
            imports: imports
                .into_iter()
                .map(|import| Import { module: import.module, name: import.name, offered: import.offered })
                .collect(),
            exports: exports.into_iter().map(|export| Export { kind: export.kind, name: export.name }).collect(),
            memories: memories
                .into_iter()
                .map(|memory| Memory {
                    initial_bytes: memory.initial.saturating_mul(PAGE),
                    maximum_bytes: memory.maximum.map(|pages| pages.saturating_mul(PAGE)),
                })
                .collect(),
            tables,
            table_elements,
            functions,
            sections: sections.into_iter().map(|(name, size)| Section { name, size }).collect(),
            more_sections,
            compiled,
            trust,
            refusals: refusals.all,
        }
    }
}

fn signature(made: &SignatureView, lens: &Lens) -> Signature {
    Signature {
        hint: hex(&made.hint),
        algorithm: made.algorithm,
        covers_file: made.covers_file,
        key_id: made.signer.map(|key| key.to_string()),
        holders: made.signer.map(|key| lens.holders(&key)).unwrap_or_default(),
    }
}

/// The compiled sizes, by tier, until one does not compile.
fn compile(bytes: &[u8], lens: &Lens, refusals: &mut Refusals) -> Vec<Compiled> {
    let mut sizes = Vec::new();
    let Some(compiler) = &lens.compiler else { return sizes };
    for tier in [Tier::Fast, Tier::Optimised] {
        match compiler.compile(bytes, tier, true, &lens.limits.compile) {
            Ok(artifact) => sizes.push(Compiled { tier: tier.name(), bytes: artifact.len() }),
            Err(error) => {
                refusals.compile(error);
                break;
            }
        }
    }
    sizes
}

/// What imports come to, in words, in the order of the words.
fn asks(imports: &[portcullis::sandbox::Import]) -> Vec<Ask> {
    const WORDS: [(&str, &[&str]); 8] = [
        (
            "its request and answer (stdin, stdout, stderr)",
            &["fd_read", "fd_write", "fd_close", "fd_fdstat", "fd_seek"],
        ),
        ("its name (argv)", &["args_"]),
        ("the environment, which is empty", &["environ_"]),
        ("a clock, which stands still", &["clock_", "poll_"]),
        ("randomness, which follows from the request", &["random_"]),
        ("its end", &["proc_", "sched_"]),
        ("sockets, of which there are none", &["sock_"]),
        ("files, of which there are none", &["fd_", "path_"]),
    ];
    let mut asks: Vec<Ask> = Vec::new();
    let mut add = |what: &'static str, name: String| match asks.iter_mut().find(|ask| ask.what == what) {
        Some(ask) => ask.functions.push(name),
        None => asks.push(Ask { what, functions: vec![name] }),
    };
    for import in imports {
        let is_meant = |(_, starts): &&(&str, &[&str])| starts.iter().any(|start| import.name.starts_with(start));
        match WORDS.iter().find(is_meant).filter(|_| import.offered) {
            Some((what, _)) => add(what, import.name.clone()),
            None => add("something that no gate gets", format!("{}.{}", import.module, import.name)),
        }
    }
    asks
}

/// Gathers reasons to refuse, each code once.
#[derive(Default)]
struct Refusals {
    all: Vec<Reason>,
}

impl Refusals {
    fn add(&mut self, code: &'static str, message: String, help: Option<&'static str>) {
        if self.all.iter().all(|reason| reason.code != code) {
            self.all.push(Reason { code, message, help });
        }
    }

    fn refusal(&mut self, refusal: &Refusal) {
        self.add(refusal.code(), refusal.to_string(), Some(refusal.help()));
    }

    /// What any trust file would refuse.
    fn of_format(&mut self, seen: &Result<Inspection, trust::FormatError>) {
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => return self.refusal(&Refusal::Format(*error)),
        };
        if seen.kind == FileKind::Component {
            self.refusal(&Refusal::FileKind(seen.kind));
        }
        if !seen.is_signed {
            self.refusal(&Refusal::Unsigned);
        } else if !seen.signatures.iter().any(|made| made.covers_file) {
            self.refusal(&Refusal::DigestMismatch);
        }
        match &seen.metadata {
            Ok(Some(_)) => {}
            Ok(None) => self.refusal(&Refusal::MetadataMissing),
            Err(error) => self.refusal(&Refusal::Metadata(error.clone())),
        }
    }

    fn of_trust(&mut self, found: trust::Appraisal) -> Trust {
        if let Err(refusal) = &found.verdict {
            self.refusal(refusal);
        }
        Trust {
            trusted: found.verdict.is_ok(),
            publisher: found.verdict.ok(),
            thresholds: found.claims.iter().map(Threshold::from).collect(),
            revoked_by: found.revocations.iter().map(Named::from).collect(),
        }
    }

    fn scan(&mut self, problem: &ScanError) {
        self.add(problem.code(), problem.to_string(), problem.help());
    }

    fn compile(&mut self, error: CompileError) {
        let error = LoadError::Compile(error);
        self.add(error.code(), error.to_string(), None);
    }
}
