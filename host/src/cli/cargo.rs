//! Cargo: which gate crates there are, and what it is told to build them with.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use portcullis::{diagnostic::Diagnostic, files::shown};
use serde::Deserialize;

use super::{Exit, Failure, rustc, term};

/// What gates are built for.
pub(super) const TARGET: &str = "wasm32-wasip1";

/// The whole program is seen at once and made small; a panic has no machinery. In the fingerprint of what cargo keeps.
const PROFILE: [&str; 8] = [
    "profile.release.opt-level=\"s\"",
    "profile.release.lto=\"fat\"",
    "profile.release.codegen-units=1",
    "profile.release.panic=\"abort\"",
    "profile.release.strip=true",
    "profile.release.debug=false",
    "profile.release.debug-assertions=false",
    "profile.release.incremental=false",
];
/// A gate's own stack in its memory: a sixteenth of what the linker gives, and zeroed at every call.
const STACK: &str = "-Clink-arg=-zstack-size=65536";
/// Numbers of functions and addresses as short as they are, and not as long as the longest: a tenth of a gate. The linker
/// can do so where nothing else counts bytes, which is without debug information.
const SHORT: &str = "-Clink-arg=--compress-relocations";

/// A crate with at least one program.
#[derive(Clone, Debug)]
pub(super) struct Crate {
    pub(super) name: String,
    /// Where its Cargo.toml stands.
    pub(super) folder: PathBuf,
    /// The names of its programs, each of which becomes a module.
    pub(super) programs: Vec<String>,
    /// What its programs depend on, as cargo tells it.
    dependencies: Vec<serde_json::Value>,
}

/// Crates that share a lock file and a target folder.
#[derive(Debug)]
pub(super) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    pub(super) crates: Vec<Crate>,
}

impl Workspace {
    /// Where modules go unless the user says otherwise.
    pub(super) fn modules(&self) -> PathBuf {
        self.target.join("gates")
    }

    /// Where cargo leaves the module of a program.
    pub(super) fn built(&self, program: &str) -> PathBuf {
        self.artifacts().join(TARGET).join("release").join(format!("{program}.wasm"))
    }

    /// A folder of its own, so that a gate never rebuilds what the workspace builds for the machine, or waits for it.
    fn artifacts(&self) -> PathBuf {
        self.modules().join("cargo")
    }

    /// Builds every crate.
    pub(super) fn build(&self, locked: bool) -> Result<(), Failure> {
        let flags = self.rustflags()?;
        alike(&self.crates).iter().try_for_each(|crates| self.build_together(crates, &flags, locked))
    }

    fn build_together(&self, crates: &[&Crate], flags: &OsStr, locked: bool) -> Result<(), Failure> {
        let this = std::env::current_exe().map_err(|error| {
            Failure::blocked(Diagnostic::new("sandbox-failed", format!("this program cannot be found again: {error}")))
        })?;
        let mut command = cargo();
        command.args(["build", "--release", "--target", TARGET, "--target-dir"]).arg(self.artifacts());
        command.args(PROFILE.iter().flat_map(|setting| ["--config", setting]));
        command.args(crates.iter().flat_map(|it| ["--package", &it.name]));
        command.args(locked.then_some("--locked"));
        // The caller's own flags would change the bytes; cargo prefers these to RUSTFLAGS and to every configuration.
        command.env("CARGO_ENCODED_RUSTFLAGS", flags).env("CARGO_INCREMENTAL", "0");
        command.env("RUSTC_WRAPPER", this).env(rustc::MARK, "1");
        command.current_dir(&self.root).stdin(Stdio::null()).stdout(Stdio::null());
        if command.status().map_err(|error| not_started("cargo", &error))?.success() {
            return Ok(());
        }
        let names: Vec<&str> = crates.iter().map(|it| it.name.as_str()).collect();
        let message = format!("cargo did not build {}", names.join(", "));
        Err(Failure::new(Exit::No, Diagnostic::new("cargo-failed", message).at(shown(&self.root))))
    }

    /// Flags for every crate, as `CARGO_ENCODED_RUSTFLAGS` takes them.
    fn rustflags(&self) -> Result<OsString, Failure> {
        let version = rustc_says(&self.root, &["-vV"])?;
        let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or("unknown");
        let sources = Path::new(rustc_says(&self.root, &["--print", "sysroot"])?.trim()).join("lib/rustlib/src/rust");
        let mut flags = OsString::from([STACK, SHORT, ""].join("\u{1f}"));
        // Where the library's sources are installed, their paths take the place of the ones that it was built with.
        flags.push(rustc::remap(sources.as_os_str(), &format!("/rustc/{commit}")));
        Ok(flags)
    }

    /// Sees to it that gates can be built at all.
    pub(super) fn ensure_target(&self) -> Result<(), Failure> {
        if has_target(&self.root)? {
            return Ok(());
        }
        term::note(&format!("the target {TARGET} is not installed: rustup target add {TARGET}"));
        let added = Command::new("rustup").args(["target", "add", TARGET]).current_dir(&self.root).status();
        if added.is_ok_and(|status| status.success()) && has_target(&self.root)? {
            return Ok(());
        }
        let problem = Diagnostic::new("target-missing", format!("rustc cannot build for {TARGET}"));
        let help =
            format!("rustup target add {TARGET}, or your system's package of Rust's standard library for {TARGET}");
        Err(Failure::blocked(problem.help(help)))
    }
}

/// The crates that may be built by one cargo run: those that depend on the same things. Cargo builds what crates share with
/// the features of all of them together, and a gate's bytes must not depend on which gates stand beside it.
fn alike(crates: &[Crate]) -> Vec<Vec<&Crate>> {
    let mut groups: Vec<Vec<&Crate>> = Vec::new();
    for it in crates {
        match groups.iter_mut().find(|group| group.iter().all(|other| other.dependencies == it.dependencies)) {
            Some(group) => group.push(it),
            None => groups.push(vec![it]),
        }
    }
    groups
}

fn has_target(folder: &Path) -> Result<bool, Failure> {
    let libraries = rustc_says(folder, &["--print", "target-libdir", "--target", TARGET])?;
    Ok(Path::new(libraries.trim()).is_dir())
}

/// The tool that the environment names, or the one on the path.
fn tool(variable: &str, name: &str) -> Command {
    Command::new(std::env::var_os(variable).filter(|tool| !tool.is_empty()).unwrap_or_else(|| name.into()))
}

fn cargo() -> Command {
    tool("CARGO", "cargo")
}

fn rustc_says(folder: &Path, arguments: &[&str]) -> Result<String, Failure> {
    answer_of(tool("RUSTC", "rustc").args(arguments).current_dir(folder), "rustc")
}

/// What a tool writes to stdout; what it writes to stderr is the user's to read.
fn answer_of(command: &mut Command, name: &str) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let Output { status, stdout, .. } = output.map_err(|error| not_started(name, &error))?;
    match String::from_utf8(stdout) {
        Ok(text) if status.success() => Ok(text),
        _ => {
            Err(Failure::new(Exit::Usage, Diagnostic::new("cargo-failed", format!("{name} gave no answer: {status}"))))
        }
    }
}

fn not_started(name: &str, error: &io::Error) -> Failure {
    let missing = error.kind() == io::ErrorKind::NotFound;
    let message = if missing { format!("there is no {name}") } else { format!("{name} could not be started: {error}") };
    Failure::blocked(Diagnostic::new("cargo-missing", message).help("install Rust: https://rustup.rs"))
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
    dependencies: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

impl Package {
    fn targets_of(&self, kind: &str) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(move |target| target.kind.iter().any(|it| it == kind))
    }
}

impl Crate {
    fn of(package: &Package) -> Self {
        Self {
            name: package.name.clone(),
            folder: package.manifest_path.parent().unwrap_or(Path::new("/")).to_owned(),
            programs: package.targets_of("bin").map(|target| target.name.clone()).collect(),
            dependencies: package.dependencies.iter().filter(|it| it["kind"] != "dev").cloned().collect(),
        }
    }
}

impl Metadata {
    fn read(manifest: &Path) -> Result<Self, Failure> {
        let mut command = cargo();
        command.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(manifest);
        let text = answer_of(command.current_dir(manifest.parent().unwrap_or(Path::new("."))), "cargo")?;
        serde_json::from_str(&text).map_err(|error| {
            Failure::blocked(Diagnostic::new("cargo-failed", format!("cargo's metadata does not read: {error}")))
        })
    }

    /// The crate of that manifest: nothing if the manifest is of a workspace alone.
    fn of(&self, manifest: &Path) -> Option<Crate> {
        self.packages.iter().find(|package| package.manifest_path == manifest).map(Crate::of)
    }

    /// The workspace's gates: the programs that use the sdk and are no library's, as the host's own is.
    fn gates(&self) -> Vec<Crate> {
        let is_gate = |package: &&Package| {
            let uses_sdk = package.dependencies.iter().any(|it| it["name"] == "portcullis-sdk");
            uses_sdk && package.targets_of("bin").next().is_some() && package.targets_of("lib").next().is_none()
        };
        self.packages.iter().filter(is_gate).map(Crate::of).collect()
    }
}

/// The gate crates at `paths`, each a crate's folder or a folder of such, in that order and each once.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<Workspace>, Failure> {
    let mut search = Search::default();
    for path in paths {
        search.look(path)?;
    }
    Ok(search.found)
}

#[derive(Default)]
struct Search {
    known: Vec<Metadata>,
    found: Vec<Workspace>,
}

impl Search {
    fn look(&mut self, path: &Path) -> Result<(), Failure> {
        let folder = path.canonicalize().map_err(|_| no_crate(path, "there is no such folder"))?;
        match self.crate_at(&folder)? {
            Some(found) if found.programs.is_empty() => {
                Err(no_crate(path, "the crate has no program, and a gate is one"))
            }
            Some(found) => self.take(found),
            None => self.look_into(path, &folder),
        }
    }

    /// A workspace, or a plain folder of crates: those with a program. Libraries that they share may lie beside them.
    fn look_into(&mut self, path: &Path, folder: &Path) -> Result<(), Failure> {
        let found = match self.known.iter().find(|metadata| metadata.workspace_root == folder) {
            Some(workspace) => workspace.gates(),
            None => self.crates_in(folder).map_err(|_| no_crate(path, "it is no folder that can be read"))??,
        };
        if found.is_empty() {
            return Err(no_crate(path, "it is no gate crate and there is none in it"));
        }
        found.into_iter().try_for_each(|found| self.take(found))
    }

    fn crates_in(&mut self, folder: &Path) -> io::Result<Result<Vec<Crate>, Failure>> {
        let mut folders: Vec<PathBuf> = folder.read_dir()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        folders.sort();
        let crates = folders.iter().filter_map(|folder| self.crate_at(folder).transpose());
        Ok(crates.filter(|found| found.as_ref().map_or(true, |found| !found.programs.is_empty())).collect())
    }

    /// Cargo tells of all crates of a workspace at once, so it is asked once for each workspace.
    fn crate_at(&mut self, folder: &Path) -> Result<Option<Crate>, Failure> {
        let manifest = folder.join("Cargo.toml");
        if !manifest.is_file() {
            return Ok(None);
        }
        if let Some(found) = self.known.iter().find_map(|metadata| metadata.of(&manifest)) {
            return Ok(Some(found));
        }
        let metadata = Metadata::read(&manifest)?;
        let found = metadata.of(&manifest);
        self.known.push(metadata);
        Ok(found)
    }

    fn take(&mut self, found: Crate) -> Result<(), Failure> {
        let manifest = found.folder.join("Cargo.toml");
        let Some(metadata) = self.known.iter().find(|metadata| metadata.of(&manifest).is_some()) else { return Ok(()) };
        let root = &metadata.workspace_root;
        match self.found.iter_mut().find(|workspace| workspace.root == *root) {
            Some(workspace) if workspace.crates.iter().any(|known| known.folder == found.folder) => {}
            Some(workspace) => workspace.crates.push(found),
            None => self.found.push(Workspace {
                root: root.clone(),
                target: metadata.target_directory.clone(),
                crates: vec![found],
            }),
        }
        Ok(())
    }
}

fn no_crate(path: &Path, why: &str) -> Failure {
    let problem = Diagnostic::new("no-crate", format!("nothing to build at `{}`: {why}", shown(path)));
    Failure::usage(problem.help("name a gate crate or a folder of them; `portcullis new NAME --kind gate` makes one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, targets: &str, dependencies: &str) -> String {
        format!(
            r#"{{"name":"{name}","manifest_path":"/w/{name}/Cargo.toml","targets":[{targets}],"dependencies":[{dependencies}]}}"#
        )
    }

    fn workspace(packages: &[String]) -> Metadata {
        let text = format!(
            r#"{{"packages":[{}],"workspace_root":"/w","target_directory":"/w/target","version":1}}"#,
            packages.join(",")
        );
        serde_json::from_str(&text).expect("metadata")
    }

    const BIN: &str = r#"{"kind":["bin"],"name":"p"}"#;
    const LIB: &str = r#"{"kind":["lib"],"name":"l"}"#;
    const SDK: &str = r#"{"name":"portcullis-sdk","kind":null,"features":[]}"#;

    #[test]
    fn a_workspaces_gates_are_the_programs_that_use_the_sdk_and_are_no_librarys() {
        let found = workspace(&[
            package("host", &format!("{LIB},{BIN}"), SDK),
            package("sdk", LIB, ""),
            package("a", BIN, SDK),
            package("tool", BIN, ""),
        ])
        .gates();
        let found: Vec<_> =
            found.iter().map(|it| (it.name.as_str(), it.folder.as_path(), it.programs.as_slice())).collect();
        assert_eq!(found, [("a", Path::new("/w/a"), &["p".to_owned()][..])]);
    }

    #[test]
    fn only_crates_that_depend_on_the_same_are_built_together() {
        let dev = r#"{"name":"proptest","kind":"dev","features":[]}"#;
        let std = r#"{"name":"portcullis-sdk","kind":null,"features":["std"]}"#;
        let found =
            workspace(&[package("a", BIN, SDK), package("b", BIN, std), package("c", BIN, &format!("{SDK},{dev}"))])
                .gates();
        let groups: Vec<Vec<&str>> =
            alike(&found).into_iter().map(|group| group.into_iter().map(|it| it.name.as_str()).collect()).collect();
        assert_eq!(groups, [vec!["a", "c"], vec!["b"]]);
    }
}
