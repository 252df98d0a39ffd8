//! `portcullis inspect`: what a module is, what it would ask for, who signed it, and why the host would refuse it. Runs
//! nothing of it.

mod diff;
mod report;
mod text;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portcullis::{
    limits::{Limits, ceiling},
    sandbox::Compiler,
    trust::PublicKey,
};

use self::report::Report;
use super::{
    Exit, Failure, Outcome, host,
    modules::{Against, VerifyFlags},
    term,
};

/// Show what a module is, asks for and says, who signed it, and why it would be refused
#[derive(clap::Args)]
#[command(
    after_help = "It never runs the module; compiling it, to know the compiled size, happens in a child within limits.\nThe exit status is 0 whatever the module is: `portcullis verify` decides.\n\nExamples:\n  portcullis inspect gate.wasm --trust trust.toml\n  portcullis inspect old.wasm new.wasm"
)]
pub(crate) struct Args {
    /// The module
    file: PathBuf,
    /// A second one: show what changed from the first to this one
    other: Option<PathBuf>,
    #[command(flatten)]
    against: VerifyFlags,
    /// As of when, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// Leave the compiled size out
    #[arg(long)]
    no_compile: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What modules are looked at with.
struct Lens {
    against: Against,
    compiler: Option<Compiler>,
    limits: Limits,
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        let lens = self.lens()?;
        let first = lens.look(&self.file)?;
        match &self.other {
            None if self.json => term::out_json(&first)?,
            None => term::out(&text::render(&first))?,
            Some(other) => {
                let second = lens.look(other)?;
                let changes = diff::Diff::between(&first, &second);
                if self.json {
                    term::out_json(&changes)?;
                } else {
                    term::out(&text::render_diff(&changes))?;
                }
            }
        }
        Ok(Exit::Ok)
    }

    fn lens(&self) -> Result<Lens, Failure> {
        let now = host::now(self.now);
        Ok(Lens {
            against: self.against.read(now)?,
            compiler: if self.no_compile { None } else { Some(host::compiler()?) },
            limits: Limits::default(),
        })
    }
}

impl Lens {
    fn look(&self, path: &Path) -> Result<Report, Failure> {
        let bytes = portcullis::files::read_capped(path, ceiling::MODULE)?;
        Ok(Report::of(path, &bytes, self))
    }

    /// Every key whose signature can be told.
    fn known(&self) -> Vec<&PublicKey> {
        match &self.against {
            Against::Trust(trust) => trust.file.root.keys().collect(),
            Against::Key(key) => vec![key.as_ref()],
            Against::Nobody => Vec::new(),
        }
    }

    /// Whose key it is.
    fn holders(&self, id: &portcullis::trust::KeyId) -> Vec<String> {
        let Some(root) = self.against.trust().map(|trust| &trust.file.root) else { return Vec::new() };
        let publishers = root.publishers().iter().filter(|(_, publisher)| publisher.role.keys.contains(id));
        let roles = [("role root", root.root_role()), ("role revocation", root.revocation_role())];
        let roles = roles.into_iter().filter(|(_, role)| role.is_some_and(|role| role.keys.contains(id)));
        publishers.map(|(name, _)| name.clone()).chain(roles.map(|(name, _)| name.to_owned())).collect()
    }
}
