//! What is asked: a module as the command line describes it, or a gate as its manifest does.

use std::path::{Path, PathBuf};

use portcullis::{
    diagnostic::Diagnostic,
    files::{FileError, read_capped, shown},
    limits::Limits,
    manifest::{self, FailOn, HeldPlan, Input, Overrides},
};
use serde_json::{Map, Value};

use super::{Args, Exit, Failure, VerifyFlags};
use crate::cli::eval;

/// A validator and everything that it is asked with.
pub(super) struct Target {
    pub(super) module: PathBuf,
    /// The name that it is told, where that is not its own.
    pub(super) name: Option<String>,
    pub(super) verify: VerifyFlags,
    pub(super) params: Map<String, Value>,
    pub(super) limits: Limits,
    pub(super) held: HeldPlan,
    /// The pattern that the gate looks at, and where from.
    pub(super) each: Option<(String, PathBuf)>,
}

impl Target {
    /// A file of that name is a module; anything else is a gate of the manifest.
    pub(super) fn find(args: &Args) -> Result<Self, Failure> {
        let module = Path::new(&args.what);
        let target = if module.is_file() { Self::module(args)? } else { Self::gate(args)? };
        if target.held.fail_on == FailOn::New && target.held.baseline.is_none() {
            let problem = Diagnostic::new("no-baseline", "without a baseline nobody knows what is new");
            return Err(Failure::usage(problem.help("give --baseline FILE beside --fail-on new")));
        }
        Ok(target)
    }

    fn module(args: &Args) -> Result<Self, Failure> {
        Ok(Self {
            module: PathBuf::from(&args.what),
            name: None,
            verify: args.verify.clone(),
            params: eval::params(args.params.as_deref())?,
            limits: args.limits.limits()?,
            held: held(args, HeldPlan::default()),
            each: None,
        })
    }

    fn gate(args: &Args) -> Result<Self, Failure> {
        let bytes = read_capped(&args.manifest, manifest::MAX_BYTES).map_err(|error| no_target(args, &error))?;
        let plan = manifest::parse(&bytes, &args.manifest, &Overrides::default())
            .map_err(|problems| Failure::all(Exit::Usage, problems))?;
        let plan = plan.select(&[&args.what]).map_err(Failure::usage)?;
        let Some(gate) = plan.gates.into_iter().find(|gate| gate.name == args.what) else {
            return Err(Failure::usage(Diagnostic::new("unknown-gate", "the manifest has no such gate")));
        };
        let each = match &gate.input {
            Input::Each { pattern, root } => Some((pattern.clone(), root.clone())),
            Input::Nothing | Input::Whole(_) | Input::Named(_) => None,
        };
        let mut verify = args.verify.clone();
        if verify.key.is_none() && !args.unverified {
            verify.trust.get_or_insert(plan.trust);
        }
        let params = if args.params.is_some() { eval::params(args.params.as_deref())? } else { gate.params };
        Ok(Self {
            module: gate.module,
            name: Some(gate.name),
            verify,
            params,
            limits: args.limits.over(gate.limits)?,
            held: held(args, gate.held),
            each,
        })
    }

    /// The files that it is made of.
    pub(super) fn reads(&self) -> impl Iterator<Item = PathBuf> {
        let HeldPlan { suppressions, baseline, .. } = &self.held;
        [Some(&self.module), self.verify.trust.as_ref(), suppressions.as_ref(), baseline.as_ref()]
            .into_iter()
            .flatten()
            .cloned()
    }
}

/// What the command line says goes before what the manifest says.
fn held(args: &Args, plan: HeldPlan) -> HeldPlan {
    HeldPlan {
        suppressions: args.suppressions.clone().or(plan.suppressions),
        baseline: args.baseline.clone().or(plan.baseline),
        fail_on: args.fail_on.unwrap_or(plan.fail_on),
    }
}

fn no_target(args: &Args, error: &FileError) -> Failure {
    let what = portcullis::text::excerpt(&args.what, 200);
    let message = format!("`{what}` is no file, and no gate of a manifest: {error}");
    let place = shown(&args.manifest);
    Failure::usage(
        Diagnostic::new("no-validator", message).at(place).help("name a module, or a gate and its --manifest"),
    )
}
